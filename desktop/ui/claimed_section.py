"""The foot of the list: what was claimed in the last 15 minutes, folded until asked for."""

from collections.abc import Callable, Sequence
from datetime import datetime

from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import QColor, QEnterEvent, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from desktop.core.views import ClaimedView
from desktop.ui.fonts import font
from desktop.ui.icons import paint_icon
from desktop.ui.panel import Hairline, clear, column, filled, row
from desktop.ui.pressable import Pressable
from desktop.ui.text import Elided, label
from desktop.ui.theme import ink, tokens
from desktop.ui.times import clock_text, waiting_text

_MOST = 4


class ClaimedSection(QWidget):
    """A fold: its head says how many, its body who claimed what after how long."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self.setObjectName("claimedSection")
        self._now = now
        self._shown: tuple[ClaimedView, ...] = ()
        filled(self, "canvas")
        self.head = _Fold()
        self.head.toggled.connect(self._toggle)
        self._body = QWidget()
        self._lines = column(self._body, spacing=8, margins=(16, 4, 12, 12))
        self._body.hide()
        layout = column(self)
        for part in (Hairline(), self.head, self._body):
            layout.addWidget(part)

    def show_claimed(self, claimed: Sequence[ClaimedView]) -> None:
        """Show these, newest first; hidden when there are none."""
        told = tuple(sorted(claimed, key=lambda each: each.claimed_at, reverse=True))
        self.setVisible(bool(told))
        if told == self._shown:
            return
        self._shown = told
        self.head.set_count(len(told))
        clear(self._lines)
        for each in told[:_MOST]:
            self._lines.addWidget(self._line(each))
        if len(told) > _MOST:
            self._lines.addWidget(label(f"and {len(told) - _MOST} more", scale="caption", tone="3"))

    def _line(self, claimed: ClaimedView) -> QWidget:
        line = QWidget()
        layout = column(line, spacing=1)
        layout.addWidget(Elided(claimed.title, scale="caption"))
        under = row(spacing=8)
        under.addWidget(Elided(claimed.claimer, scale="caption", tone="3"), 1)
        waited = f"{clock_text(claimed.claimed_at, self._now())}, waited {waiting_text(claimed.waited)}"
        under.addWidget(label(waited, scale="caption", tone="3", tabular=True))
        layout.addLayout(under)
        return line

    def _toggle(self, unfolded: bool) -> None:
        self._body.setVisible(unfolded)


class _Fold(Pressable):
    """The head of the fold."""

    def __init__(self) -> None:
        super().__init__(name="claimedToggle")
        self.setCheckable(True)
        self.setFixedHeight(39)
        self._count = 0
        self.set_count(0)

    def set_count(self, count: int) -> None:
        self._count = count
        self.setAccessibleName(f"Claimed in the last 15 minutes, {count}")
        self.update()

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.underMouse():
            painter.fillRect(self.rect(), QColor(tokens().hover))
        icon = QRectF(17, (self.height() - 14) / 2, 14, 14)
        paint_icon(painter, "down" if self.isChecked() else "right", icon, ink(self, "text"))
        painter.setFont(font("caption", tabular=True))
        painter.setPen(ink(self, "text_2"))
        count = str(self._count)
        width = QFontMetrics(painter.font()).horizontalAdvance(count)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(39, 0, self.width() - 80, self.height()), int(middle), "Claimed in the last 15 minutes")
        painter.drawText(QRectF(self.width() - 17 - width, 0, width + 1, self.height()), int(middle), count)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(ink(self, "focus"), 2))
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))
