"""A layout that puts widgets in lines and wraps, like words."""

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget


class FlowLayout(QLayout):
    """Left to right, wrapping; a widget wider than the line gets the whole line."""

    def __init__(self, parent: QWidget | None = None, *, spacing: int = 6, line_gap: int = 2) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self._gap, self._line_gap = spacing, line_gap
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QLayoutItem) -> None:
        """Take one more item (Qt)."""
        self._items.append(item)

    def count(self) -> int:
        """How many items (Qt)."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        """One item, or None beyond the end (Qt)."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        """Remove one item, or None beyond the end (Qt)."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        """It grows in no direction (Qt)."""
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        """The height depends on the width (Qt)."""
        return True

    def heightForWidth(self, width: int) -> int:
        """The height in px for a width (Qt)."""
        return self._arrange(QRect(0, 0, width, 0), move=False)

    def setGeometry(self, rect: QRect) -> None:
        """Lay the items out (Qt)."""
        super().setGeometry(rect)
        self._arrange(rect, move=True)

    def sizeHint(self) -> QSize:
        """The size it wants in px (Qt)."""
        return self.minimumSize()

    def minimumSize(self) -> QSize:
        """The least size in px (Qt)."""
        height = max((item.sizeHint().height() for item in self._items), default=0)
        width = max((item.minimumSize().width() for item in self._items), default=0)
        return QSize(width, height)

    def _width_after(self, item: QLayoutItem) -> int:
        """Of a separator (widget property), the room the next item needs with it; else 0."""
        widget = item.widget()
        if widget is None or not widget.property("separator"):
            return 0
        for later in self._items[self._items.index(item) + 1 :]:
            if (shown := later.widget()) is not None and not shown.isHidden():
                return self._gap + later.sizeHint().width()
        return 0

    def _arrange(self, rect: QRect, *, move: bool) -> int:
        """Place the items in `rect`; the height used in px."""
        x, y, line = rect.x(), rect.y(), 0
        for item in self._items:
            if (widget := item.widget()) is not None and widget.isHidden():
                continue
            size = item.sizeHint()
            width = min(size.width(), max(1, rect.width()))
            following = self._width_after(item)
            if x > rect.x() and x + width + following > rect.x() + rect.width():
                x, y, line = rect.x(), y + line + self._line_gap, 0
                if following:
                    if move:
                        item.setGeometry(QRect(x, y, 0, 0))
                    continue  # no line begins with a separator
            if move:
                item.setGeometry(QRect(QPoint(x, y), QSize(width, size.height())))
            x += width + self._gap
            line = max(line, size.height())
        return y + line - rect.y()
