"""Where a toast goes: to the system when it can show buttons, else to a window of our own."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from desktop.core.ports import ToastFailedError, ToastListener
from desktop.core.views import ToastView


class SystemPort(Protocol):
    """The system's notifications."""

    lost: Callable[[list[ToastView]], None] | None

    @property
    def usable(self) -> bool:
        """Whether they are there and carry buttons."""
        ...

    async def start(self) -> None:
        """Connect."""
        ...

    async def stop(self) -> None:
        """Leave."""
        ...

    async def show(self, view: ToastView) -> str:
        """Raise `ToastFailedError`."""
        ...

    async def withdraw(self, toast_id: str) -> None:
        """Take away."""
        ...


class WindowPort(Protocol):
    """Toast windows of our own: one is visible, others wait for their turn. Each tells when it has been painted."""

    def show_toast(self, view: ToastView) -> None:
        """Show or replace."""
        ...

    def withdraw(self, toast_id: str) -> None:
        """Take away."""
        ...


class ToastRouter:
    """`desktop.core.ports.Toasts`. `make_window` makes our own window on first need.

    What a notification service takes along when it ends is put up again, by its successor or in our window, without a
    sound; `closed` hears of one that nobody could show.
    """

    def __init__(
        self,
        system: SystemPort | None,
        make_window: Callable[[], WindowPort] | None,
        closed: Callable[[str], None] = lambda _toast_id: None,
    ) -> None:
        self._system = system
        self._make_window = make_window
        self._window: WindowPort | None = None
        self._started = asyncio.Event()
        self._in_window: set[str] = set()
        self._why: dict[str, str] = {}
        self._closed = closed
        self._returning: dict[str, ToastView] = {}
        self._return: asyncio.Task[None] | None = None

    @property
    def by_system(self) -> bool:
        """Whether the system shows them."""
        return self._system is not None and self._system.usable

    @property
    def words(self) -> str:
        """For the diagnostics."""
        return (
            "System service, buttons supported"
            if self.by_system
            else "A window of our own: the system's have no buttons"
        )

    async def start(self) -> None:
        """Find out what there is."""
        if self._system is not None:
            self._system.lost = self._lost
            await self._system.start()
        self._started.set()

    async def stop(self) -> None:
        """Leave the system's service."""
        if self._return is not None:
            self._return.cancel()
        if self._system is not None:
            await self._system.stop()

    async def show(self, view: ToastView) -> str:
        """See the protocol. A service that fails is replaced by the window, so that the alert is seen all the same."""
        await self._started.wait()
        failure: ToastFailedError | None = None
        if self._system is not None and self._system.usable:
            try:
                how = await self._system.show(view)
            except ToastFailedError as exc:
                failure = exc
            else:
                self._leave_window(view.id)
                return how
        if self._make_window is None:
            raise failure or ToastFailedError("no notification service")
        self._window = self._window or self._make_window()
        self._why[view.id] = f"{failure}; " if failure is not None else ""
        self._in_window.add(view.id)
        self._window.show_toast(view)
        return "queued"

    def why_unseen(self, toast_id: str) -> str:
        """The receipt's reason for a toast whose window never came up, with what the system's service had said."""
        return f"{self._why.get(toast_id, '')}the toast window did not come up"

    async def withdraw(self, toast_id: str) -> None:
        """Wherever it is."""
        self._returning.pop(toast_id, None)
        self._leave_window(toast_id)
        if self._system is not None:
            await self._system.withdraw(toast_id)

    def _lost(self, views: list[ToastView]) -> None:
        self._returning |= {view.id: replace(view, sound=False) for view in views}
        if self._returning and (self._return is None or self._return.done()):
            self._return = asyncio.get_running_loop().create_task(self._put_up_again())

    async def _put_up_again(self) -> None:
        while self._returning:
            view = next(iter(self._returning.values()))
            try:
                await self.show(view)
            except ToastFailedError:
                self._closed(view.id)
            if self._returning.pop(view.id, None) is None:
                # Withdrawn while it was on its way.
                await self.withdraw(view.id)

    def _leave_window(self, toast_id: str) -> None:
        if toast_id in self._in_window and self._window is not None:
            self._in_window.discard(toast_id)
            self._why.pop(toast_id, None)
            self._window.withdraw(toast_id)


class LateListener:
    """Stands in for the controller until it exists: toasts and controller need each other."""

    def __init__(self) -> None:
        self.target: ToastListener | None = None
        self.own: dict[str, Callable[[], None]] = {}

    def toast_pressed(self, toast_id: str, action: str) -> None:
        """Pass on; what is the app's own is done too."""
        if action in self.own:
            self.own[action]()
        if self.target is not None:
            self.target.toast_pressed(toast_id, action)  # type: ignore[arg-type] # checked by whoever read the key

    def toast_closed(self, toast_id: str) -> None:
        """Pass on."""
        if self.target is not None:
            self.target.toast_closed(toast_id)

    def toast_came_up(self, toast_id: str) -> None:
        """Pass on."""
        if self.target is not None:
            self.target.toast_came_up(toast_id)

    def toast_failed(self, toast_id: str, reason: str) -> None:
        """Pass on."""
        if self.target is not None:
            self.target.toast_failed(toast_id, reason)
