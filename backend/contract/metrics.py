"""Minutes recovered on the wire. Null, not zero, where there is nothing to average.

Two metrics that are never mixed: the manual baseline (minutes, what an escalation costs by hand) and the in-product
time (seconds, measured). `minutes_recovered` is the first minus the second, escalation by escalation.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from backend.contract.baseline import BaselineBasis, BaselineOrigin
from backend.contract.people import Person

ExclusionReason = Literal["withdrawn", "waiting", "no_action_yet", "ended_without_action", "no_baseline"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingPoint:
    """Month-to-date value at the end of `date`, from `n` escalations."""

    date: date
    minutes_recovered_per_escalation: float | None
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Mean, median and 90th percentile of `n` values; percentiles interpolate as `PERCENTILE.INC` does."""

    n: int
    mean: float | None
    median: float | None
    p90: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsGroup:
    """The month's figures of one claimer, technician, customer, priority or reason.

    `id` and `name` are a person's, `key` is the priority, customer or reason in words; all are null for `others`, which
    holds groups that are too small or whose names the reader may not see, and what has no customer or a reason of its
    own. Figures are null where `others` is itself too small.
    """

    id: str | None = None
    name: str | None = None
    key: str | None = None
    others: bool = False
    escalations: int
    claimed: int
    with_first_action: int
    mean_time_to_claim_seconds: float | None
    mean_time_to_first_action_seconds: float | None
    minutes_recovered_per_escalation: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Escalations of the month that are not averaged, and why; `GET /analytics/escalations?counted=` lists them."""

    reason: ExclusionReason
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineUse:
    """A version of the baseline that was in force in the month, and how many measured escalations it counts for."""

    minutes: float | None
    basis: BaselineBasis
    origin: BaselineOrigin
    set_by: Person | None
    effective_from: datetime
    note: str | None
    escalations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingNamed:
    """What seniors said was missing from handoffs, and how often."""

    text: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Endings:
    """How the month's resolved handoffs ended. `said` is how many seniors said whether they had what they needed."""

    outcomes: dict[str, int]
    without_outcome: int
    said: int
    had_what_i_needed: int
    missing: list[MissingNamed]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousMonth:
    """The month before, for the change."""

    month: str
    with_first_action: int
    minutes_recovered_per_escalation: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationMetrics:
    """Answer of `GET /analytics/escalation-metrics`. A month belongs to the account's `timezone`.

    An escalation belongs to the month it was made in, and is measured against the baseline in force at that moment.
    `manual_baseline_minutes` is the mean of those baselines, which is the baseline itself unless it changed within the
    month. `with_first_action` are the measured ones: a senior has acted, on somebody else's session. `small_sample`
    says that there are fewer than 20 of them, `early` fewer than 5. `negative` ones took longer than it.
    """

    month: str
    timezone: str
    manual_baseline_minutes: float | None
    escalations: int
    claimed: int
    with_first_action: int
    mean_time_to_claim_seconds: float | None
    mean_time_to_first_action_seconds: float | None
    minutes_recovered_per_escalation: float | None
    minutes_recovered_total: float | None
    rolling: list[RollingPoint]
    by_first_action_kind: dict[str, int]
    time_to_claim_seconds: Spread
    time_to_first_action_seconds: Spread
    minutes_recovered: Spread
    shown_on_desktop_seconds: Spread
    negative: int
    small_sample: bool
    early: bool
    waiting: int
    withdrawn: int
    past_step_two: int
    exclusions: list[Exclusion]
    baselines: list[BaselineUse]
    previous: PreviousMonth
    change_minutes: float | None
    endings: Endings
    by_claimer: list[MetricsGroup]
    by_technician: list[MetricsGroup]
    by_customer: list[MetricsGroup]
    by_priority: list[MetricsGroup]
    by_reason: list[MetricsGroup]


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationRow:
    """One escalation of a month as it is measured. Names are null where the reader may not see them.

    `minutes_recovered` is null when it is not averaged, and `excluded` then says why.
    """

    id: str
    session_id: str
    title: str
    customer: str | None
    ticket: str | None
    priority: str
    reason: str
    status: str
    escalated_at: datetime
    escalated_by: str | None
    claimed_at: datetime | None
    claimed_by: str | None
    claim_for_action_at: datetime | None
    first_action_at: datetime | None
    first_action_kind: str | None
    seconds_to_claim: float | None
    seconds_to_first_action: float | None
    baseline_minutes: float | None
    minutes_recovered: float | None
    excluded: ExclusionReason | None
    outcome: str | None
    had_what_i_needed: bool | None
    missing: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationRows:
    """Answer of `GET /analytics/escalations`: newest first, `total` before `limit`."""

    month: str
    total: int
    items: list[EscalationRow]
