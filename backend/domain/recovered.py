"""Minutes recovered: manual baseline minus measured time from claim to first action. Negatives count.

One escalation at a time: what is measured of it, what it is measured against, and why it may not count.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from backend.contract.metrics import ExclusionReason
from backend.domain.averages import Exact, exact
from backend.domain.baseline import Baseline, Baselines

_MICROSECOND: Final = timedelta(microseconds=1)
EXCLUSIONS: Final[tuple[ExclusionReason, ...]] = (
    "waiting",
    "withdrawn",
    "no_action_yet",
    "ended_without_action",
    "no_baseline",
)


class Measured(NamedTuple):
    """One escalation as the database has it. `claim_for_action` is the claim that led to the first action."""

    id: UUID
    session_id: UUID
    escalated_at: datetime
    status: str
    priority: str
    reason: str
    customer: str | None
    escalated_by: UUID
    claimed_at: datetime | None
    holder: UUID | None
    claim_for_action: datetime | None
    first_action_at: datetime | None
    first_action_kind: str | None
    first_action_by: UUID | None
    outcome: str | None
    had_what_i_needed: bool | None
    missing: str | None
    past_step_two: bool
    shown_at: datetime | None

    @property
    def claimer(self) -> UUID | None:
        """Who is measured: the one who acted, else who holds or held it."""
        return self.first_action_by or self.holder

    @property
    def to_claim(self) -> int | None:
        """Microseconds from the escalation to the first claim."""
        return between(self.escalated_at, self.claimed_at) if self.claimed_at is not None else None

    @property
    def to_action(self) -> int | None:
        """Microseconds from the claim to the first action, or None when it is not measured."""
        if self.first_action_at is None or self.claim_for_action is None or self.excluded is not None:
            return None
        return between(self.claim_for_action, self.first_action_at)

    @property
    def excluded(self) -> ExclusionReason | None:
        """Why there is nothing to measure, or None when there is."""
        return left_out(self.status, acted=self.first_action_at is not None)


class Row(NamedTuple):
    """An escalation with what was measured and what came of it, in microseconds."""

    of: Measured
    baseline: Baseline | None
    to_claim: int | None
    to_action: int | None
    recovered: Exact | None

    @classmethod
    def measure(cls, one: Measured, baselines: Baselines) -> "Row":
        """Measured against the baseline that was in force when it was made."""
        baseline, to_action = baselines.at(one.escalated_at), one.to_action
        return cls(one, baseline, one.to_claim, to_action, recovered(worth(baseline), to_action))

    @property
    def excluded(self) -> ExclusionReason | None:
        """Why it is not averaged, or None when it is."""
        if self.of.excluded is not None:
            return self.of.excluded
        return "no_baseline" if self.recovered is None else None


def left_out(status: str, *, acted: bool) -> ExclusionReason | None:
    """Why an escalation that stands so has nothing to measure, or None when it has: its claimer has acted."""
    if acted:
        return None
    if status == "pending":
        return "waiting"
    if status == "withdrawn":
        return "withdrawn"
    return "no_action_yet" if status == "claimed" else "ended_without_action"


def worth(baseline: Baseline | None) -> Exact | None:
    """A baseline in microseconds, or None where there is none."""
    return exact(baseline.minutes) if baseline is not None and baseline.minutes is not None else None


def between(start: datetime, end: datetime) -> int:
    """Whole microseconds from one moment to another."""
    return (end - start) // _MICROSECOND


def recovered(baseline: Exact | None, to_action: int | None) -> Exact | None:
    """Baseline minus time from claim to first action, all in microseconds; None when either is missing."""
    return baseline - to_action if baseline is not None and to_action is not None else None


def month_bounds(month: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start and end of `YYYY-MM` in a time zone, from the year 2000 on. Raises ValueError for what is no month."""
    if len(month) != 7 or not month.isascii():
        raise ValueError(month)
    start = datetime.strptime(month, "%Y-%m").replace(tzinfo=zone)
    if not 2000 <= start.year < 9999:  # at the calendar's edges a time zone leads out of it
        raise ValueError(month)
    following = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    return start, following


def midnights(month: str, zone: ZoneInfo) -> list[datetime]:
    """When each day of `YYYY-MM` begins in a time zone; one that the calendar there skips begins with the next."""
    start, end = month_bounds(month, zone)
    first, last = start.date(), (end - timedelta(days=1)).date()
    return [start + timedelta(days=number) for number in range((last - first).days + 1)]


def month_before(month: str) -> str | None:
    """The month before `YYYY-MM`, or None where figures cannot be asked for any more."""
    year, number = int(month[:4]), int(month[5:])
    year, number = (year, number - 1) if number > 1 else (year - 1, 12)
    return f"{year:04}-{number:02}" if year >= 2000 else None
