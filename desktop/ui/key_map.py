"""Single-letter keys of a window: what each does, once per press, and never while the user types."""

from collections.abc import Callable, Mapping
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QWidget

_ALLOWED: Final = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier
_STEPS: Final[Mapping[int, int]] = {Qt.Key.Key_J: 1, Qt.Key.Key_Down: 1, Qt.Key.Key_K: -1, Qt.Key.Key_Up: -1}


class KeyMap:
    """`once` maps a key to its action, where key repeat is ignored; `step` moves the selection and may repeat."""

    def __init__(self, once: Mapping[Qt.Key, Callable[[], object]], step: Callable[[int], None]) -> None:
        # Off: letters and signs do nothing, for people whose speech or slipping fingers would press them.
        self.letters = True
        # Plain numbers: a key of a foreign layout need not be a member of Qt's own list.
        self._once = {int(key): action for key, action in once.items()}
        self._step = step

    def press(self, event: QKeyEvent) -> bool:
        """Do what the key stands for; whether it stood for anything."""
        if event.modifiers() & ~_ALLOWED:
            return False
        if not self.letters and event.key() < Qt.Key.Key_Escape:
            return False
        if event.key() in _STEPS:
            self._step(_STEPS[event.key()])
            return True
        action = self._once.get(event.key())
        if action is None:
            return False
        if not event.isAutoRepeat():
            action()
        return True


def typing_in(widget: QWidget | None) -> bool:
    """Whether keys are letters of a text there."""
    return isinstance(widget, QLineEdit | QPlainTextEdit) and not widget.isReadOnly()
