"""How one row of the queue is drawn: customer and clock, title, priority and sender."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPalette, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from backend.contract.vocabulary import PRIORITY_LABEL
from desktop.core.views import RowView
from desktop.ui.fonts import Scale, font
from desktop.ui.glyphs import GLYPH, paint_priority
from desktop.ui.icons import paint_icon
from desktop.ui.queue_model import ROW_ROLE
from desktop.ui.theme import plain, tokens
from desktop.ui.times import waiting_text
from desktop.ui.tokens import ROW_HEIGHT, Tokens

_LEFT: Final = 16
_RIGHT: Final = 12
_TOP: Final = 8
_CLOCK_WIDTH: Final = 92
_VCENTRE: Final = Qt.AlignmentFlag.AlignVCenter


def row_height() -> int:
    """75 px, or more where the system's font is large."""
    caption, body = QFontMetrics(font("caption")).height(), QFontMetrics(font("strong")).height()
    return max(ROW_HEIGHT, _TOP + caption + 2 + body + 2 + max(20, caption) + _TOP + 1)


def clock_rect(row: QRect) -> QRect:
    """Where the waiting clock stands inside a row: the only part that changes by the second."""
    height = max(16, QFontMetrics(font("caption")).height())
    return QRect(row.right() - _RIGHT - _CLOCK_WIDTH, row.top() + _TOP, _CLOCK_WIDTH + 1, height)


