"""Notifications: a matrix of priority by toast, sound, repeat and quiet hours, and how they sound and read."""

from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGridLayout, QWidget

from backend.contract.vocabulary import PRIORITY_LABEL, Priority
from desktop.core.views import ProbeStep
from desktop.settings.layers import Resolved
from desktop.ui.about_test import StepLines
from desktop.ui.badges import PriorityPill
from desktop.ui.buttons import Button
from desktop.ui.panel import filled
from desktop.ui.settings_bind import Binder
from desktop.ui.settings_page import Facts, Page, add_row, hint
from desktop.ui.settings_parts import Check, Choice
from desktop.ui.text import label
from desktop.ui.theme import ink

PRIORITIES: Final[tuple[Priority, ...]] = ("urgent", "high", "normal", "low")
COLUMNS: Final = (("toast", "Toast"), ("sound", "Sound"), ("repeat", "Repeat"), ("quiet", "In quiet hours"))
SCOPES: Final = (
    ("Everything I can claim", "all"),
    ("For me and unassigned", "mine_and_unassigned"),
    ("Only for me", "mine"),
)
LOCK_TEXTS: Final = (
    ("Everything", "full"),
    ("Priority and customer only", "brief"),
    ("That something waits", "none"),
)
REPEATS_S: Final = (30, 60, 120, 300)
_ROW: Final = 38
_ALL: Final = frozenset(f"notify.{priority}.{column}" for priority in PRIORITIES for column, _ in COLUMNS)


class Matrix(QWidget):
    """A bordered table of check boxes, 38 px a row."""

    def __init__(self, binder: Binder) -> None:
        super().__init__()
        filled(self, "surface")
        self.setAccessibleName("What each priority does")
        grid = QGridLayout(self)
        grid.setContentsMargins(14, 0, 10, 0)
        grid.setSpacing(0)
        grid.addWidget(label("Priority", scale="caption_strong", tone="3"), 0, 0)
        for place, (_column, words) in enumerate(COLUMNS, 1):
            grid.addWidget(label(words, scale="caption_strong", tone="3"), 0, place, Qt.AlignmentFlag.AlignCenter)
        for line, priority in enumerate(PRIORITIES, 1):
            pill = PriorityPill(pill=False)
            pill.set_priority(priority)
            grid.addWidget(pill, line, 0)
            for place, (column, words) in enumerate(COLUMNS, 1):
                box = Check(f"notify_{priority}_{column}", f"{PRIORITY_LABEL[priority]}, {words.lower()}")
                binder.check(box, f"notify.{priority}.{column}")
                grid.addWidget(box, line, place, Qt.AlignmentFlag.AlignCenter)
        for line in range(len(PRIORITIES) + 1):
            grid.setRowMinimumHeight(line, _ROW)
        for place, stretch in enumerate((11, 9, 9, 9, 14)):
            grid.setColumnStretch(place, stretch)
        self.setFixedHeight(_ROW * (len(PRIORITIES) + 1))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(ink(self, "border")), 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        for line in range(1, len(PRIORITIES) + 1):
            painter.drawLine(QPointF(1, line * _ROW - 0.5), QPointF(self.width() - 1, line * _ROW - 0.5))


class NotificationsPage(Page):
    """See the module."""

    test_requested = Signal()
    sound_requested = Signal()

    def __init__(self, binder: Binder) -> None:
        names = _ALL | {"notify.scope", "sound.name", "lock_screen.text", "sound.repeat_s"}
        super().__init__("Notifications", "Notifications", binder, names)
        self.test = Button("Send a test", name="testNotificationButton", accessible="Send a test notification")
        self.test.clicked.connect(self.test_requested)
        self.head.addWidget(self.test)
        self.steps = StepLines()
        self.body.addWidget(self.steps)
        self.body.addWidget(Matrix(binder))
        self.body.addWidget(self.notice)
        grid = self.rows()
        self.scope = binder.choice(Choice("notifyScopeCombo", "Notify me about", SCOPES), "notify.scope")
        sounds = (("Two soft notes", "soft"), ("None", "none"))
        self.sound = binder.choice(Choice("soundCombo", "Sound", sounds, width=196), "sound.name")
        self.play = Button("Play", name="soundPlayButton", accessible="Play the sound")
        self.play.setFixedWidth(76)
        self.play.clicked.connect(self.sound_requested)
        self.silent = hint(name="soundHint")
        texts = Choice("lockScreenCombo", "On the lock screen", LOCK_TEXTS)
        self.lock_text = binder.choice(texts, "lock_screen.text")
        repeats = tuple((repeat_words(seconds), seconds) for seconds in REPEATS_S)
        self.repeat = Choice("repeatCombo", "Repeat every", repeats, width=120)
        binder.follow("sound.repeat_s", self._show_repeat)
        binder.choice(self.repeat, "sound.repeat_s")
        add_row(grid, "Notify me about", self.scope)
        add_row(grid, "Sound", self.sound, self.play)
        grid.addWidget(self.silent, grid.rowCount(), 1)
        add_row(grid, "On the lock screen", self.lock_text)
        add_row(grid, "Repeat every", self.repeat)
        self._sound_missing = ""
        binder.follow("sound.name", lambda _each: self._show_play())

    def show_facts(self, facts: Facts) -> None:
        """What is no setting has changed."""
        self._sound_missing = facts.sound
        self.silent.setText(facts.sound)
        self.silent.setVisible(bool(facts.sound))
        self._show_play()

    def show_test(self, steps: tuple[ProbeStep, ...], *, running: bool) -> None:
        """How far the test notification has come."""
        self.test.set_label("Sending" if running else "Send a test", accessible="Send a test notification")
        self.steps.show_steps(steps)

    def _show_play(self) -> None:
        self.play.setEnabled(self.binder.store.words("sound.name") != "none" and not self._sound_missing)

    def _show_repeat(self, each: Resolved) -> None:
        # A policy may say any number of seconds.
        if isinstance(each.value, int):
            self.repeat.show_value(each.value, repeat_words(each.value))


def repeat_words(seconds: int) -> str:
    """`60 s`, `2 min`."""
    return f"{seconds // 60} min" if seconds > 60 and seconds % 60 == 0 else f"{seconds} s"
