"""Minutes recovered on the wire. Null, not zero, where there is nothing to average."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingPoint:
    """Month-to-date value at the end of `date`, from `n` escalations."""

    date: date
    minutes_recovered_per_escalation: float | None
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationMetrics:
    """Answer of `GET /analytics/escalation-metrics`. A month belongs to the account's `timezone`."""

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
