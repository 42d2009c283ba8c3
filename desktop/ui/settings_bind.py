"""Ties controls to settings: the value in force shown, a change kept at once, what is locked in grey with a reason."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from desktop.settings.layers import Resolved
from desktop.settings.schema import Value
from desktop.settings.store import LockedError, Store
from desktop.ui.settings_parts import Check, Choice, Clock

_TYPED_MS = 600


class Binder(QObject):
    """Binds controls of one window. `failed` carries one sentence when a change could not be kept."""

    failed = Signal(str)
    kept = Signal()

    def __init__(self, store: Store, parent: QObject) -> None:
        super().__init__(parent)
        self.store = store
        self._shown: dict[str, list[Callable[[Resolved], None]]] = {}
        self._stop = store.listen(self._changed)
        self.destroyed.connect(_stopper(self._stop))

    def follow(self, name: str, show: Callable[[Resolved], None]) -> None:
        """Call `show` now and after each change of this setting."""
        self._shown.setdefault(name, []).append(show)
        show(self.store.get(name))

    def keep(self, name: str, value: Value) -> None:
        """The user's change; what cannot be kept is said and the control goes back."""
        try:
            self.store.set(name, value)
        except (OSError, ValueError, LockedError) as exc:
            self.failed.emit(f"Not saved: {_reason(exc)}. The former setting stays.")
            self._changed(frozenset({name}))
        else:
            self.kept.emit()

    def check(self, box: Check, name: str) -> Check:
        """A yes or no."""
        box.clicked.connect(lambda checked: self.keep(name, checked))
        self.follow(name, lambda each: box.setChecked(each.value is True))
        self._lockable(box, name)
        return box

    def choice(self, combo: Choice, name: str) -> Choice:
        """One of several."""
        combo.picked.connect(partial(self.keep, name))
        self.follow(name, lambda each: combo.show_value(each.value))
        self._lockable(combo, name)
        return combo

    def clock(self, edit: Clock, name: str) -> Clock:
        """A time of day."""
        edit.picked.connect(partial(self.keep, name))
        self.follow(name, lambda each: edit.show_value(each.value))
        self._lockable(edit, name)
        return edit

    def line(self, edit: QLineEdit, name: str) -> QLineEdit:
        """A text, kept when it is done or rests."""
        rest = QTimer(edit, singleShot=True, interval=_TYPED_MS)

        def keep() -> None:
            rest.stop()
            if edit.text().strip() != self.store.words(name):
                self.keep(name, edit.text().strip())

        rest.timeout.connect(keep)
        edit.textEdited.connect(lambda _text: rest.start())
        edit.editingFinished.connect(keep)
        self.follow(name, lambda each: None if edit.text().strip() == each.value else edit.setText(str(each.value)))
        self._lockable(edit, name)
        return edit

    def locked(self, names: frozenset[str]) -> bool:
        """Whether any of these cannot be changed here."""
        return any(self.store.get(name).locked for name in names)

    def _lockable(self, widget: QWidget, name: str) -> None:
        plain_name = widget.accessibleName()

        def show(each: Resolved) -> None:
            set_locked(widget, plain_name, self.lock_words(each))

        self.follow(name, show)
        if name != "organisation":
            self._shown.setdefault("organisation", []).append(lambda _each: show(self.store.get(name)))

    def lock_words(self, each: Resolved) -> str:
        """`Set by Northbeam IT`; empty when it can be changed."""
        if not each.locked:
            return ""
        return f"Set by {self.store.organisation}" if each.origin == "policy" else "Set on the command line"

    def _changed(self, names: frozenset[str]) -> None:
        for name in names:
            for show in self._shown.get(name, ()):
                show(self.store.get(name))


def set_locked(widget: QWidget, plain_name: str, words: str) -> None:
    """In grey with the reason in tooltip and name, or as it was."""
    widget.setEnabled(not words)
    widget.setToolTip(words)
    widget.setAccessibleName(f"{plain_name}, {words[0].lower()}{words[1:]}" if words else plain_name)
    widget.setCursor(Qt.CursorShape.ArrowCursor if words else Qt.CursorShape.PointingHandCursor)
    if isinstance(widget, Choice):
        widget.locked = bool(words)
    widget.update()


def _stopper(stop: Callable[[], None]) -> Callable[[], None]:
    """A slot that keeps nothing of the binder alive."""
    return lambda *_: stop()


def _reason(exc: Exception) -> str:
    if isinstance(exc, LockedError):
        return "it is set elsewhere"
    if isinstance(exc, OSError):
        return (exc.strerror or str(exc)).lower()
    return str(exc)
