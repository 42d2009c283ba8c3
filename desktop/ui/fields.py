"""The search field and the priority filter."""

from typing import Final

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QComboBox, QLineEdit, QWidget

from backend.contract.vocabulary import PRIORITY_LABEL, Priority
from desktop.ui.buttons import paint_key
from desktop.ui.fonts import font
from desktop.ui.icons import paint_icon
from desktop.ui.theme import ink, outline, plain, tokens
from desktop.ui.tokens import CONTROL_HEIGHT, RADIUS

PRIORITIES: Final[tuple[Priority | None, ...]] = (None, "urgent", "high", "normal", "low")


class SearchEdit(QLineEdit):
    """Search with its glass and the `/` key hint."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("searchEdit")
        self.setProperty("field", "true")
        self.setAccessibleName("Search customer, title, ticket")
        self.setPlaceholderText("Search customer, title, ticket")
        self.setFixedHeight(CONTROL_HEIGHT)
        self.setTextMargins(28, 0, 28, 0)
        self.setMaxLength(200)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        super().paintEvent(event)
        if plain():
            outline(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_icon(painter, "search", QRectF(11, (self.height() - 14) / 2, 14, 14), ink(self, "text"))
        if not self.text() and not self.hasFocus():
            paint_key(painter, QRectF(self.width() - 28, 7, 18, 18), "/", ink(self, "text_3"))


class PriorityCombo(QComboBox):
    """The priority filter: all, or one."""

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("priorityFilter")
        self.setAccessibleName("Filter by priority")
        self.setFixedHeight(CONTROL_HEIGHT)
        shown = font("body")
        shown.setWeight(shown.Weight.Medium)
        self.setFont(shown)
        self.setMinimumWidth(max(120, QFontMetrics(shown).horizontalAdvance("All priorities") + 46))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        for priority in PRIORITIES:
            self.addItem(PRIORITY_LABEL[priority] if priority else "All priorities", priority)
        self.currentIndexChanged.connect(lambda index: self.chosen.emit(PRIORITIES[index]))

    def cycle(self) -> None:
        """The next filter, round and round (key F)."""
        self.setCurrentIndex((self.currentIndex() + 1) % self.count())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """A key went down (Qt)."""
        # A closed combo box would eat the window's single-letter keys for its own type-ahead.
        if event.text().isalpha() and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        if plain():
            super().paintEvent(event)
            outline(self)
            return
        theme = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        focus = self.hasFocus()
        painter.setPen(QPen(QColor(theme.focus if focus else theme.border_strong), 2 if focus else 1))
        painter.setBrush(QColor(theme.hover if self.underMouse() else theme.surface))
        inset = 1.0 if focus else 0.5
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), RADIUS, RADIUS)
        painter.setFont(self.font())
        painter.setPen(QColor(theme.text))
        words = QRectF(12, 0, self.width() - 40, self.height())
        painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter), self.currentText())
        paint_icon(painter, "down", QRectF(self.width() - 26, (self.height() - 14) / 2, 14, 14), QColor(theme.text))
