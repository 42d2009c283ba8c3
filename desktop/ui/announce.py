"""What a screen reader is told without being asked: arrivals and results, merged when they come in bursts."""

from typing import Final

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QWidget

from desktop.core.views import RowView
from desktop.ui.words import arrival_sentence

_MERGE_MS: Final = 2000


class Announcer(QObject):
    """One polite live region for a window. `said` keeps the last sentence, for tests."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._arrived: list[RowView] = []
        self._timer = QTimer(self, singleShot=True, interval=_MERGE_MS)
        self._timer.timeout.connect(self._flush)
        self.said = ""

    def arrived(self, rows: list[RowView]) -> None:
        """New rows: the first is said at once, what follows within two seconds is merged."""
        if not rows:
            return
        if self._timer.isActive():
            self._arrived += rows
            return
        self._say_rows(rows)
        self._timer.start()

    def say(self, sentence: str) -> None:
        """Say a result or a change of the connection."""
        self.said = sentence
        if QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self._window, sentence))

    def _flush(self) -> None:
        rows, self._arrived = self._arrived, []
        if rows:
            self._say_rows(rows)
            self._timer.start()

    def _say_rows(self, rows: list[RowView]) -> None:
        if len(rows) == 1:
            self.say(arrival_sentence(rows[0]))
            return
        urgent = sum(row.priority == "urgent" for row in rows)
        self.say(f"{len(rows)} new, {urgent} urgent" if urgent else f"{len(rows)} new")
