"""The list's model: rows as told, changed in place where possible so that selection and scroll position hold."""

from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from desktop.core.views import RowView
from desktop.ui.times import utc_now
from desktop.ui.words import row_sentence

ROW_ROLE: Final = int(Qt.ItemDataRole.UserRole) + 1
_MANY: Final = 64
_Index = QModelIndex | QPersistentModelIndex


class QueueModel(QAbstractListModel):
    """One column; `ROW_ROLE` gives the `RowView`, `AccessibleTextRole` the spoken sentence."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[RowView] = []

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default, an immutable value
        """How many rows (Qt)."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: _Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """One value for one role (Qt)."""
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row = self._rows[index.row()]
        if role == ROW_ROLE:
            return row
        if role in (int(Qt.ItemDataRole.AccessibleTextRole), int(Qt.ItemDataRole.DisplayRole)):
            return row_sentence(row, utc_now())
        if role == int(Qt.ItemDataRole.ToolTipRole):
            # A tooltip guesses at markup; a server's title must never be read as such.
            return _as_text(row.title)
        return None

    def rows(self) -> tuple[RowView, ...]:
        """The rows on screen, in order."""
        return tuple(self._rows)

    def position(self, row_id: str | None) -> int:
        """The row's place, or -1."""
        return next((place for place, row in enumerate(self._rows) if row.id == row_id), -1)

    def moves(self, rows: Sequence[RowView]) -> bool:
        """Whether showing these rows would move, add or remove anything."""
        return [row.id for row in rows] != [row.id for row in self._rows]

    def refresh(self, rows: Sequence[RowView]) -> None:
        """Take over what changed inside rows already on screen; nothing moves."""
        told = {row.id: row for row in rows}
        for place, row in enumerate(self._rows):
            fresh = told.get(row.id)
            # The same object needs no comparison, field by field, of what it holds: most of ten thousand rows are.
            if fresh is not None and fresh is not row and fresh != row:
                self._rows[place] = fresh
                self.dataChanged.emit(self.index(place), self.index(place))

    def set_rows(self, rows: Sequence[RowView]) -> set[str]:
        """Show exactly these rows; the ids that are new."""
        before, told = {row.id for row in self._rows}, {row.id: None for row in rows}
        added, gone = told.keys() - before, before - told.keys()
        if len(added) + len(gone) > _MANY:
            self.beginResetModel()
            self._rows = list(rows)
            self.endResetModel()
            return added
        for place in range(len(self._rows) - 1, -1, -1):
            if self._rows[place].id in gone:
                self.beginRemoveRows(QModelIndex(), place, place)
                del self._rows[place]
                self.endRemoveRows()
        self._reorder([row_id for row_id in told if row_id not in added])
        self.refresh(rows)
        for place, row in enumerate(rows):
            if row.id in added:
                self.beginInsertRows(QModelIndex(), place, place)
                self._rows.insert(place, row)
                self.endInsertRows()
        return added

    def _reorder(self, ids: list[str]) -> None:
        if ids == [row.id for row in self._rows]:
            return
        self.layoutAboutToBeChanged.emit()
        held = self.persistentIndexList()
        old = [self._rows[index.row()].id for index in held]
        known = {row.id: row for row in self._rows}
        self._rows = [known[row_id] for row_id in ids]
        self.changePersistentIndexList(held, [self.index(ids.index(row_id)) for row_id in old])
        self.layoutChanged.emit()


def _as_text(words: str) -> str:
    escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<span>{escaped}</span>"
