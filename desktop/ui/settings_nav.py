"""The section list of the settings: icon and word, the open one with fill and bar. One list, so arrow keys walk it."""

from typing import Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPen, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from desktop.ui.fonts import font
from desktop.ui.icons import paint_icon
from desktop.ui.theme import ink, plain, tokens

SECTIONS: Final = (
    ("Account", "user"),
    ("Notifications", "bell"),
    ("Quiet hours", "moon"),
    ("General", "screen"),
    ("Connection", "offline"),
    ("About", "info"),
)
WIDTH: Final = 176
_ROW: Final = 34


class _Delegate(QStyledItemDelegate):
    """Draws one section."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        """The size it wants in px (Qt)."""
        return QSize(WIDTH - 16, _ROW)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw it (Qt)."""
        view = option.widget
        rect: QRect = option.rect.adjusted(0, 1, 0, -1)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = tokens()
        colour = ink(view, "text" if chosen else "text_2")
        if chosen and not plain():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.selected))
            painter.drawRoundedRect(QRectF(rect), 4, 4)
            painter.fillRect(QRectF(rect.left(), rect.top() + 2, 3, rect.height() - 4), QColor(theme.selected_bar))
        elif chosen:
            colour = view.palette().color(view.palette().ColorRole.HighlightedText)
            painter.fillRect(rect, view.palette().color(view.palette().ColorRole.Highlight))
        elif option.state & QStyle.StateFlag.State_MouseOver and not plain():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.hover))
            painter.drawRoundedRect(QRectF(rect), 4, 4)
        if isinstance(view, SettingsNav) and view.keyed and chosen and view.hasFocus():
            painter.setPen(QPen(ink(view, "focus"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(rect).adjusted(1, 1, -1, -1), 4, 4)
        icon = QRectF(rect.left() + 10, rect.top() + (rect.height() - 16) / 2, 16, 16)
        paint_icon(painter, str(index.data(Qt.ItemDataRole.UserRole)), icon, colour)
        painter.setPen(colour)
        painter.setFont(font("strong" if chosen else "body"))
        words = rect.adjusted(36, 0, -4, 0)
        painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter), str(index.data(Qt.ItemDataRole.DisplayRole)))
        painter.restore()


class SettingsNav(QListView):
    """`chosen` carries the place of a section; the last one, About, only when it is pressed."""

    chosen = Signal(int)
    about_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("settingsNav")
        self.setAccessibleName("Sections")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFixedWidth(WIDTH)
        self.setViewportMargins(8, 9, 8, 0)
        self.setMouseTracking(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setItemDelegate(_Delegate(self))
        self._model = QStandardItemModel(self)
        for words, icon in SECTIONS:
            item = QStandardItem(words)
            item.setData(icon, Qt.ItemDataRole.UserRole)
            item.setData(words, Qt.ItemDataRole.AccessibleTextRole)
            self._model.appendRow(item)
        self.setModel(self._model)
        self._page = 0
        self.keyed = False
        self.selectionModel().currentChanged.connect(lambda now, _before: self._moved(now.row()))
        self.clicked.connect(lambda index: self._pressed(index.row()))

    def open(self, place: int) -> None:
        """Show this section as the open one."""
        self.setCurrentIndex(self._model.index(place, 0))

    def focusInEvent(self, event: QFocusEvent) -> None:
        """The ring is for the keyboard (Qt)."""
        keys = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason)
        self.keyed = event.reason() in keys
        super().focusInEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The pointer needs no ring (Qt)."""
        self.keyed = False
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and Space open what an arrow key only marks (Qt)."""
        self.keyed = True
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._pressed(self.currentIndex().row())
            return
        super().keyPressEvent(event)

    def _moved(self, place: int) -> None:
        if place < len(SECTIONS) - 1:
            self._page = place
            self.chosen.emit(place)

    def _pressed(self, place: int) -> None:
        if place == len(SECTIONS) - 1:
            self.open(self._page)
            self.about_requested.emit()
