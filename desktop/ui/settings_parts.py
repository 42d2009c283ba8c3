"""Controls of the settings: a check box, a list of choices, a time. Locked, each keeps its value, in grey."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, QTime, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractSpinBox, QCheckBox, QComboBox, QSizePolicy, QTimeEdit, QWidget

from desktop.ui.fonts import font
from desktop.ui.icons import paint_icon
from desktop.ui.theme import ink, outline, plain, tokens
from desktop.ui.tokens import CONTROL_HEIGHT, RADIUS

_BOX: Final = 16
_GAP: Final = 6
_RING: Final = 3


class Check(QCheckBox):
    """A box of 16 px, with words beside it or none; the room around it is 32 px high to be hit."""

    def __init__(self, name: str, accessible: str, text: str = "") -> None:
        super().__init__(text)
        self.setObjectName(name)
        self.setAccessibleName(accessible)
        self.setFont(font("body"))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """The size it wants in px (Qt)."""
        words = QFontMetrics(self.font()).horizontalAdvance(self.text()) + _GAP + 4 if self.text() else 0
        return QSize(_BOX + 2 * _RING + words, CONTROL_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """The least size in px (Qt)."""
        return self.sizeHint()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter works as Space does (Qt)."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
            return
        super().keyPressEvent(event)

    def hitButton(self, pos: QPoint) -> bool:
        """All of it can be pressed (Qt)."""
        return self.rect().contains(pos)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        theme = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(_RING, (self.height() - _BOX) / 2, _BOX, _BOX)
        role = QPalette.ColorRole
        ground, text = self.palette().color(role.Window), self.palette().color(role.WindowText)
        fill, border, mark, ring = theme.surface, theme.border_strong, theme.on_accent, theme.focus
        words_in = theme.text if self.isEnabled() else theme.disabled_text
        if plain():
            fill, border, mark, ring, words_in = ground.name(), *(text.name(),) * 4
        elif not self.isEnabled():
            fill = border = theme.disabled_bg
            mark = theme.disabled_text
        elif self.isChecked():
            fill = border = theme.accent_hover if self.underMouse() else theme.accent
        elif self.underMouse():
            fill = theme.hover
        painter.setPen(QPen(QColor(border), 1))
        painter.setBrush(QColor(fill))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        if self.isChecked():
            paint_icon(painter, "check", box.adjusted(2, 2, -2, -2), QColor(mark))
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(ring), 2))
            painter.drawRoundedRect(box.adjusted(-2, -2, 2, 2), 4, 4)
        if self.text():
            painter.setPen(QColor(words_in))
            painter.setFont(self.font())
            words = QRectF(box.right() + _GAP, 0, self.width(), self.height())
            painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter), self.text())


class Choice(QComboBox):
    """A list of choices; `picked` carries the value of the one that the user has chosen."""

    picked = Signal(object)

    def __init__(self, name: str, accessible: str, options: Sequence[tuple[str, object]], *, width: int = 280) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(accessible)
        self.setFont(font("body"))
        self.setFixedSize(width, CONTROL_HEIGHT)
        self.locked = False
        for words, value in options:
            self.addItem(words, value)
        self.activated.connect(lambda place: self.picked.emit(self.itemData(place)))

    def show_value(self, value: object, words: str | None = None) -> None:
        """Show it without telling anyone; one that is not in the list is added with its words."""
        place = next((place for place in range(self.count()) if self.itemData(place) == value), -1)
        if place < 0:
            self.addItem(words or str(value), value)
            place = self.count() - 1
        self.setCurrentIndex(place)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel scrolls the page and changes no setting on the way (Qt)."""
        event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        if plain():
            super().paintEvent(event)
            outline(self)
            if not self.isEnabled():
                lock = QRectF(self.width() - 42, (self.height() - 14) / 2, 14, 14)
                paint_icon(QPainter(self), "lock", lock, ink(self, "text"))
            return
        _paint_field(self, focus=self.hasFocus(), hot=self.underMouse())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = QColor(tokens().text if self.isEnabled() else tokens().disabled_text)
        painter.setFont(self.font())
        painter.setPen(colour)
        room = QRectF(10, 0, self.width() - 40, self.height())
        shown = painter.fontMetrics().elidedText(self.currentText(), Qt.TextElideMode.ElideRight, round(room.width()))
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter), shown)
        icon = "lock" if self.locked else "down"
        paint_icon(painter, icon, QRectF(self.width() - 26, (self.height() - 14) / 2, 14, 14), colour)


class Clock(QTimeEdit):
    """Hours and minutes; `picked` carries `18:00`."""

    picked = Signal(object)

    def __init__(self, name: str, accessible: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(accessible)
        self.setDisplayFormat("HH:mm")
        self.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
        self.setFont(font("body", tabular=True))
        self.setFixedSize(88, CONTROL_HEIGHT)
        self.setFrame(False)
        self.lineEdit().setTextMargins(6, 0, 0, 0)
        # Half a typed time is no time: told when it is done, by Enter, by an arrow key or by leaving the field.
        self.editingFinished.connect(self._tell)
        self.setKeyboardTracking(False)
        self.timeChanged.connect(lambda _time: self._tell())
        self._told = self.words()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The line leaves room for the frame drawn below (Qt)."""
        super().resizeEvent(event)
        self.lineEdit().setGeometry(self.rect().adjusted(2, 2, -2, -2))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the frame; the text is its line's (Qt)."""
        if plain():
            super().paintEvent(event)
            outline(self)
            return
        _paint_field(self, focus=self.hasFocus())
        if not self.isEnabled():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            colour = QColor(tokens().disabled_text)
            painter.setFont(self.font())
            painter.setPen(colour)
            painter.drawText(QRectF(10, 0, 60, self.height()), int(Qt.AlignmentFlag.AlignVCenter), self.words())
            paint_icon(painter, "lock", QRectF(self.width() - 24, (self.height() - 14) / 2, 14, 14), colour)

    def changeEvent(self, event: QEvent) -> None:
        """Locked, the line with its ground of its own goes, and the words are drawn on grey (Qt)."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.EnabledChange, QEvent.Type.PaletteChange):
            self.lineEdit().setVisible(self.isEnabled() or plain())

    def words(self) -> str:
        """For instance `18:00`."""
        return self.time().toString("HH:mm")

    def show_value(self, value: object) -> None:
        """Show it without telling anyone."""
        self._told = str(value)
        self.setTime(QTime.fromString(self._told, "HH:mm"))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel scrolls the page (Qt)."""
        event.ignore()

    def _tell(self) -> None:
        if self.words() != self._told:
            self._told = self.words()
            self.picked.emit(self._told)


def _paint_field(widget: QWidget, *, focus: bool, hot: bool = False) -> None:
    """Ground and border of a field."""
    theme, enabled = tokens(), widget.isEnabled()
    border = theme.focus if focus else theme.border_strong if enabled else theme.disabled_bg
    fill = theme.disabled_bg if not enabled else theme.hover if hot else theme.surface
    painter = QPainter(widget)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(border), 2 if focus else 1))
    painter.setBrush(QColor(fill))
    inset = 1.0 if focus else 0.5
    painter.drawRoundedRect(QRectF(widget.rect()).adjusted(inset, inset, -inset, -inset), RADIUS, RADIUS)
