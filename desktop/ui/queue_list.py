"""The left column: count, list or what stands instead of it, and the foot with what was claimed lately."""

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

from backend.contract.vocabulary import Priority
from desktop.core.views import QueueView
from desktop.ui.claimed_section import ClaimedSection
from desktop.ui.fonts import font
from desktop.ui.message_page import MessagePage
from desktop.ui.panel import Hairline, column, filled, row
from desktop.ui.queue_view import QueueListView
from desktop.ui.skeleton import ROWS, Skeleton
from desktop.ui.text import label, set_tone
from desktop.ui.times import clock_text
from desktop.ui.tokens import LIST_MAX, LIST_MIN
from desktop.ui.words import narrowed


class QueueColumn(QWidget):
    """Everything left of the splitter. `chosen` is the row the user moved to."""

    chosen = Signal(str)
    clear_search = Signal()

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        filled(self, "canvas")
        self.setMinimumWidth(LIST_MIN)
        self.setMaximumWidth(LIST_MAX)
        self.count = label(scale="caption_strong", name="queueCountLabel", tabular=True)
        self._order = label(scale="caption", tone="3", tabular=True)
        self.list = QueueListView(now)
        self.list.chosen.connect(self.chosen)
        self.no_match = MessagePage("noMatch", icon="search")
        self.no_match.button.set_label("Clear search")
        self.no_match.button.setObjectName("clearSearchButton")
        self.no_match.button.clicked.connect(self.clear_search)
        self.empty = MessagePage("emptyList", icon="check")
        self.empty.show_message("Nothing is waiting", "")
        self._skeleton = Skeleton("skeleton", ROWS, inset=16, lines=True)
        self._stack = QStackedWidget()
        for page in (self.list, self.no_match, self.empty, self._skeleton):
            self._stack.addWidget(page)
        self.claimed = ClaimedSection(now)
        head = QWidget()
        head.setFixedHeight(36)
        line = row(head, spacing=8, margins=(16, 0, 12, 0))
        line.addWidget(self.count)
        line.addStretch()
        line.addWidget(self._order)
        layout = column(self)
        for part in (head, Hairline(), self._stack, self.claimed):
            layout.addWidget(part)
        layout.setStretchFactor(self._stack, 1)

    def show_queue(self, view: QueueView, query: str, priority: Priority | None) -> None:
        """Show the list as told, narrowed by search and filter."""
        if not view.loaded:
            self.count.setFont(font("caption"))
            set_tone(self.count, "3")
            self.count.setText("Loading the queue")
            self._order.clear()
            self._stack.setCurrentWidget(self._skeleton)
            self._skeleton.begin()
            self.claimed.hide()
            return
        rows = narrowed(view.rows, query, priority)
        waiting = sum(each.outcome is None for each in view.rows)
        shown = sum(each.outcome is None for each in rows)
        some = bool(query.strip()) or priority is not None
        self.count.setFont(font("caption_strong", tabular=True))
        set_tone(self.count, "1")
        self.count.setText(f"{shown} of {waiting} waiting" if some else f"{waiting} waiting")
        as_of = view.connection.last_update
        if view.connection.state == "offline" and as_of is not None:
            self._order.setText(f"as of {clock_text(as_of, self._now(), seconds=True)}")
        else:
            self._order.setText("Priority, then longest wait")
        self.list.show_rows(rows)
        if rows:
            self._stack.setCurrentWidget(self.list)
        elif some and view.rows:
            what = f"“{query.strip()}”" if query.strip() else "this filter"
            self.no_match.show_message(f"Nothing matches {what}", "")
            self._stack.setCurrentWidget(self.no_match)
        else:
            self._stack.setCurrentWidget(self.empty)
        self.claimed.show_claimed(view.claimed_recently)

    def state(self) -> str:
        """What stands in the column: list, noMatch, emptyList or skeleton (for tests and diagnostics)."""
        page = self._stack.currentWidget()
        return page.objectName() if page and page is not self.list else "list"
