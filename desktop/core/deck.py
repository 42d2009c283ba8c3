"""The toasts that should be up against those that are: one small worker for each toast id.

Showing and withdrawing one toast never overtake each other, a newer wish replaces one that has not been carried out,
and a toast that hangs holds up no other. The receipt `shown` is sent here, once the service has taken the toast.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from backend.contract.events import Receipt
from desktop.core.ports import ToastFailedError, Toasts, Trace
from desktop.core.views import ToastView

_LOG: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class _Wish:
    """What should be on the screen under one id; null is nothing."""

    view: ToastView | None
    tells: tuple[str, ...]


class Deck:
    """Carries out the notification policy's wishes through the `Toasts` port."""

    def __init__(self, toasts: Toasts, tell: Callable[[Receipt], None], trace: Trace) -> None:
        self._toasts = toasts
        self._tell = tell
        self._trace = trace
        self._wishes: dict[str, _Wish] = {}
        self._up: dict[str, ToastView] = {}
        self._behind: dict[str, tuple[str, ...]] = {}
        self._workers: dict[str, asyncio.Task[None]] = {}

    def show(self, view: ToastView, tells: tuple[str, ...] = ()) -> None:
        """Show or replace; `tells` are the handoffs for which the server is told `shown` or `failed`."""
        waiting = self._wishes.get(view.id)
        if waiting is not None and waiting.view is not None:
            tells = tuple(dict.fromkeys(waiting.tells + tells))
        self._wish(view.id, _Wish(view, tells))

    def withdraw(self, toast_id: str) -> None:
        """Take it away, or never show it."""
        if toast_id in self._up or toast_id in self._wishes or toast_id in self._workers:
            self._wish(toast_id, _Wish(None, ()))

    def closed(self, toast_id: str) -> None:
        """It left the screen without us."""
        self._up.pop(toast_id, None)
        self._behind.pop(toast_id, None)

    def came_up(self, toast_id: str) -> None:
        """One that had to wait behind another is on the screen now."""
        if (view := self._up.get(toast_id)) is not None and (tells := self._behind.pop(toast_id, None)) is not None:
            self._shown(view, tells, "window")

    def get(self, toast_id: str) -> ToastView | None:
        """What is on the screen under this id."""
        return self._up.get(toast_id)

    async def stop(self) -> None:
        """Withdraw everything; toasts whose app is gone could not be answered."""
        for toast_id in list(self._up):
            self.withdraw(toast_id)
        await asyncio.gather(*self._workers.values(), return_exceptions=True)

    def _wish(self, toast_id: str, wish: _Wish) -> None:
        self._wishes[toast_id] = wish
        if toast_id not in self._workers:
            self._workers[toast_id] = asyncio.get_running_loop().create_task(self._work(toast_id))

    async def _work(self, toast_id: str) -> None:
        try:
            while (wish := self._wishes.pop(toast_id, None)) is not None:
                if wish.view is None:
                    self._behind.pop(toast_id, None)
                    if self._up.pop(toast_id, None) is not None:
                        await self._toasts.withdraw(toast_id)
                        self._trace.mark("toast_withdrawn", toast=toast_id)
                else:
                    await self._show(wish.view, wish.tells)
        finally:
            del self._workers[toast_id]

    async def _show(self, view: ToastView, tells: tuple[str, ...]) -> None:
        self._trace.mark("toast_called", toast=view.id, variant=view.variant)
        self._up[view.id] = view
        try:
            how = await self._toasts.show(view)
        except ToastFailedError as exc:
            self._up.pop(view.id, None)
            _LOG.warning("a toast was not shown: %s", exc)
            for handoff_id in tells:
                self._tell(Receipt(handoff_id=handoff_id, state="failed", reason=str(exc)))
            return
        if how == "queued":
            # It waits behind another toast window; until it is up, saying `shown` would be a lie.
            self._behind[view.id] = tells
            return
        self._behind.pop(view.id, None)
        self._shown(view, tells, how)

    def _shown(self, view: ToastView, tells: tuple[str, ...], how: str) -> None:
        self._trace.mark("toast_shown", toast=view.id, variant=view.variant, how=how)
        reason = "digest" if view.variant == "digest" else None
        for handoff_id in tells:
            self._tell(Receipt(handoff_id=handoff_id, state="shown", reason=reason))
