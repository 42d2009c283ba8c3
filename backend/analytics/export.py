"""A month as CSV: a row per escalation, from which every figure of the page can be made again.

Seconds have six decimals, which is all there is; the baseline stands as it was set. Text that a spreadsheet would take
for a formula gets an apostrophe before it.
"""

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from backend.contract.metrics import EscalationRow
from backend.domain.spreadsheet import unrun

COLUMNS: Final = (
    "handoff_id",
    "session_id",
    "title",
    "customer",
    "ticket",
    "priority",
    "reason",
    "status",
    "escalated_at",
    "escalated_at_local",
    "escalated_by",
    "claimed_at",
    "claimed_by",
    "seconds_to_claim",
    "claim_for_action_at",
    "first_action_at",
    "first_action_kind",
    "seconds_to_first_action",
    "baseline_minutes",
    "minutes_recovered",
    "counted",
    "excluded_because",
    "outcome",
    "had_what_i_needed",
    "missing",
)


def as_csv(rows: Iterable[EscalationRow], zone: ZoneInfo) -> str:
    """The whole document, header first, lines ended by CR LF. It begins with a byte order mark, for spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(_cells(row, zone) for row in rows)
    return f"\ufeff{out.getvalue()}"


def safe(text: str | None) -> str:
    """Text that no spreadsheet runs."""
    return unrun(text) if text else ""


def _cells(row: EscalationRow, zone: ZoneInfo) -> tuple[str, ...]:
    return (
        row.id,
        row.session_id,
        safe(row.title),
        safe(row.customer),
        safe(row.ticket),
        row.priority,
        safe(row.reason),
        row.status,
        _time(row.escalated_at),
        f"{row.escalated_at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        safe(row.escalated_by),
        _time(row.claimed_at),
        safe(row.claimed_by),
        _seconds(row.seconds_to_claim),
        _time(row.claim_for_action_at),
        _time(row.first_action_at),
        row.first_action_kind or "",
        _seconds(row.seconds_to_first_action),
        repr(row.baseline_minutes) if row.baseline_minutes is not None else "",
        f"{row.minutes_recovered:.6f}" if row.minutes_recovered is not None else "",
        "yes" if row.excluded is None else "no",
        row.excluded or "",
        row.outcome or "",
        "" if row.had_what_i_needed is None else "yes" if row.had_what_i_needed else "no",
        safe(row.missing),
    )


def _time(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z" if at is not None else ""


def _seconds(value: float | None) -> str:
    # A double holds microseconds exactly enough for centuries: six decimals give back what was measured.
    return f"{Decimal(value):.6f}" if value is not None else ""
