"""The list itself: keys, the second hand, and the rule that nothing moves under the hand."""

from collections.abc import Callable, Sequence
from datetime import datetime

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, QTimer, QVariantAnimation, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QRegion
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListView, QWidget

from desktop.core.views import RowView
from desktop.ui.motion import animated
from desktop.ui.queue_delegate import QueueDelegate, clock_rect
from desktop.ui.queue_model import ROW_ROLE, QueueModel
from desktop.ui.tokens import MOTION_BASE_MS, STILL_AFTER_KEY_MS


class QueueListView(QListView):
    """Rows with one selected; `chosen` tells the id the user moved to, once per move."""

    chosen = Signal(str)

    def __init__(self, now: Callable[[], datetime], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("queueList")
        self.setAccessibleName("Waiting escalations")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.rows = QueueModel(self)
        self.setModel(self.rows)
        self._delegate = QueueDelegate(now, self)
        self.setItemDelegate(self._delegate)
        self._wanted: str | None = None
        self._place = 0
        self._pending: Sequence[RowView] | None = None
        self._silent = False
        self._held = False
        self._still = QTimer(self, singleShot=True, interval=STILL_AFTER_KEY_MS)
        self._still.timeout.connect(self._catch_up)
        self._fade = QVariantAnimation(self, startValue=0.0, endValue=1.0, duration=MOTION_BASE_MS)
        self._fade.valueChanged.connect(self._fade_step)
        self._fade.finished.connect(self._delegate.fading.clear)
        self.selectionModel().currentChanged.connect(self._current_changed)

    def selected_id(self) -> str | None:
        """The id of the selected row on screen, or None."""
        index = self.currentIndex()
        row = index.data(ROW_ROLE) if index.isValid() else None
        return row.id if isinstance(row, RowView) else None

    def show_rows(self, rows: Sequence[RowView]) -> None:
        """Show these rows; what would move waits while the pointer is down or a list key was just pressed."""
        if self.rows.moves(rows) and (self._held or self._still.isActive()):
            self.rows.refresh(rows)
            self._pending = rows
            return
        self._pending = None
        first = self.rows.rowCount() == 0
        self._silent = True
        added = self.rows.set_rows(rows)
        self._silent = False
        self.select(self._wanted)
        if added and not first and animated():
            self._delegate.fading |= added
            self._fade.start()

    def select(self, row_id: str | None) -> None:
        """Move the selection without telling anyone; an id that is not on screen leaves none selected."""
        self._wanted = row_id
        place = self.rows.position(row_id)
        self._silent = True
        if place < 0:
            self.setCurrentIndex(QModelIndex())
        else:
            self._place = place
            index = self.rows.index(place)
            self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._silent = False

    def step(self, by: int) -> None:
        """Select the next or previous row; after the selected one has left, the one that took its place."""
        count = self.rows.rowCount()
        if not count:
            return
        place = self.rows.position(self._wanted)
        target = place + by if place >= 0 else self._place + (0 if by > 0 else -1)
        self._still.start()
        self.setCurrentIndex(self.rows.index(max(0, min(count - 1, target))))

    def tick(self) -> None:
        """Repaint the clocks in sight, and nothing else."""
        self.viewport().update(self.clocks_in_sight())

    def clocks_in_sight(self) -> QRegion:
        """The waiting rectangles of visible rows, in viewport coordinates."""
        region = QRegion()
        if not self.rows.rowCount():
            return region
        area = self.viewport().rect()
        first = self.indexAt(area.topLeft())
        place = max(0, first.row())
        while place < self.rows.rowCount():
            rect = self.visualRect(self.rows.index(place))
            if rect.top() > area.bottom():
                break
            region += clock_rect(rect)
            place += 1
        return region

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """A key went down (Qt)."""
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}
        if event.key() in steps and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            self.step(steps[Qt.Key(event.key())])
        elif event.key() in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp, Qt.Key.Key_Home, Qt.Key.Key_End):
            self._still.start()
            super().keyPressEvent(event)
        else:
            event.ignore()  # the window's keys; the list has no type-ahead

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The pointer went down (Qt)."""
        self._held = True
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The pointer came up (Qt)."""
        super().mouseReleaseEvent(event)
        self._held = False
        self._catch_up()

    def _catch_up(self) -> None:
        if self._pending is not None and not self._held:
            self.show_rows(self._pending)

    def _current_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        row = current.data(ROW_ROLE) if current.isValid() else None
        if self._silent or not isinstance(row, RowView):
            return
        self._wanted, self._place = row.id, current.row()
        self.chosen.emit(row.id)

    def _fade_step(self, value: object) -> None:
        self._delegate.opacity = float(value) if isinstance(value, float) else 1.0
        self.viewport().update()
