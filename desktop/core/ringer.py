"""When a sound is heard: once with a toast, and again for those that repeat until somebody acts on them.

Never two sounds within two seconds, however many toasts come at once. Times are monotonic seconds.
"""

from collections.abc import Callable, Iterable
from typing import Final

from desktop.core.ports import Sounds
from desktop.core.views import ToastView

APART_S: Final = 2.0
NOTES: Final = 2
URGENT_NOTES: Final = 3


class Ringer:
    """`renew` shows a toast again: where only the notification service can sound, that is how a sound repeats."""

    def __init__(self, sounds: Sounds | None, mono: Callable[[], float], renew: Callable[[str], None]) -> None:
        self._sounds = sounds
        self._mono = mono
        self._renew = renew
        self._loud: dict[str, float] = {}
        self._last = float("-inf")
        self.repeat_s = 60.0
        # The desktop holds its notifications back: what nobody is to see, nobody is to hear.
        self.silent = False

    @property
    def deadline(self) -> float | None:
        """When the next repeat is due."""
        return min(self._loud.values(), default=None)

    def shown(self, view: ToastView) -> None:
        """A toast has come up, or another took its place."""
        if view.repeats:
            self._loud[view.id] = self._mono() + self.repeat_s
        else:
            self._loud.pop(view.id, None)
        if view.sound and self._sounds is not None and self._sounds.plays:
            self._ring(urgent=view.urgent)

    def gone(self, toast_id: str) -> None:
        """It was pressed, closed or withdrawn."""
        self._loud.pop(toast_id, None)

    def hush(self, toast_ids: Iterable[str] | None = None) -> None:
        """These repeat no more; null: none does."""
        for toast_id in list(self._loud) if toast_ids is None else toast_ids:
            self._loud.pop(toast_id, None)

    @property
    def loud(self) -> tuple[str, ...]:
        """The toasts that repeat."""
        return tuple(self._loud)

    def on_time(self) -> None:
        """Sound for all that are due, once."""
        now = self._mono()
        due = [toast_id for toast_id, at in self._loud.items() if at <= now]
        for toast_id in due:
            self._loud[toast_id] = now + self.repeat_s
        if not due or self.silent or self._sounds is None:
            return
        if self._sounds.plays:
            self._ring(urgent=True)
        else:
            self._renew(due[0])

    def _ring(self, *, urgent: bool) -> None:
        now = self._mono()
        if self._sounds is not None and not self.silent and now - self._last >= APART_S:
            self._last = now
            self._sounds.ring(URGENT_NOTES if urgent else NOTES)