class QueueDelegate(QStyledItemDelegate):
    """Draws rows; `now` is the clock the waiting times are counted with."""

    def __init__(self, now: Callable[[], datetime], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._now = now
        self.fading: set[str] = set()
        self.opacity = 1.0

    def sizeHint(self, option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        """The size it wants in px (Qt)."""
        return QSize(option.rect.width(), row_height())

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw one row (Qt)."""
        row = index.data(ROW_ROLE)
        if not isinstance(row, RowView):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        _RowPainter(painter, option, row, self._now()).paint(self.opacity if row.id in self.fading else 1.0)
        painter.restore()


class _RowPainter:
    """One row, one paint."""

    def __init__(self, painter: QPainter, option: QStyleOptionViewItem, row: RowView, now: datetime) -> None:
        self.painter, self.row, self.now = painter, row, now
        self.rect: QRect = option.rect
        self.palette: QPalette = option.palette
        state: QStyle.StateFlag = option.state
        self.selected = bool(state & QStyle.StateFlag.State_Selected)
        self.focused = bool(state & QStyle.StateFlag.State_HasFocus)
        self.hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        self.theme: Tokens = tokens()
        self.gone = row.outcome is not None
        self.own = row.outcome_kind == "claimed"

    def paint(self, opacity: float) -> None:
        ground = self._ground()
        self.painter.fillRect(self.rect, ground)
        self.painter.setOpacity(opacity)
        if self.selected:
            self.painter.fillRect(
                QRect(self.rect.left(), self.rect.top(), 3, self.rect.height()), self._c("selected_bar")
            )
        self.painter.fillRect(QRect(self.rect.left(), self.rect.bottom(), self.rect.width(), 1), self._c("border"))
        caption, body = QFontMetrics(font("caption")).height(), QFontMetrics(font("strong")).height()
        top = self.rect.top() + _TOP
        self._first_line(top, max(16, caption))
        top += max(16, caption) + 2
        self._title(top, max(18, body))
        top += max(18, body) + 2
        self._last_line(top, max(20, caption), ground)
        if self.focused and self.selected:
            self.painter.setBrush(Qt.BrushStyle.NoBrush)
            self.painter.setPen(QPen(self._c("focus"), 2))
            self.painter.drawRect(QRectF(self.rect).adjusted(1, 1, -1, -1))

    def _c(self, token: str) -> QColor:
        if not plain():
            return QColor(getattr(self.theme, token))
        role = QPalette.ColorRole
        return self.palette.color(role.HighlightedText if self.selected else role.WindowText)

    def _ground(self) -> QColor:
        role = QPalette.ColorRole
        if plain():
            return self.palette.color(role.Highlight if self.selected else role.Window)
        if self.gone and not self.own:
            return QColor(self.theme.sunken)
        if self.selected:
            return QColor(self.theme.selected)
        return QColor(self.theme.hover if self.hovered and self.theme.dark else self.theme.canvas)

    def _text(self, area: QRect, words: str, scale: Scale, colour: QColor, *, tabular: bool = False) -> int:
        """Draw one elided line; the width used."""
        shown = font(scale, tabular=tabular)
        metrics = QFontMetrics(shown)
        words = metrics.elidedText(" ".join(words.split()), Qt.TextElideMode.ElideRight, area.width())
        self.painter.setFont(shown)
        self.painter.setPen(colour)
        self.painter.drawText(area, int(Qt.AlignmentFlag.AlignLeft | _VCENTRE | Qt.TextFlag.TextSingleLine), words)
        return metrics.horizontalAdvance(words)

    def _clock(self) -> str:
        if self.gone:
            return waiting_text(self.row.waited) if self.row.waited is not None else ""
        return waiting_text(self.now - self.row.waiting_since)

    def _first_line(self, top: int, height: int) -> None:
        shown = font("caption_strong", tabular=True)
        clock = self._clock()
        width = QFontMetrics(shown).horizontalAdvance(clock)
        right = self.rect.right() - _RIGHT
        self.painter.setFont(shown)
        self.painter.setPen(self._c("text_3" if self.gone and not self.own else "text"))
        self.painter.drawText(
            QRect(right - width - 1, top, width + 2, height), int(Qt.AlignmentFlag.AlignRight | _VCENTRE), clock
        )
        left = self.rect.left() + _LEFT
        colour = self._c("text_3" if self.gone and not self.own else "text_2")
        self._text(QRect(left, top, right - width - 12 - left, height), self.row.customer, "caption", colour)

    def _title(self, top: int, height: int) -> None:
        left = self.rect.left() + _LEFT
        faded = self.gone and not self.own
        area = QRect(left, top, self.rect.right() - _RIGHT - left, height)
        self._text(area, self.row.title, "body" if faded else "strong", self._c("text_3" if faded else "text"))

    def _last_line(self, top: int, height: int, ground: QColor) -> None:
        left, right = self.rect.left() + _LEFT, self.rect.right() - _RIGHT
        if self.gone:
            if self.own:
                paint_icon(
                    self.painter, "check", QRectF(left, top + (height - GLYPH) / 2, GLYPH, GLYPH), self._c("success")
                )
                left += GLYPH + 6
            area = QRect(left, top, right - left, height)
            scale: Scale = "caption_strong" if self.own else "caption"
            self._text(area, self.row.outcome or "", scale, self._c("success" if self.own else "text_2"))
            return
        if self.row.for_you or self.row.reserved:
            right = self._tag(self.row.reserved or "For you", right, top, height) - 8
        colours = self.theme.priority[self.row.priority]
        ink = self._c("text") if plain() else QColor(colours.fg)
        paint_priority(self.painter, self.row.priority, QPointF(left, top + (height - GLYPH) / 2), ink, ground)
        left += GLYPH + 6
        left += self._text(
            QRect(left, top, right - left, height), PRIORITY_LABEL[self.row.priority], "caption_strong", ink
        )
        left += 6 + self._text(QRect(left + 6, top, 12, height), "·", "caption", self._c("text_3")) + 6
        self._text(QRect(left, top, right - left, height), self.row.from_name, "caption", self._c("text_2"))

    def _tag(self, words: str, right: int, top: int, height: int) -> int:
        """A small tag that ends at `right`; its left edge."""
        shown = font("caption_strong")
        width = QFontMetrics(shown).horizontalAdvance(words) + 14
        box = QRectF(right - width, top + (height - 20) / 2, width, 20)
        self.painter.setPen(Qt.PenStyle.NoPen)
        if not plain():
            self.painter.setBrush(QColor(self.theme.surface if self.selected else self.theme.accent_bg))
            self.painter.drawRoundedRect(box, 4, 4)
        self.painter.setFont(shown)
        self.painter.setPen(self._c("accent_text"))
        self.painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), words)
        return int(box.left())
