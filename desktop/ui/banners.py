"""Banners: the outcome of a claim above the detail, and the offline line below the toolbar."""

from datetime import datetime
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from desktop.core.views import BannerView, ConnectionView, OutcomeKind
from desktop.ui.buttons import Button
from desktop.ui.panel import Box, IconLabel, column, row
from desktop.ui.text import Prose, Tone, label, set_tone
from desktop.ui.theme import plain, tokens
from desktop.ui.times import clock_text

_LOOK: Final[dict[OutcomeKind, tuple[str, str, str, Tone]]] = {
    # icon, fill, border, tone
    "claimed": ("check", "success_bg", "", "success"),
    "own": ("info", "sunken", "border", "1"),
    "lost": ("info", "sunken", "border", "1"),
    "withdrawn": ("info", "sunken", "border", "1"),
    "unknown": ("sync", "sunken", "border", "1"),
    "offline": ("offline", "warning_bg", "", "warning"),
    "error": ("warn", "danger_bg", "", "danger"),
}
_TOKEN: Final[dict[Tone, str]] = {"success": "success", "warning": "warning", "danger": "danger"}


class OutcomeBanner(Box):
    """What came of the claim, in place; property `outcome` for tests."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("outcomeBanner")
        self._icon = IconLabel("info", "text", 16)
        self.title = Prose(scale="strong", name="outcomeTitle")
        self.text = Prose(tone="2", name="outcomeText")
        words = column(spacing=1)
        words.addWidget(self.title)
        words.addWidget(self.text)
        layout = row(self, spacing=12, margins=(14, 12, 14, 12))
        layout.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(words, 1)
        self.hide()

    def show_outcome(self, banner: BannerView | None) -> None:
        """Show the outcome, or nothing."""
        self.setVisible(banner is not None)
        self.setProperty("outcome", banner.kind if banner else "")
        if banner is None:
            return
        icon, fill, border, tone = _LOOK[banner.kind]
        self.set_colours(fill=fill, border=border)
        self._icon.set_icon(icon, _TOKEN.get(tone, "text"))
        self.title.setText(banner.title)
        self.text.setText(banner.text)
        self.text.setVisible(bool(banner.text))
        set_tone(self.title, tone)
        set_tone(self.text, "2" if tone == "1" else tone)
        self.setAccessibleName(f"{banner.title}. {banner.text}".strip())


class OfflineBanner(QWidget):
    """Says since when, when the next attempt is, and what cannot be done meanwhile."""

    retry = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("offlineBanner")
        self.setMinimumHeight(41)
        self._since = label(scale="strong", tone="warning", tabular=True)
        self.text = label(tone="warning", tabular=True)
        self.text.setWordWrap(True)
        self.button = Button("Try now", name="retryButton", variant="warning", height=28)
        self.button.clicked.connect(self.retry)
        layout = row(self, spacing=10, margins=(16, 6, 16, 7))
        layout.addWidget(IconLabel("offline", "warning", 16))
        words = row(spacing=4)
        words.addWidget(self._since)
        words.addWidget(self.text, 1)
        layout.addLayout(words, 1)
        layout.addWidget(self.button)
        self.hide()

    def show_offline(self, connection: ConnectionView, now: datetime) -> None:
        """Write the two sentences; `now` in the server's clock, for the countdown."""
        since = connection.last_update or connection.since
        self._since.setText(f"Offline since {clock_text(since, now, seconds=True)}." if since else "Offline.")
        again = "Trying again."
        if connection.retry_at is not None:
            seconds = max(0, round((connection.retry_at - now).total_seconds()))
            again = f"Trying again in {seconds} s." if seconds else "Trying again now."
        self.text.setText(f"{again} You cannot claim while offline.")
        self.setAccessibleName(f"{self._since.text()} You cannot claim while offline.")

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        if plain():
            return
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(tokens().warning_bg))
        painter.fillRect(0, self.height() - 1, self.width(), 1, QColor(tokens().border))
