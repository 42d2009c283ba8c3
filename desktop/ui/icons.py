"""The icon set: 16 px grid, 1.5 px stroke, round caps, one colour."""

from functools import lru_cache
from typing import Final

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

_STROKED: Final[dict[str, str]] = {
    "search": '<circle cx="7" cy="7" r="4.5"/><path d="m10.5 10.5 3 3"/>',
    "close": '<path d="m4 4 8 8M12 4l-8 8"/>',
    "moon": '<path d="M13 9.6A5.5 5.5 0 0 1 6.4 3 5.5 5.5 0 1 0 13 9.6Z"/>',
    "down": '<path d="m4 6.5 4 4 4-4"/>',
    "right": '<path d="m6.5 4 4 4-4 4"/>',
    "settings": '<path d="M2.5 5h5M11.5 5h2M2.5 11h2M8.5 11h5"/><circle cx="9.5" cy="5" r="1.8"/>'
    '<circle cx="6.5" cy="11" r="1.8"/>',
    "spark": '<path d="M8 2.5 9.4 6.6 13.5 8 9.4 9.4 8 13.5 6.6 9.4 2.5 8l4.1-1.4Z"/>',
    "check": '<path d="m3.5 8.5 3 3 6-7"/>',
    "info": '<circle cx="8" cy="8" r="6"/><path d="M8 7.5v3.3M8 5.2v.1"/>',
    "warn": '<path d="M8 2.5 14 13H2ZM8 6.5v3M8 11.2v.1"/>',
    "sync": '<path d="M13 8a5 5 0 0 1-9 3M3 8a5 5 0 0 1 9-3M12 2.5V5H9.5M4 13.5V11h2.5"/>',
    "user": '<circle cx="8" cy="5.5" r="2.7"/><path d="M3 13.5c.5-2.7 2.5-4 5-4s4.5 1.3 5 4"/>',
    "offline": '<path d="M2 6.2a9 9 0 0 1 3-1.8M8 3.7a9 9 0 0 1 6 2.5M4.3 8.7A5.6 5.6 0 0 1 7 7.2M10 7.5c.6.3 1.2.7 1.7'
    ' 1.2M2.5 2.5l11 11"/><circle cx="8" cy="11.8" r=".9" fill="COLOUR" stroke="none"/>',
    "bell": '<path d="M3.5 11.5c1-1 1-2.2 1-4a3.5 3.5 0 0 1 7 0c0 1.8 0 3 1 4ZM6.7 13.7a1.5 1.5 0 0 0 2.6 0"/>',
    "screen": '<rect x="2" y="2.8" width="12" height="8" rx="1.5"/><path d="M6 13.5h4M8 10.8v2.7"/>',
    "lock": '<rect x="3.5" y="7" width="9" height="6.5" rx="1.5"/><path d="M5.5 7V5a2.5 2.5 0 0 1 5 0v2"/>',
    "outcome_worked": '<circle cx="8" cy="8" r="6"/><path d="m5.3 8.2 1.9 1.9 3.5-4"/>',
    "outcome_helped": '<circle cx="8" cy="8" r="6"/><path d="M8 2a6 6 0 0 0 0 12Z" fill="COLOUR" stroke="none"/>',
    "outcome_no_change": '<circle cx="8" cy="8" r="6"/><path d="M5.5 8h5"/>',
    "outcome_worse": '<circle cx="8" cy="8" r="6"/><path d="m6 6 4 4M10 6l-4 4"/>',
    "outcome_blocked": '<rect x="3.5" y="7" width="9" height="6.5" rx="1.5"/><path d="M5.5 7V5a2.5 2.5 0 0 1 5 0v2"/>',
    "outcome_not_tried": '<circle cx="8" cy="8" r="6"/>',
    "arrow": '<path d="M8 1.2 14.2 14.2 8 10.9 1.8 14.2Z" fill="COLOUR" stroke-width="1.2"/>',
}


@lru_cache(maxsize=256)
def _renderer(name: str, colour: str) -> QSvgRenderer:
    body = _STROKED[name].replace("COLOUR", colour)
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><g fill="none" stroke-width="1.5" '
        f'stroke="{colour}" stroke-linecap="round" stroke-linejoin="round">{body}</g></svg>'
    )
    return QSvgRenderer(QByteArray(svg.encode()))


def paint_icon(painter: QPainter, name: str, rect: QRectF, colour: QColor) -> None:
    """Draw one icon of the set into a square; KeyError for a name that is not in the set."""
    _renderer(name, colour.name()).render(painter, rect)


def icon_pixmap(name: str, size: int, colour: QColor, ratio: float = 1.0) -> QPixmap:
    """One icon as a pixmap of `size` logical pixels."""
    pixmap = QPixmap(round(size * ratio), round(size * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    paint_icon(painter, name, QRectF(0, 0, size, size), colour)
    painter.end()
    return pixmap
