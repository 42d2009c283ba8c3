"""The figures of one month from its escalations, each measured against the baseline in force when it was made."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from backend.contract.metrics import BaselineUse, Endings, Exclusion, ExclusionReason, MissingNamed, RollingPoint
from backend.contract.people import Person
from backend.domain.averages import MINUTE, Exact, exact, mean, per
from backend.domain.baseline import Baseline, Baselines
from backend.domain.recovered import EXCLUSIONS, Measured, between, month_bounds, recovered


class Row(NamedTuple):
    """An escalation with what was measured and what came of it, in microseconds."""

    of: Measured
    baseline: Baseline | None
    to_claim: int | None
    to_action: int | None
    recovered: Exact | None


@dataclass(frozen=True, slots=True)
class Month:
    """One month's escalations, oldest first, and the account's baselines."""

    name: str
    zone: ZoneInfo
    rows: list[Row]
    baselines: Baselines

    @classmethod
    def of(cls, name: str, zone: ZoneInfo, measured: Sequence[Measured], baselines: Baselines) -> "Month":
        """Measure each against its baseline."""

        def worth(baseline: Baseline | None) -> Exact | None:
            if baseline is None or baseline.minutes is None:
                return None
            return exact(baseline.minutes)

        rows = []
        for one in measured:
            baseline, to_action = baselines.at(one.escalated_at), one.to_action
            rows.append(Row(one, baseline, one.to_claim, to_action, recovered(worth(baseline), to_action)))
        return cls(name, zone, rows, baselines)

    @property
    def to_claim(self) -> list[int]:
        """Microseconds from escalation to claim of those that were claimed."""
        return [row.to_claim for row in self.rows if row.to_claim is not None]

    @property
    def to_action(self) -> list[int]:
        """Microseconds from claim to first action of those that are measured."""
        return [row.to_action for row in self.rows if row.to_action is not None]

    @property
    def recovered(self) -> list[Exact]:
        """Microseconds recovered by each measured escalation that had a baseline."""
        return [row.recovered for row in self.rows if row.recovered is not None]

    @property
    def shown(self) -> list[int]:
        """Microseconds from escalation to the first desktop that showed it."""
        return [between(row.of.escalated_at, row.of.shown_at) for row in self.rows if row.of.shown_at is not None]

    @property
    def complete(self) -> bool:
        """Whether every measured escalation had a baseline: else no figure equals the published formula."""
        return len(self.recovered) == len(self.to_action)

    def per_escalation(self) -> float | None:
        """Minutes recovered per escalation, or None without one, or where a measured one had no baseline."""
        value = mean(self.recovered) if self.complete else None
        return per(value, MINUTE) if value is not None else None

    def total(self) -> float | None:
        """Minutes recovered by all of them together."""
        values = self.recovered
        return per(sum(values), MINUTE) if values and self.complete else None

    def baseline_minutes(self, now: datetime) -> float | None:
        """The mean of the baselines that the month is measured against; without an escalation the one in force."""
        used = Counter(
            row.baseline.minutes
            for row in self.rows
            if row.recovered is not None and row.baseline is not None and row.baseline.minutes is not None
        )
        if not used:
            _, end = month_bounds(self.name, self.zone)
            return self.baselines.minutes_at(min(now, end - timedelta(microseconds=1)))
        if len(used) == 1:
            return next(iter(used))
        weighed = sum(exact(minutes) * count for minutes, count in used.items())
        return per(weighed, MINUTE * used.total())

    def baselines_used(self) -> list[BaselineUse]:
        """What was in force in the month, earliest first, and for how many measured escalations."""
        start, end = month_bounds(self.name, self.zone)
        counts = Counter(row.baseline.id for row in self.rows if row.baseline and row.to_action is not None)
        return [
            BaselineUse(
                minutes=one.minutes,
                basis=one.basis,
                origin=one.origin,
                set_by=Person(id=str(one.set_by), name=one.set_by_name or "") if one.set_by else None,
                effective_from=one.effective_from,
                note=one.note,
                escalations=counts[one.id],
            )
            for one in self.baselines.within(start, end)
        ]

    def last_day(self, today: date) -> date:
        """The last day that has happened."""
        _, end = month_bounds(self.name, self.zone)
        return min(today, (end - timedelta(days=1)).date())

    def rolling(self, today: date) -> list[RollingPoint]:
        """Month-to-date value at the end of each day, by the day of the escalation in the account's zone."""
        if not self.rows:
            return []
        by_day: dict[date, list[Exact]] = {}
        for row in self.rows:
            if row.recovered is not None:
                by_day.setdefault(row.of.escalated_at.astimezone(self.zone).date(), []).append(row.recovered)
        points: list[RollingPoint] = []
        total: Exact = 0
        day, last, n = month_bounds(self.name, self.zone)[0].date(), self.last_day(today), 0
        while day <= last:
            total += sum(by_day.get(day, []))
            n += len(by_day.get(day, []))
            value = per(total, MINUTE * n) if n else None
            points.append(RollingPoint(date=day, minutes_recovered_per_escalation=value, n=n))
            day += timedelta(days=1)
        return points

    def exclusions(self) -> list[Exclusion]:
        """What is left out of the averages, by reason; what did not happen is not listed."""
        counts = Counter(reason for row in self.rows if (reason := excluded(row)) is not None)
        return [Exclusion(reason=reason, count=counts[reason]) for reason in EXCLUSIONS if counts[reason]]

    def endings(self) -> Endings:
        """What seniors said at the end."""
        done = [row.of for row in self.rows if row.of.status == "resolved"]
        said = [one.had_what_i_needed for one in done if one.had_what_i_needed is not None]
        lacks = [" ".join(one.missing.split()) for one in done if one.missing]
        words = {text.casefold(): text for text in reversed(lacks)}  # spelt as it was first
        ranked = sorted(Counter(text.casefold() for text in lacks).items(), key=lambda item: (-item[1], item[0]))
        return Endings(
            outcomes=dict(sorted(Counter(one.outcome for one in done if one.outcome).items())),
            without_outcome=sum(one.outcome is None for one in done),
            said=len(said),
            had_what_i_needed=sum(said),
            missing=[MissingNamed(text=words[folded], count=count) for folded, count in ranked[:10]],
        )


def excluded(row: Row) -> ExclusionReason | None:
    """Why an escalation is not averaged, or None when it is."""
    if row.of.excluded is not None:
        return row.of.excluded
    return "no_baseline" if row.recovered is None else None
