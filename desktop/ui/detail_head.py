"""The head of a hand-off: priority, waiting time, title, who and which ticket."""

from datetime import datetime

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from backend.contract.sessions import TicketRef
from desktop.core.views import DetailView, RowView
from desktop.ui.badges import PriorityPill, Tag
from desktop.ui.flow import FlowLayout
from desktop.ui.link import LinkButton
from desktop.ui.panel import column, row
from desktop.ui.text import Elided, Prose, label
from desktop.ui.times import waiting_text


class DetailHead(QWidget):
    """Known from the queue row alone, so it is there before the rest has loaded."""

    def __init__(self) -> None:
        super().__init__()
        self._row: RowView | None = None
        self._stale = False
        self._pill = PriorityPill()
        self._tag = Tag("For you")
        self._before = label("Waiting", scale="caption", tone="2")
        self.wait = label(scale="caption_strong", name="waitLabel", tabular=True)
        self._after = label(", may be out of date", scale="caption", tone="2")
        self.title = Prose(scale="title", name="detailTitle")
        self.meta = MetaLine()
        top = row(spacing=8)
        top.addWidget(self._pill)
        top.addWidget(self._tag)
        top.addStretch()
        wait = row(spacing=0)
        wait.addWidget(self._before)
        wait.addSpacing(4)
        wait.addWidget(self.wait)
        wait.addWidget(self._after)
        top.addLayout(wait)
        layout = column(self, margins=(0, 0, 0, 16))
        layout.addLayout(top)
        layout.addSpacing(8)
        layout.addWidget(self.title)
        layout.addSpacing(2)
        layout.addWidget(self.meta)

    def show_head(self, view: DetailView) -> None:
        """Show row and whether it may be out of date."""
        self._row, self._stale = view.row, view.stale
        self._pill.set_priority(view.row.priority)
        self._tag.setVisible(view.row.for_you)
        self.title.setText(view.row.title)
        self.meta.show_meta(view.row)

    def tick(self, now: datetime) -> None:
        """Write the waiting time as of `now`; hidden once the row no longer waits."""
        waiting = self._row is not None and self._row.outcome is None
        for part in (self._before, self.wait):
            part.setVisible(waiting)
        self._after.setVisible(waiting and self._stale)
        if self._row is not None and waiting:
            self.wait.setText(waiting_text(now - self._row.waiting_since))


class MetaLine(QWidget):
    """Customer, sender and ticket in one line that wraps."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("detailMeta")
        self._customer = Elided(tone="2")
        self._first = label("·", tone="3")
        self._sender = Elided(tone="2")
        self._second = label("·", tone="3")
        self._ticket = label(tone="2")
        self.link = LinkButton("ticketLink")
        self.link.clicked.connect(self._open)
        self._url: QUrl | None = None
        layout = FlowLayout(self, spacing=6)
        for dot in (self._first, self._second):
            dot.setProperty("separator", True)
        for part in (self._customer, self._first, self._sender, self._second, self._ticket, self.link):
            layout.addWidget(part)

    def text(self) -> str:
        """The line as one string."""
        ticket = f" · {self._ticket.text()}" if self._ticket.text() else ""
        return f"{self._customer.text()} · {self._sender.text()}{ticket}"

    def show_meta(self, shown: RowView) -> None:
        """Show where it comes from."""
        self._customer.setText(shown.customer)
        self._customer.setVisible(bool(shown.customer))
        self._first.setVisible(bool(shown.customer))
        self._sender.setText(f"from {shown.from_name}")
        words = f"Ticket {shown.ticket.id}" if shown.ticket else ""
        self._url = _web_address(shown.ticket)
        self._ticket.setText(words)
        self._second.setVisible(bool(words))
        self._ticket.setVisible(bool(words) and self._url is None)
        self.link.set_words(words)
        self.link.setVisible(bool(words) and self._url is not None)
        self.setAccessibleName(self.text())
        self.updateGeometry()

    def _open(self) -> None:
        if self._url is not None:
            QDesktopServices.openUrl(self._url)


def _web_address(ticket: TicketRef | None) -> QUrl | None:
    """The ticket's address if it is one a browser may be given; `file:` and others could start programs."""
    if ticket is None or not ticket.url:
        return None
    url = QUrl(ticket.url, QUrl.ParsingMode.StrictMode)
    return url if url.isValid() and url.scheme() in ("https", "http") and url.host() else None
