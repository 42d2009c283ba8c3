"""Containers that take their fill from the palette, and the 1 px lines between them."""

from typing import Final, Literal, TypeVar

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLayout, QSizePolicy, QVBoxLayout, QWidget

from desktop.ui.icons import paint_icon
from desktop.ui.theme import ink, plain, tokens

Fill = Literal["canvas", "surface", "sunken"]
_Box = TypeVar("_Box", bound=QBoxLayout)
_ROLE: Final = {
    "canvas": QPalette.ColorRole.Window,
    "surface": QPalette.ColorRole.Base,
    "sunken": QPalette.ColorRole.AlternateBase,
}


def filled(widget: QWidget, fill: Fill) -> QWidget:
    """Give a container one of the palette's grounds; it then follows the theme by itself."""
    widget.setBackgroundRole(_ROLE[fill])
    widget.setAutoFillBackground(True)
    return widget


def column(
    parent: QWidget | None = None, *, spacing: int = 0, margins: tuple[int, int, int, int] = (0, 0, 0, 0)
) -> QVBoxLayout:
    """A vertical layout with margins as left, top, right, bottom in px."""
    return _box(QVBoxLayout(parent) if parent else QVBoxLayout(), spacing, margins)


def row(
    parent: QWidget | None = None, *, spacing: int = 0, margins: tuple[int, int, int, int] = (0, 0, 0, 0)
) -> QHBoxLayout:
    """A horizontal layout with margins as left, top, right, bottom in px."""
    return _box(QHBoxLayout(parent) if parent else QHBoxLayout(), spacing, margins)


def _box(box: _Box, spacing: int, margins: tuple[int, int, int, int]) -> _Box:
    box.setSpacing(spacing)
    box.setContentsMargins(*margins)
    return box


def clear(layout: QLayout) -> None:
    """Remove and delete everything in a layout."""
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.deleteLater()
        elif (inner := item.layout()) is not None:
            clear(inner)


class Hairline(QWidget):
    """A 1 px separator."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(1)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), ink(self, "border"))


class IconLabel(QWidget):
    """One icon in a token's colour."""

    def __init__(self, name: str, token: str, size: int = 16) -> None:
        super().__init__()
        self._name, self._token = name, token
        self.setFixedSize(QSize(size, size))

    def set_icon(self, name: str, token: str) -> None:
        """Show another icon."""
        self._name, self._token = name, token
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        painter = QPainter(self)
        paint_icon(painter, self._name, QRectF(self.rect()), ink(self, self._token))


class Box(QWidget):
    """A rounded container: fill and border by token name (either may be empty)."""

    def __init__(self, *, fill: str = "", border: str = "", radius: int = 6) -> None:
        super().__init__()
        self._fill, self._border, self._radius = fill, border, radius

    def set_colours(self, *, fill: str, border: str) -> None:
        """Change fill and border by token name."""
        self._fill, self._border = fill, border
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        """Theme, font or state changed (Qt)."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(Qt.PenStyle.NoPen)
        if plain():
            painter.setPen(QPen(ink(self, "text"), 1))
        else:
            if self._fill:
                painter.setBrush(QColor(getattr(tokens(), self._fill)))
            if self._border:
                painter.setPen(QPen(QColor(getattr(tokens(), self._border)), 1))
        inset = 0.5 if painter.pen().style() != Qt.PenStyle.NoPen else 0.0
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), self._radius, self._radius)


def expanding(widget: QWidget) -> QWidget:
    """Let a widget take the room that is left, in width."""
    widget.setSizePolicy(QSizePolicy.Policy.Expanding, widget.sizePolicy().verticalPolicy())
    return widget
