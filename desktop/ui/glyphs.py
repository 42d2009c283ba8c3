"""Small shapes that carry meaning without colour: priority bars, urgent chevrons, confidence segments, dots."""

from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from backend.contract.vocabulary import Priority

GLYPH: Final = 14
_BARS: Final = ((1.0, 8.5, 4.5), (5.5, 5.0, 8.0), (10.0, 1.0, 12.0))
_FILLED: Final[dict[Priority, int]] = {"low": 1, "normal": 2, "high": 3}
_CHEVRONS: Final = (((4, 6.6), (7, 3.8), (10, 6.6)), ((4, 10.4), (7, 7.6), (10, 10.4)))


def paint_priority(
    painter: QPainter, priority: Priority, at: QPointF, colour: QColor, ground: QColor, ratio: float = 1.0
) -> None:
    """Draw the 14 px glyph with its top left at `at`; `ground` is what the urgent chevrons are cut out to."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(at)
    painter.scale(ratio, ratio)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    if priority == "urgent":
        painter.drawRoundedRect(QRectF(0.5, 0.5, 13, 13), 3, 3)
        pen = QPen(ground, 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        for points in _CHEVRONS:
            painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in points]))
    else:
        for index, (left, top, height) in enumerate(_BARS):
            painter.setOpacity(1.0 if index < _FILLED[priority] else 0.28)
            painter.drawRoundedRect(QRectF(left, top, 3, height), 1, 1)
    painter.restore()


def paint_confidence(painter: QPainter, filled: int, at: QPointF, colour: QColor) -> None:
    """Three segments of 14 by 5 px, `filled` of them solid."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    for index in range(3):
        painter.setOpacity(1.0 if index < filled else 0.24)
        painter.drawRoundedRect(QRectF(at.x() + index * 16, at.y(), 14, 5), 2, 2)
    painter.restore()


def paint_dot(painter: QPainter, centre: QPointF, colour: QColor, *, hollow: bool = False) -> None:
    """A status dot of 8 px."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if hollow:
        painter.setPen(QPen(colour, 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(centre, 3, 3)
    else:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(centre, 4, 4)
    painter.restore()
