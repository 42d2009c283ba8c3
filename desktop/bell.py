"""How this computer tells its user: the notification service or windows of our own, sound, and who can see it."""

import logging
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from desktop.core.views import ToastView
from desktop.platform.sound import Player
from desktop.platform.toast_router import LateListener, ToastRouter, WindowPort

if TYPE_CHECKING:
    from desktop.platform.attention import Attention
    from desktop.platform.notifications import SystemToasts

_LOG: Final = logging.getLogger(__name__)


class Bell:
    """One per app. `covered` hears the reason why nobody sees the screen, null when somebody does."""

    def __init__(self, sounds: Path, covered: Callable[[str | None], None]) -> None:
        self.listener = LateListener()
        self.player = Player(sounds)
        self.router: ToastRouter | None = None
        self.cover: str | None = None
        self._heard_cover = covered
        self._system: SystemToasts | None = None
        self._attention: Attention | None = None

    def make(self) -> ToastRouter:
        """The parts that take time to load; `start` begins them."""
        if sys.platform == "linux":
            from desktop.platform.attention import Attention  # noqa: PLC0415 - Linux only, after the icon
            from desktop.platform.notifications import SystemToasts  # noqa: PLC0415 - the same

            self._system = SystemToasts(self.listener)
            self._system.sound_file = self._sound_file
            self._attention = Attention(self._covered)
        self.router = ToastRouter(self._system, self._window, self.listener.toast_closed)
        return self.router

    def start(self) -> Coroutine[Any, Any, None]:
        """Toasts wait for the router: whether the first can be seen is known before it is shown."""

        async def begin() -> None:
            if self._attention is not None:
                await self._attention.start()
            if self.router is not None:
                await self.router.start()

        return begin()

    async def stop(self) -> None:
        """Nothing is shown or heard any more."""
        if self.router is not None:
            await self.router.stop()
        if self._attention is not None:
            await self._attention.stop()

    @property
    def daemon_sounds(self) -> bool:
        """Whether the notification service can play a sound."""
        return self._system is not None and self._system.sounds

    def _covered(self, reason: str | None) -> None:
        self.cover = reason
        self._heard_cover(reason)

    def _window(self) -> WindowPort:
        from desktop.ui.toast_window import ToastStack  # noqa: PLC0415 - only where the system has no buttons

        stack = ToastStack()
        stack.pressed.connect(self.listener.toast_pressed)
        stack.closed.connect(self.listener.toast_closed)
        stack.shown.connect(self.listener.toast_came_up)
        stack.failed.connect(self._failed)
        return stack

    def _failed(self, toast_id: str) -> None:
        if self.router is not None:
            self.listener.toast_failed(toast_id, self.router.why_unseen(toast_id))

    def _sound_file(self, view: ToastView) -> Path | None:
        """For the notification service, where this computer has no player of its own."""
        return None if self.player.plays else self.player.file(3 if view.urgent else 2)
