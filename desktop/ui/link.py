"""A link: underlined words that are pressed like a button."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen

from desktop.ui.fonts import font
from desktop.ui.pressable import Pressable
from desktop.ui.theme import plain, tokens


class LinkButton(Pressable):
    """Plain words in the link colour."""

    def __init__(self, name: str, words: str = "") -> None:
        super().__init__(name=name)
        self.setFlat(True)
        self.setFont(font("body"))
        self.set_words(words)

    def set_words(self, words: str) -> None:
        """Show these words."""
        self._words = words
        self.setAccessibleName(words)
        self.setFixedSize(self.sizeHint())
        self.update()

    def sizeHint(self) -> QSize:
        """The size it wants in px (Qt)."""
        metrics = QFontMetrics(self.font())
        return QSize(metrics.horizontalAdvance(self._words) + 2, metrics.height() + 1)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        painter = QPainter(self)
        link = self.palette().color(self.palette().ColorRole.Link) if plain() else QColor(tokens().link)
        painter.setFont(self.font())
        painter.setPen(QPen(link, 1))
        painter.drawText(QRectF(0, 0, self.width(), self.height() - 1), int(Qt.AlignmentFlag.AlignVCenter), self._words)
        width = QFontMetrics(self.font()).horizontalAdvance(self._words)
        line = self.height() - 1
        painter.drawLine(0, line, width, line)
        if self.hasFocus():
            painter.setPen(QPen(QColor(tokens().focus), 2))
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))
