"""The choices of do not disturb, the same in the tray and in the window."""

from collections.abc import Callable
from functools import partial
from typing import Final

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

DndChoice = int | str
CHOICES: Final[tuple[tuple[str, str, DndChoice], ...]] = (
    ("actionDnd30", "30 min", 30),
    ("actionDnd60", "1 h", 60),
    ("actionDndTomorrow", "Until tomorrow 08:00", "tomorrow"),
    ("actionDndOn", "Until I turn it off", "on"),
)
TURN_OFF: Final = "Turn off do not disturb"


def fill_dnd_menu(menu: QMenu, chosen: Callable[[DndChoice], None]) -> None:
    """Add the four choices; `chosen` gets minutes, `tomorrow` or `on`."""
    for name, words, choice in CHOICES:
        menu.addAction(action(menu, name, words, partial(chosen, choice)))


def action(menu: QMenu, name: str, words: str, run: Callable[[], None]) -> QAction:
    """One named menu entry."""
    entry = QAction(words, menu)
    entry.setObjectName(name)
    entry.triggered.connect(lambda _checked=False: run())
    return entry
