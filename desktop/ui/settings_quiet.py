"""Quiet hours: on which days, from when to when, and what comes through all the same."""

from typing import Final

from PySide6.QtWidgets import QWidget

from desktop.settings.layers import Resolved
from desktop.settings.schema import DAYS
from desktop.ui.panel import row
from desktop.ui.settings_bind import Binder, set_locked
from desktop.ui.settings_page import Facts, Page, add_row, hint
from desktop.ui.settings_parts import Check, Clock
from desktop.ui.text import Prose

DAY_NAMES: Final = {
    "mon": ("Mo", "Monday"),
    "tue": ("Tu", "Tuesday"),
    "wed": ("We", "Wednesday"),
    "thu": ("Th", "Thursday"),
    "fri": ("Fr", "Friday"),
    "sat": ("Sa", "Saturday"),
    "sun": ("Su", "Sunday"),
}
_NAMES: Final = frozenset({"quiet.enabled", "quiet.days", "quiet.from", "quiet.to", "notify.urgent.quiet"})


class QuietHoursPage(Page):
    """See the module."""

    def __init__(self, binder: Binder) -> None:
        super().__init__("QuietHours", "Quiet hours", binder, _NAMES)
        enabled = Check("quietEnabled", "Quiet hours", "Hold notifications in quiet hours")
        self.enabled = binder.check(enabled, "quiet.enabled")
        self.body.addWidget(self.enabled)
        self.days = {day: Check(f"quietDay_{day}", DAY_NAMES[day][1], DAY_NAMES[day][0]) for day in DAYS}
        holder = QWidget()
        line = row(holder, spacing=4)
        for day in DAYS:
            self.days[day].clicked.connect(self._keep_days)
            line.addWidget(self.days[day])
        line.addStretch()
        self.start = binder.clock(Clock("quietFrom", "From"), "quiet.from")
        self.end = binder.clock(Clock("quietTo", "To"), "quiet.to")
        self.zone = Prose(name="quietZone")
        self.span = hint(name="quietSpan")
        grid = self.rows()
        add_row(grid, "Days", holder)
        add_row(grid, "From", self.start)
        add_row(grid, "To", self.end)
        add_row(grid, "Time zone", self.zone)
        grid.addWidget(self.span, grid.rowCount(), 1)
        urgent = Check("quietUrgent", "Urgent still comes through", "Urgent still comes through")
        self.body.addWidget(binder.check(urgent, "notify.urgent.quiet"))
        self.body.addWidget(
            hint("Held notifications are shown when quiet hours end, if they still wait. The queue is never held back.")
        )
        self.body.addWidget(self.notice)
        binder.follow("quiet.days", self._show_days)
        for name in ("quiet.from", "quiet.to"):
            binder.follow(name, lambda _each: self._show_span())

    def show_facts(self, facts: Facts) -> None:
        """What is no setting has changed."""
        self.zone.setText(facts.zone)

    def _show_days(self, each: Resolved) -> None:
        chosen = each.value if isinstance(each.value, tuple) else ()
        for day, box in self.days.items():
            box.setChecked(day in chosen)
            set_locked(box, DAY_NAMES[day][1], self.binder.lock_words(each))
        self._show_span()

    def _keep_days(self) -> None:
        self.binder.keep("quiet.days", tuple(day for day in DAYS if self.days[day].isChecked()))

    def _show_span(self) -> None:
        store = self.binder.store
        start, end = store.words("quiet.from"), store.words("quiet.to")
        if not store.days("quiet.days"):
            words = "No day is chosen: there are no quiet hours."
        elif start == end:
            words = f"From {start}, for a whole day."
        else:
            words = f"From {start} to {end}" + (" of the next day." if end < start else ".")
        self.span.setText(words)
