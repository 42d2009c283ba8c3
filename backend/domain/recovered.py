"""Minutes recovered: manual baseline minus measured time from claim to first action. Negatives count."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from backend.contract.metrics import EscalationMetrics, RollingPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One escalation. `claim_for_action` is the claim that led to the first action."""

    escalated_at: datetime
    claimed_at: datetime | None
    claim_for_action: datetime | None
    first_action_at: datetime | None
    first_action_kind: str | None

    @property
    def to_action_s(self) -> float | None:
        """Seconds from the claim to the first action, or None when there is none."""
        if self.first_action_at is None or self.claim_for_action is None:
            return None
        return (self.first_action_at - self.claim_for_action).total_seconds()


def month_bounds(month: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start and end of `YYYY-MM` in a time zone, from the year 2000 on. Raises ValueError for what is no month."""
    if len(month) != 7 or not month.isascii():
        raise ValueError(month)
    start = datetime.strptime(month, "%Y-%m").replace(tzinfo=zone)
    if not 2000 <= start.year < 9999:  # at the calendar's edges a time zone leads out of it
        raise ValueError(month)
    following = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    return start, following


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def recovered(baseline_min: float | None, to_action_s: float | None) -> float | None:
    """`manual_baseline_minutes` minus minutes from claim to first action; None when either is missing."""
    if baseline_min is None or to_action_s is None:
        return None
    return baseline_min - to_action_s / 60


def rolling(rows: Sequence[Measured], baseline_min: float | None, last: date, zone: ZoneInfo) -> list[RollingPoint]:
    """Month-to-date value at the end of each day up to `last`, by the day of the escalation."""
    if not rows:
        return []
    by_day: dict[date, list[float]] = {}
    for row in rows:
        if row.to_action_s is not None:
            by_day.setdefault(row.escalated_at.astimezone(zone).date(), []).append(row.to_action_s)
    points: list[RollingPoint] = []
    day, total, n = min(row.escalated_at for row in rows).astimezone(zone).date().replace(day=1), 0.0, 0
    while day <= last:
        total += sum(by_day.get(day, []))
        n += len(by_day.get(day, []))
        value = recovered(baseline_min, total / n if n else None)
        points.append(RollingPoint(date=day, minutes_recovered_per_escalation=value, n=n))
        day += timedelta(days=1)
    return points


def metrics(
    rows: Sequence[Measured], *, month: str, zone: ZoneInfo, baseline_min: float | None, today: date
) -> EscalationMetrics:
    """The month's figures. Null, not zero, where there is nothing to average."""
    to_claim = [(row.claimed_at - row.escalated_at).total_seconds() for row in rows if row.claimed_at is not None]
    to_action = [seconds for row in rows if (seconds := row.to_action_s) is not None]
    mean_action = _mean(to_action)
    per_escalation = recovered(baseline_min, mean_action)
    _, end = month_bounds(month, zone)
    last = min(today, (end - timedelta(days=1)).date())
    return EscalationMetrics(
        month=month,
        timezone=zone.key,
        manual_baseline_minutes=baseline_min,
        escalations=len(rows),
        claimed=len(to_claim),
        with_first_action=len(to_action),
        mean_time_to_claim_seconds=_mean(to_claim),
        mean_time_to_first_action_seconds=mean_action,
        minutes_recovered_per_escalation=per_escalation,
        minutes_recovered_total=per_escalation * len(to_action) if per_escalation is not None else None,
        rolling=rolling(rows, baseline_min, last, zone),
        by_first_action_kind=dict(Counter(row.first_action_kind for row in rows if row.first_action_kind)),
    )
