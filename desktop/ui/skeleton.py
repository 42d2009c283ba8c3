"""Still blocks in place of what has not come yet."""

from typing import Final

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from desktop.ui.theme import ink
from desktop.ui.tokens import ROW_HEIGHT, SKELETON_AFTER_MS

ROWS: Final = ((106, 166, 78), (106, 224, 78), (106, 186, 78), (106, 202, 78))
PARAGRAPHS: Final = ((90, 420, 300), (120, 380, 330), (90, 400, 240))


class Skeleton(QWidget):
    """Blocks without shimmer, only after 300 ms so that a quick answer shows none. Widths in px per row of three."""

    def __init__(self, name: str, pattern: tuple[tuple[int, int, int], ...], *, inset: int, lines: bool) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName("Loading")
        self.setMinimumHeight(len(pattern) * ROW_HEIGHT)
        self._pattern, self._inset, self._lines = pattern, inset, lines
        self.shown = False
        self._timer = QTimer(self, singleShot=True, interval=SKELETON_AFTER_MS)
        self._timer.timeout.connect(self._reveal)

    def begin(self) -> None:
        """Start waiting, anew when it was hidden since; a second call while waiting changes nothing."""
        if not self._timer.isActive() and not (self.shown and self.isVisible()):
            self.shown = False
            self._timer.start()

    def _reveal(self) -> None:
        self.shown = True
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        if not self.shown:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        block, line = QColor(ink(self, "active")), ink(self, "border")
        for place, widths in enumerate(self._pattern):
            top = place * ROW_HEIGHT
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(block)
            for offset, height, width in zip((12, 31, 52), (8, 11, 8), widths, strict=True):
                painter.drawRoundedRect(
                    self._inset, top + offset, min(width, self.width() - 2 * self._inset), height, 4, 4
                )
            if self._lines:
                painter.fillRect(0, top + ROW_HEIGHT - 1, self.width(), 1, line)
