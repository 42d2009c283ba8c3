"""Push buttons drawn as designed: filled, outlined, quiet; with a key hint; with a visible keyboard focus.

Drawn by hand because a style sheet has no outline offset and cannot put a key hint inside a button. In high contrast
the system's own button is drawn instead.
"""

from typing import Literal

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QEnterEvent, QFont, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.ui.fonts import font
from desktop.ui.icons import icon_pixmap, paint_icon
from desktop.ui.pressable import Pressable
from desktop.ui.theme import outline, plain, tokens
from desktop.ui.tokens import CONTROL_HEIGHT, RADIUS

Variant = Literal["primary", "secondary", "quiet", "warning"]
_KEY = 18


class Button(Pressable):
    """One button. `key` is the hint drawn inside; it is never part of the text or of the accessible name."""

    def __init__(
        self,
        text: str,
        *,
        name: str,
        variant: Variant = "secondary",
        key: str = "",
        accessible: str | None = None,
        height: int = CONTROL_HEIGHT,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, name=name, parent=parent)
        self._variant: Variant = variant
        self._key = key
        self.setAccessibleName(accessible or text.replace("&&", "&"))
        self.setFixedHeight(height)
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self.set_variant(variant)

    def set_label(self, text: str, *, key: str = "", accessible: str | None = None) -> None:
        """Change the words; ampersands doubled, as in any Qt button."""
        self._key = key
        self.setText(text)
        self.setAccessibleName(accessible or text.replace("&&", "&"))
        self.updateGeometry()
        self.update()

    def set_variant(self, variant: Variant) -> None:
        """Change its weight on the page."""
        self._variant = variant
        shown = font("strong" if variant == "primary" else "body")
        if variant != "primary":
            shown.setWeight(QFont.Weight.Medium)
        self.setFont(shown)
        self.updateGeometry()

    def words(self) -> str:
        """What is seen, without mnemonic marks."""
        return self.text().replace("&&", "&")

    def sizeHint(self) -> QSize:
        """The size it wants in px (Qt)."""
        width = QFontMetrics(self.font()).horizontalAdvance(self.words()) + 24 + 2
        return QSize(width + (self._key_width() + 8 if self._key else 0), self.height())

    def minimumSizeHint(self) -> QSize:
        """The least size in px (Qt)."""
        return self.sizeHint()

    def _key_width(self) -> int:
        return max(_KEY, QFontMetrics(font("caption")).horizontalAdvance(self._key) + 8)

    def enterEvent(self, event: QEnterEvent) -> None:
        """The pointer came (Qt)."""
        super().enterEvent(event)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """The pointer left (Qt)."""
        super().leaveEvent(event)
        self.update()

    def _colours(self) -> tuple[QColor | None, QColor | None, QColor]:
        """Fill, border, text."""
        theme = tokens()
        hot = self.underMouse() and self.isEnabled()
        if not self.isEnabled():
            quiet = self._variant == "quiet"
            return None if quiet else QColor(theme.disabled_bg), None, QColor(theme.disabled_text)
        if self._variant == "primary":
            fill = theme.accent_press if self.isDown() else theme.accent_hover if hot else theme.accent
            return QColor(fill), None, QColor(theme.on_accent)
        if self._variant == "warning":
            return None, QColor(theme.warning), QColor(theme.warning)
        fill = theme.active if self.isDown() else theme.hover if hot else theme.surface
        if self._variant == "quiet":
            return QColor(fill) if hot or self.isDown() else None, None, QColor(theme.text_2)
        return QColor(fill), QColor(theme.border_strong), QColor(theme.text)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        if plain():
            super().paintEvent(event)
            outline(self)
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        fill, border, text = self._colours()
        _paint_frame(painter, QRectF(self.rect()), fill, border)
        if self.hasFocus():
            ring = tokens().text if self._variant == "primary" else tokens().focus
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(ring), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), RADIUS - 1, RADIUS - 1)
        self._paint_words(painter, text)

    def _paint_words(self, painter: QPainter, text: QColor) -> None:
        words = self.words()
        width = QFontMetrics(self.font()).horizontalAdvance(words)
        extra = self._key_width() + 8 if self._key else 0
        left = (self.width() - width - extra) / 2
        painter.setFont(self.font())
        painter.setPen(text)
        area = QRectF(left, 0, width + 2, self.height())
        painter.drawText(area, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), words)
        if self._key:
            box = QRectF(left + width + 8, (self.height() - _KEY) / 2, self._key_width(), _KEY)
            paint_key(painter, box, self._key, text, faint=True)


class IconButton(Pressable):
    """A square button with one icon and a spoken name."""

    def __init__(
        self, icon: str, *, name: str, accessible: str, size: int = CONTROL_HEIGHT, icon_size: int = 16
    ) -> None:
        super().__init__(name=name)
        self.setAccessibleName(accessible)
        self.setToolTip(accessible)
        self.setFixedSize(size, size)
        self._icon_name, self._icon_size, self._lit = icon, icon_size, False

    def set_lit(self, lit: bool) -> None:
        """Show the icon in the accent colour (a state that is on)."""
        self._lit = lit
        self.update()

    def enterEvent(self, event: QEnterEvent) -> None:
        """The pointer came (Qt)."""
        super().enterEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        theme = tokens()
        if plain():
            colour = self.palette().color(self.palette().ColorRole.ButtonText)
            self.setIcon(icon_pixmap(self._icon_name, self._icon_size, colour, self.devicePixelRatioF()))
            super().paintEvent(event)
            if self.hasFocus():
                outline(self)
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.isDown() or self._lit:
            _paint_frame(painter, QRectF(self.rect()), QColor(theme.accent_bg if self._lit else theme.active), None)
        elif self.underMouse():
            _paint_frame(painter, QRectF(self.rect()), QColor(theme.hover), None)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(theme.focus), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), RADIUS - 1, RADIUS - 1)
        inset = (self.width() - self._icon_size) / 2
        colour = QColor(theme.accent_text if self._lit else theme.text_2)
        paint_icon(painter, self._icon_name, QRectF(inset, inset, self._icon_size, self._icon_size), colour)


def _paint_frame(painter: QPainter, rect: QRectF, fill: QColor | None, border: QColor | None) -> None:
    painter.setPen(QPen(border, 1) if border else Qt.PenStyle.NoPen)
    painter.setBrush(fill or Qt.BrushStyle.NoBrush)
    inset = 0.5 if border else 0.0
    painter.drawRoundedRect(rect.adjusted(inset, inset, -inset, -inset), RADIUS, RADIUS)


def paint_key(painter: QPainter, box: QRectF, key: str, colour: QColor, *, faint: bool = False) -> None:
    """A key cap with one or two letters."""
    painter.save()
    border = QColor(colour) if faint else QColor(tokens().border)
    if faint:
        border.setAlphaF(0.4)
    painter.setPen(QPen(border, 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
    painter.setPen(colour)
    painter.setFont(font("caption"))
    painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), key)
    painter.restore()
