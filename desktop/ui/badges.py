"""Small labels with a shape: priority pill, tag, outcome of a step, confidence meter, connection state."""

from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from backend.contract.vocabulary import OUTCOME_LABEL, PRIORITY_LABEL, Priority, StepOutcome
from desktop.core.views import ConnectionState
from desktop.ui.fonts import font
from desktop.ui.glyphs import GLYPH, paint_confidence, paint_dot, paint_priority
from desktop.ui.icons import paint_icon
from desktop.ui.theme import ink, plain, tokens
from desktop.ui.words import confidence

_OUTCOME_TOKEN: Final[dict[StepOutcome, str]] = {
    "worked": "success",
    "helped": "warning",
    "no_change": "text_3",
    "worse": "danger",
    "blocked": "danger",
    "not_tried": "text_3",
}
_CONNECTION: Final[dict[ConnectionState, tuple[str, str, str]]] = {
    "connecting": ("Connecting", "sync", "text_2"),
    "connected": ("Connected", "", "success"),
    "reconnecting": ("Reconnecting", "sync", "text_2"),
    "offline": ("Offline", "offline", "warning"),
    "signed_out": ("Signed out", "hollow", "text_3"),
    "role_changed": ("No access", "hollow", "text_3"),
}


class _Drawn(QWidget):
    """A fixed-size drawing with caption text."""

    def __init__(self, height: int) -> None:
        super().__init__()
        self._height = height
        self.words = ""

    def text(self) -> str:
        """What it says."""
        return self.words

    def _say(self, words: str) -> None:
        self.words = words
        self.setAccessibleName(words)
        self.setFixedSize(self.sizeHint())
        self.update()

    def _lead(self) -> int:
        """Room in px before the words."""
        return GLYPH + 6

    def _trail(self) -> int:
        """Room in px after the words."""
        return 0

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(font("caption_strong"))
        return QSize(
            self._lead() + metrics.horizontalAdvance(self.words) + 1 + self._trail(),
            max(self._height, metrics.height()),
        )

    def _paint_words(self, painter: QPainter, colour: QColor, *, strong: bool = True) -> None:
        painter.setFont(font("caption_strong" if strong else "caption"))
        painter.setPen(colour)
        area = QRectF(self._lead(), 0, self.width() - self._lead(), self.height())
        painter.drawText(area, int(Qt.AlignmentFlag.AlignVCenter), self.words)

    def _glyph_at(self, left: float) -> QPointF:
        return QPointF(left, (self.height() - GLYPH) / 2)


class PriorityPill(_Drawn):
    """Glyph and word; with `pill` on the priority's ground."""

    def __init__(self, *, pill: bool = True) -> None:
        super().__init__(22 if pill else 16)
        self._pill = pill
        self._priority: Priority = "normal"

    def _lead(self) -> int:
        return super()._lead() + (6 if self._pill else 0)

    def _trail(self) -> int:
        return 8 if self._pill else 0

    def set_priority(self, priority: Priority) -> None:
        """Show this priority."""
        self._priority = priority
        self._say(PRIORITY_LABEL[priority])

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = tokens().priority[self._priority]
        colour = ink(self, "text") if plain() else QColor(colours.fg)
        ground = self.palette().color(self.backgroundRole())
        if self._pill and not plain():
            ground = QColor(colours.bg)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ground)
            painter.drawRoundedRect(self.rect(), 4, 4)
        paint_priority(painter, self._priority, self._glyph_at(6 if self._pill else 0), colour, ground)
        self._paint_words(painter, colour)


class Tag(_Drawn):
    """A word on a tinted ground: For you."""

    def __init__(self, words: str) -> None:
        super().__init__(20)
        self._say(words)

    def _lead(self) -> int:
        return 7

    def _trail(self) -> int:
        return 7

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not plain():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tokens().accent_bg))
            painter.drawRoundedRect(self.rect(), 4, 4)
        self._paint_words(painter, ink(self, "accent_text"))


class OutcomeLabel(_Drawn):
    """What came of a step: glyph and words."""

    def __init__(self, outcome: StepOutcome) -> None:
        super().__init__(18)
        self._outcome: StepOutcome = outcome
        self._say(OUTCOME_LABEL[outcome])

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = ink(self, _OUTCOME_TOKEN[self._outcome])
        at = self._glyph_at(0)
        paint_icon(painter, f"outcome_{self._outcome}", QRectF(at.x(), at.y(), GLYPH, GLYPH), colour)
        self._paint_words(painter, colour)


class ConfidenceMeter(_Drawn):
    """Three segments, words, percent."""

    def __init__(self) -> None:
        super().__init__(18)
        self.setObjectName("confidenceMeter")
        self._filled = 0

    def _lead(self) -> int:
        return 54

    def set_confidence(self, value: float) -> None:
        """`value` from 0 to 1."""
        self._filled, words = confidence(value)
        self._say(words)
        self.setAccessibleName(words.replace(" %", " percent"))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        painter = QPainter(self)
        colour = ink(self, "ai")
        paint_confidence(painter, self._filled, QPointF(0, (self.height() - 5) / 2), colour)
        self._paint_words(painter, colour)


class ConnectionLabel(_Drawn):
    """The state of the link, as shape and word; property `state` for tests."""

    def __init__(self) -> None:
        super().__init__(20)
        self.setObjectName("connectionLabel")
        self._state: ConnectionState = "connecting"
        self.set_state("connecting")

    def set_state(self, state: ConnectionState) -> None:
        """Show this state."""
        self._state = state
        self.setProperty("state", state)
        self._say(_CONNECTION[state][0])

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        _words, icon, token = _CONNECTION[self._state]
        colour = ink(self, token)
        if icon in ("", "hollow"):
            paint_dot(painter, QPointF(8, self.height() / 2), colour, hollow=icon == "hollow")
        else:
            at = self._glyph_at(0)
            paint_icon(painter, icon, QRectF(at.x(), at.y(), GLYPH, GLYPH), colour)
        self._paint_words(painter, ink(self, "warning" if self._state == "offline" else "text_2"), strong=False)
