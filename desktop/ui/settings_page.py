"""What the pages of the settings share: headline, rows of label and control, the one line about what is locked."""

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QWidget

from desktop.ui.panel import IconLabel, column, filled, row
from desktop.ui.settings_bind import Binder
from desktop.ui.text import Prose, label

LABEL_WIDTH: Final = 132


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the settings show that is no setting. `autostart_held` names what decides against the user's choice."""

    name: str = ""
    role: str = ""
    server: str = ""
    device: str = ""
    kept: str = ""
    zone: str = ""
    certificate: str = ""
    proxy: str = ""
    sound: str = ""  # why nothing can be heard; empty when it can
    signed_in: bool = False
    tray: bool = True
    autostart: bool = False
    autostart_held: str = ""
    hotkey: str = "This desktop offers no global shortcuts to programs."  # why there is none; empty when there is
    hotkey_trouble: str = ""  # why the one that was chosen does not work
    browsers: tuple[tuple[str, str], ...] = ()


class Page(QWidget):
    """One page: `names` are the settings on it, for the line about what is locked."""

    def __init__(self, name: str, title: str, binder: Binder, names: frozenset[str]) -> None:
        super().__init__()
        self.setObjectName(f"page{name}")
        self.setAccessibleName(title)
        filled(self, "surface")
        self.binder = binder
        self._names = names
        self.head = row(spacing=8)
        self.head.addWidget(label(title, scale="heading"))
        self.head.addStretch()
        self.body = column(spacing=18)
        holder = QWidget()
        filled(holder, "surface")
        inner = column(holder, spacing=18, margins=(24, 20, 24, 20))
        inner.addLayout(self.head)
        inner.addLayout(self.body)
        inner.addStretch()
        area = QScrollArea()
        area.setObjectName("detailScroll")
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(holder)
        column(self).addWidget(area)
        self.notice, self._notice_words = _notice()
        for each in (*names, "organisation"):
            binder.follow(each, lambda _each: self._say_locked())

    def rows(self) -> QGridLayout:
        """A grid of labels and controls, added to the body."""
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(10)
        grid.setColumnMinimumWidth(0, LABEL_WIDTH)
        grid.setColumnStretch(1, 1)
        self.body.addLayout(grid)
        return grid

    def show_facts(self, facts: Facts) -> None:
        """What is no setting has changed."""

    def _say_locked(self) -> None:
        store = self.binder.store
        policy = any(store.get(name).locked and store.get(name).origin == "policy" for name in self._names)
        words = f"Grey boxes are set by {store.organisation} and cannot be changed here."
        if not policy:
            words = "Grey boxes are set on the command line and cannot be changed here."
        self._notice_words.setText(words)
        self.notice.setAccessibleName(words)
        self.notice.setVisible(self.binder.locked(self._names))


def add_row(grid: QGridLayout, words: str, *controls: QWidget) -> None:
    """One line: its label and what belongs to it."""
    place = grid.rowCount()
    name = label(words, tone="2")
    name.setMinimumWidth(LABEL_WIDTH)
    grid.addWidget(name, place, 0, Qt.AlignmentFlag.AlignVCenter)
    if not controls[0].objectName() or not isinstance(controls[0], Prose):
        name.setBuddy(controls[0])
    line = row(spacing=8)
    for control in controls:
        line.addWidget(control)
    if not any(isinstance(control, Prose) for control in controls):
        line.addStretch()
    grid.addLayout(line, place, 1)


def hint(words: str = "", *, name: str | None = None) -> Prose:
    """A line of explanation below a control."""
    return Prose(words, scale="caption", tone="3", name=name)


def _notice() -> tuple[QWidget, Prose]:
    holder = QWidget()
    holder.setObjectName("lockNotice")
    words = Prose(scale="caption", tone="2")
    line = row(holder, spacing=8)
    line.addWidget(IconLabel("lock", "text_2", 14), 0, Qt.AlignmentFlag.AlignVCenter)
    line.addWidget(words, 1)
    return holder, words
