"""A paragraph of at most two lines; what does not fit ends in an ellipsis and stands in the tooltip."""

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QTextLayout, QTextOption
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.ui.fonts import font
from desktop.ui.theme import ink
from desktop.ui.tokens import TOAST_WIDTH

_LINES = 2
_WIDTH = TOAST_WIDTH - 30


class TwoLines(QWidget):
    """Plain text, wrapped anywhere if it must."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setFont(font("body"))
        self._text = ""
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def text(self) -> str:
        """The words as given."""
        return self._text

    def setText(self, text: str) -> None:
        """Show these words."""
        self._text = " ".join(text.split())
        self.setAccessibleName(self._text)
        self.updateGeometry()
        self.update()

    def lines(self, width: int) -> list[str]:
        """The lines as drawn in `width` px."""
        layout = QTextLayout(self._text, self.font())
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(option)
        layout.beginLayout()
        found: list[str] = []
        while (line := layout.createLine()).isValid():
            line.setLineWidth(width)
            start = line.textStart()
            if len(found) == _LINES - 1:
                rest = self._text[start:]
                found.append(QFontMetrics(self.font()).elidedText(rest, Qt.TextElideMode.ElideRight, width))
                break
            found.append(self._text[start : start + line.textLength()].rstrip())
        layout.endLayout()
        return found

    def heightForWidth(self, width: int) -> int:
        """The height in px for a width (Qt)."""
        return max(1, len(self.lines(width))) * self._pitch()

    def _pitch(self) -> int:
        """From one baseline to the next, in px: a little more air than the font asks for."""
        return round(QFontMetrics(self.font()).lineSpacing() * 1.125)

    def sizeHint(self) -> QSize:
        """The size it wants in px (Qt)."""
        return QSize(_WIDTH, self.heightForWidth(_WIDTH))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(ink(self, "text_2"))
        metrics = QFontMetrics(self.font())
        shown = self.lines(self.width())
        for place, line in enumerate(shown):
            top = place * self._pitch() + (self._pitch() - metrics.lineSpacing()) / 2
            painter.drawText(QPointF(0, top + metrics.ascent()), line)
        self.setToolTip(self._text if " ".join(shown) != self._text else "")
