"""The bar under the detail that never scrolls: who is in the session, view, hand back, and the one primary button."""

from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.core.views import DetailView, PrimaryKind
from desktop.ui.buttons import Button
from desktop.ui.fonts import font
from desktop.ui.glyphs import paint_dot
from desktop.ui.link import LinkButton
from desktop.ui.panel import Hairline, column, filled, row
from desktop.ui.theme import ink
from desktop.ui.tokens import CLAIMING_AFTER_MS

_ROOM: Final = 96
# label (ampersands doubled), key hint, accessible name
_PRIMARY: Final[dict[PrimaryKind, tuple[str, str, str]]] = {
    "claim": ("Claim && open session", "C", "Claim and open session"),
    "claiming": ("Claim && open session", "C", "Claim and open session"),
    "open": ("Open session", "⏎", "Open session"),
    "next": ("Next in queue", "J", "Next in queue"),
    "sign_in": ("Sign in", "", "Sign in"),
    "reserved": ("", "", ""),
    "none": ("", "", ""),
}


class ActionBar(QWidget):
    """Emits what was pressed; `primary` carries the kind. A claim disables the button at once."""

    primary = Signal(str)
    view_requested = Signal()
    hand_back_requested = Signal()
    copy_link_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        filled(self, "surface")
        self.setFixedHeight(56)
        self._kind: PrimaryKind = "none"
        self.presence = Presence()
        self.copy_button = LinkButton("copyLinkButton", "Copy link")
        self.hand_back_button = Button("Hand back", name="handBackButton")
        self.view_button = Button("View in browser", name="viewButton")
        self.claim_button = Button("Claim && open session", name="claimButton", variant="primary", key="C")
        self.copy_button.clicked.connect(self.copy_link_requested)
        self.hand_back_button.clicked.connect(self.hand_back_requested)
        self.view_button.clicked.connect(self.view_requested)
        self.claim_button.clicked.connect(self.press)
        self._slow = QTimer(self, singleShot=True, interval=CLAIMING_AFTER_MS)
        self._slow.timeout.connect(lambda: self.claim_button.set_label("Claiming", accessible="Claiming"))
        line = row(spacing=8, margins=(24, 0, 16, 0))
        line.addWidget(self.presence, 1)
        line.addWidget(self.copy_button)
        line.addStretch()
        for button in (self.hand_back_button, self.view_button, self.claim_button):
            line.addWidget(button)
        layout = column(self)
        layout.addWidget(Hairline())
        layout.addLayout(line, 1)

    def show_actions(self, view: DetailView, *, offline: bool) -> None:
        """Offer what can be done with this hand-off now."""
        self._kind = view.primary
        claimed = view.primary == "open"
        self.hand_back_button.setVisible(view.can_hand_back)
        self.copy_button.setVisible(claimed)
        self.view_button.setVisible(not claimed)
        words = "Waiting clocks pause while offline." if offline else view.presence or ""
        self.presence.show_words(words, dot=not offline)
        self.presence.setVisible(bool(words) and not claimed)
        self._show_primary(view.primary, view.row.reserved, offline=offline)

    def press(self) -> None:
        """The primary button was pressed (or its key): once per offer."""
        if not self.claim_button.isEnabled() or self._kind in ("claiming", "reserved", "none"):
            return
        kind = self._kind
        if kind == "claim":
            self._kind = "claiming"
            self.claim_button.setEnabled(False)
            self._slow.start()
        self.primary.emit(kind)

    def kind(self) -> PrimaryKind:
        """What the primary button would do."""
        return self._kind

    def _show_primary(self, kind: PrimaryKind, reserved: str | None, *, offline: bool) -> None:
        self.claim_button.setVisible(kind != "none")
        if kind == "claiming":
            if self.claim_button.isEnabled():
                self.claim_button.setEnabled(False)
                self._slow.start()
            return
        self._slow.stop()
        why_not = "Will not claim while offline" if offline and kind == "claim" else reserved
        if kind in {"claim", "reserved"} and why_not is not None:
            self.claim_button.set_label(why_not.replace("&", "&&"), accessible=why_not)
            self.claim_button.setEnabled(False)
            return
        words, key, accessible = _PRIMARY[kind]
        self.claim_button.set_label(words, key=key, accessible=accessible)
        self.claim_button.setEnabled(kind != "none")


class Presence(QWidget):
    """Who is in the session: a dot and words; nothing rather than a stump where there is no room."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("presenceLabel")
        self.setFont(font("caption"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._words, self._dot = "", False

    def text(self) -> str:
        """What it says."""
        return self._words

    def show_words(self, words: str, *, dot: bool) -> None:
        """Show these words, with the green dot or without."""
        self._words, self._dot = words, dot
        self.setAccessibleName(words)
        self.setToolTip(words)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it (Qt)."""
        if self.width() < _ROOM:
            return
        painter = QPainter(self)
        left = 16 if self._dot else 0
        if self._dot:
            paint_dot(painter, QPointF(4, self.height() / 2), ink(self, "success"))
        metrics = painter.fontMetrics()
        shown = metrics.elidedText(self._words, Qt.TextElideMode.ElideRight, self.width() - left)
        painter.setPen(ink(self, "text_2"))
        painter.drawText(QRectF(left, 0, self.width() - left, self.height()), int(Qt.AlignmentFlag.AlignVCenter), shown)
