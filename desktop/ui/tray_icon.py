"""The tray icon as a pure function of state, count, size and panel colour.

State is carried by shape first: a round badge for waiting, a square one for urgent, a crescent, dots, a slash, a ring.
Drawn on a grid of 32 units at the exact pixel size asked for; at 20 px and less the badge fills the icon, because a
digit in a corner could not be read there.
"""

from functools import lru_cache
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QIcon, QPainter, QPainterPath, QPainterPathStroker, QPixmap, QTransform
from PySide6.QtWidgets import QApplication

from desktop.core.views import TrayState
from desktop.ui.tokens import TRAY_ON_DARK, TRAY_ON_LIGHT, TRAY_SIZES

_SMALL: Final = 20
_GRID: Final = 32.0


def badge_text(count: int) -> str:
    """The digit on the badge: `9+` above nine."""
    return "9+" if count > 9 else str(max(0, count))


def tray_icon(
    state: TrayState, count: int, *, dark: bool, frame: int = 0, ratio: float = 1.0, mask: bool = False
) -> QIcon:
    """The icon with a pixmap for every size a panel may ask for; `mask` for the macOS menu bar."""
    icon = QIcon()
    for size in TRAY_SIZES:
        icon.addPixmap(tray_pixmap(state, count, size, dark=dark, frame=frame, ratio=ratio, mask=mask))
    icon.setIsMask(mask)
    return icon


@lru_cache(maxsize=512)
def tray_pixmap(
    state: TrayState,
    count: int,
    size: int,
    *,
    dark: bool,
    frame: int = 0,
    ratio: float = 1.0,
    mask: bool = False,
) -> QPixmap:
    """One pixmap of `size` logical pixels. `frame` (0 or 1) moves the dots while reconnecting."""
    pixmap = QPixmap(round(size * ratio), round(size * ratio))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(pixmap.width() / _GRID, pixmap.height() / _GRID)
    colours = TRAY_ON_DARK if dark else TRAY_ON_LIGHT
    ink = QColor(colours["ink"])
    if state in ("waiting", "urgent"):
        square = state == "urgent"
        fill = ink if mask else QColor(colours["urgent" if square else "badge"])
        digit = None if mask else QColor(colours["digit"])
        _badge(painter, badge_text(count), size, (ink, fill, digit), square=square)
    else:
        _plain(painter, state, ink, frame)
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def _arrow() -> QPainterPath:
    path = QPainterPath(QPointF(15, 3))
    for x, y in ((27.5, 27.5), (15, 21.5), (2.5, 27.5)):
        path.lineTo(x, y)
    path.closeSubpath()
    return path.united(_stroked(path, 2))


def _outline() -> QPainterPath:
    path = QPainterPath(QPointF(15, 3.5))
    for x, y in ((27, 27), (15, 21.2), (3, 27)):
        path.lineTo(x, y)
    path.closeSubpath()
    return _stroked(path, 2.6)


def _stroked(path: QPainterPath, width: float) -> QPainterPath:
    stroker = QPainterPathStroker()
    stroker.setWidth(width)
    stroker.setCapStyle(Qt.PenCapStyle.RoundCap)
    stroker.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    return stroker.createStroke(path)


def _ellipse(x: float, y: float, radius: float) -> QPainterPath:
    path = QPainterPath()
    path.addEllipse(QPointF(x, y), radius, radius)
    return path


def _rounded(left: float, side: float, radius: float) -> QPainterPath:
    path = QPainterPath()
    path.addRoundedRect(QRectF(left, left, side, side), radius, radius)
    return path


def _badge(
    painter: QPainter, text: str, size: int, colours: tuple[QColor, QColor, QColor | None], *, square: bool
) -> None:
    """Arrow, badge and digit; without a digit colour the digit is cut out of the badge."""
    ink, fill, digit = colours
    if size <= _SMALL:
        badge = _rounded(2, 28, 6) if square else _ellipse(16, 16, 14.5)
        words = _words(text, 16, 16, 16.0 if len(text) == 1 else 13.0)
    else:
        badge = _rounded(12.5, 19, 4.5) if square else _ellipse(22, 22, 9.5)
        gap = _rounded(10.5, 23, 6) if square else _ellipse(22, 22, 11.5)
        painter.fillPath(_arrow().subtracted(gap), ink)
        words = _words(text, 22, 22, 10.2 if len(text) == 1 else 8.2)
    if digit is None:
        painter.fillPath(badge.subtracted(words), fill)
        return
    painter.fillPath(badge, fill)
    painter.fillPath(words, digit)


def _words(text: str, x: float, y: float, height: float) -> QPainterPath:
    """The digits as a shape whose capitals are `height` units high, centred exactly on (x, y)."""
    shape = QFont(QApplication.font())
    shape.setPixelSize(100)
    shape.setWeight(QFont.Weight.Bold)
    path = QPainterPath()
    path.addText(QPointF(0, 0), shape, text)
    reference = QPainterPath()
    reference.addText(QPointF(0, 0), shape, "8")
    tall = reference.boundingRect()
    box = path.boundingRect()
    scale = height / max(1.0, tall.height())
    move = QTransform().translate(x, y).scale(scale, scale).translate(-box.center().x(), -tall.center().y())
    return move.map(path)


def _plain(painter: QPainter, state: TrayState, ink: QColor, frame: int) -> None:
    if state == "idle":
        painter.fillPath(_arrow(), ink)
    elif state == "dnd":
        painter.fillPath(_arrow().subtracted(_ellipse(23, 22.5, 9.5)), ink)
        painter.fillPath(_ellipse(22.26, 23.24, 7.5).subtracted(_ellipse(27.54, 17.96, 7.5)), ink)
    elif state == "reconnecting":
        below = QPainterPath()
        below.addRect(QRectF(0, 19, 32, 13))
        painter.fillPath(_outline().subtracted(below), ink)
        for place, x in enumerate((6, 15, 24)):
            painter.setOpacity(0.4 if place == (2 if frame == 0 else 0) else 1.0)
            painter.fillPath(_ellipse(x, 26, 3.2), ink)
    elif state == "offline":
        slash = QPainterPath(QPointF(4, 6))
        slash.lineTo(28, 30)
        painter.fillPath(_outline().subtracted(_stroked(slash, 7.5)), ink)
        painter.fillPath(_stroked(slash, 2.8), ink)
    else:
        painter.fillPath(_outline().subtracted(_ellipse(23, 23, 9.5)), ink)
        painter.fillPath(_stroked(_ellipse(23, 23, 6), 2.6), ink)
