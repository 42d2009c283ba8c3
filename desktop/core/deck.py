"""The toasts that should be up against those that are: one small worker for each toast id.

Showing and withdrawing one toast never overtake each other, a newer wish replaces one that has not been carried out,
and a toast that hangs holds up no other. The receipt is sent here, once the service has taken the toast: `shown`, or
`suppressed` while a cover lies over the screen (it is locked, or the desktop holds its notifications back). On a locked
screen a toast says no more than `lock_text` lets it. `up` and `down` hear what becomes of each.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from backend.contract.events import Receipt
from backend.contract.vocabulary import ReceiptState
from desktop.core.alerting import LockText, veiled
from desktop.core.ports import ToastFailedError, Toasts, Trace
from desktop.core.rounds import Round
from desktop.core.views import ToastView

LOCKED: Final = "locked"
_LOG: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class _Wish:
    """What should be on the screen under one id; null is nothing."""

    view: ToastView | None
    tells: tuple[Round, ...]


class Deck:
    """Carries out the notification policy's wishes through the `Toasts` port."""

    def __init__(
        self,
        toasts: Toasts,
        tell: Callable[[Receipt], None],
        trace: Trace,
        *,
        up: Callable[[ToastView], None] = lambda _view: None,
        down: Callable[[str], None] = lambda _toast_id: None,
    ) -> None:
        self._toasts = toasts
        self._heard_up, self._heard_down = up, down
        self.lock_text: LockText = "full"
        self._tell = tell
        self._trace = trace
        self._wishes: dict[str, _Wish] = {}
        self._up: dict[str, ToastView] = {}
        self._behind: dict[str, tuple[Round, ...]] = {}
        self._cover: str | None = None
        self._unseen: dict[Round, None] = {}
        self._workers: dict[str, asyncio.Task[None]] = {}

    def show(self, view: ToastView, tells: tuple[Round, ...] = ()) -> None:
        """Show or replace; `tells` are the rounds of which the server is told `shown`, `suppressed` or `failed`."""
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
        self._heard_down(toast_id)

    def renew(self, toast_id: str) -> None:
        """Show it once more as it is."""
        if (view := self._up.get(toast_id)) is not None:
            self.show(view)

    def came_up(self, toast_id: str) -> None:
        """One that was not seen at once is on the screen now."""
        if (view := self._up.get(toast_id)) is not None and (tells := self._behind.pop(toast_id, None)) is not None:
            self._shown(view, tells, "window")

    def failed(self, toast_id: str, reason: str) -> None:
        """One that should have come up has not; if it does after all, `came_up` says so."""
        _LOG.warning("a toast was not shown: %s", reason)
        self._tell_all(self._behind.get(toast_id, ()), "failed", reason)

    def cover(self, reason: str | None) -> tuple[Round, ...]:
        """What is put up from now on is not seen, for this reason; null: it is. Answers what was put up unseen."""
        self._cover = reason
        if reason is not None:
            return ()
        unseen, self._unseen = tuple(self._unseen), {}
        return unseen

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
                    self._heard_down(toast_id)
                    self._behind.pop(toast_id, None)
                    if self._up.pop(toast_id, None) is not None:
                        await self._toasts.withdraw(toast_id)
                        self._trace.mark("toast_withdrawn", toast=toast_id)
                else:
                    await self._show(wish.view, wish.tells)
        finally:
            del self._workers[toast_id]

    async def _show(self, view: ToastView, tells: tuple[Round, ...]) -> None:
        self._trace.mark("toast_called", toast=view.id, variant=view.variant)
        self._up[view.id] = view
        try:
            how = await self._toasts.show(self._worded(view))
        except ToastFailedError as exc:
            self._up.pop(view.id, None)
            _LOG.warning("a toast was not shown: %s", exc)
            self._tell_all((*self._behind.pop(view.id, ()), *tells), "failed", str(exc))
            return
        tells = tuple(dict.fromkeys((*self._behind.pop(view.id, ()), *tells)))
        if how == "queued":
            # A window that is not painted yet, or waits behind another; until it is, saying `shown` would be a lie.
            self._behind[view.id] = tells
            return
        self._shown(view, tells, how)

    def _worded(self, view: ToastView) -> ToastView:
        return veiled(view, self.lock_text) if self._cover == LOCKED else view

    def _shown(self, view: ToastView, tells: tuple[Round, ...], how: str) -> None:
        self._heard_up(view)
        if self._cover is not None:
            self._trace.mark("toast_covered", toast=view.id, variant=view.variant, reason=self._cover)
            self._unseen |= dict.fromkeys(tells)
            self._tell_all(tells, "suppressed", self._cover)
            return
        self._trace.mark("toast_shown", toast=view.id, variant=view.variant, how=how)
        self._tell_all(tells, "shown", "digest" if view.variant == "digest" else None)

    def _tell_all(self, tells: tuple[Round, ...], state: ReceiptState, reason: str | None) -> None:
        for handoff_id, rung in tells:
            self._tell(Receipt(handoff_id=handoff_id, state=state, reason=reason, rung=rung))
