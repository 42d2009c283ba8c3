"""The figures of one month from its sums, each escalation measured against the baseline in force when it was made."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from backend.contract.metrics import BaselineUse, Endings, Exclusion, ExclusionReason, MissingNamed, RollingPoint
from backend.contract.people import Person
from backend.domain.averages import MINUTE, Exact, exact, mean_of, per
from backend.domain.baseline import Baselines
from backend.domain.recovered import EXCLUSIONS, left_out, month_bounds
from backend.domain.sums import NOTHING, State, Sums


@dataclass(frozen=True, slots=True)
class Month:
    """One month of an account."""

    name: str
    zone: ZoneInfo
    sums: Sums
    baselines: Baselines

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """When it begins and when it has ended."""
        return month_bounds(self.name, self.zone)

    @property
    def complete(self) -> bool:
        """Whether every measured escalation had a baseline: else no figure equals the published formula."""
        return self.sums.recovered.n == self.sums.to_action.n

    def per_escalation(self) -> float | None:
        """Minutes recovered per escalation, or None without one, or where a measured one had no baseline."""
        value = mean_of(self.sums.recovered.total, self.sums.recovered.n) if self.complete else None
        return per(value, MINUTE) if value is not None else None

    def total(self) -> float | None:
        """Minutes recovered by all of them together."""
        of = self.sums.recovered
        return per(of.total, MINUTE) if of.n and self.complete else None

    def baseline_minutes(self, now: datetime) -> float | None:
        """The mean of the baselines that the month is measured against; without an escalation the one in force."""
        used: Counter[float] = Counter()
        for place, count in self.sums.places.items():
            baseline = self.baselines.at_place(place)
            if baseline is not None and baseline.minutes is not None:
                used[baseline.minutes] += count
        if not used:
            _, end = self.bounds
            return self.baselines.minutes_at(min(now, end - timedelta(microseconds=1)))
        if len(used) == 1:
            return next(iter(used))
        weighed = sum(exact(minutes) * count for minutes, count in used.items())
        return per(weighed, MINUTE * used.total())

    def baselines_used(self) -> list[BaselineUse]:
        """What was in force in the month, earliest first, and for how many measured escalations."""
        start, end = self.bounds
        counts = {one.id: n for place, n in self.sums.places.items() if (one := self.baselines.at_place(place))}
        return [
            BaselineUse(
                minutes=one.minutes,
                basis=one.basis,
                origin=one.origin,
                set_by=Person(id=str(one.set_by), name=one.set_by_name or "") if one.set_by else None,
                effective_from=one.effective_from,
                note=one.note,
                escalations=counts.get(one.id, 0),
            )
            for one in self.baselines.within(start, end)
        ]

    def last_day(self, today: date) -> date:
        """The last day that has happened."""
        _, end = self.bounds
        return min(today, (end - timedelta(days=1)).date())

    def rolling(self, today: date) -> list[RollingPoint]:
        """Month-to-date value at the end of each day, by the day of the escalation in the account's zone."""
        if not self.sums.states:
            return []
        points: list[RollingPoint] = []
        total: Exact = 0
        day, last, n = self.bounds[0].date(), self.last_day(today), 0
        while day <= last:
            part = self.sums.days.get(day.day, NOTHING)
            total, n = total + part.recovered, n + part.counted
            value = per(total, MINUTE * n) if n else None
            points.append(RollingPoint(date=day, minutes_recovered_per_escalation=value, n=n))
            day += timedelta(days=1)
        return points

    def exclusions(self) -> list[Exclusion]:
        """What is left out of the averages, by reason; what did not happen is not listed."""
        counts: Counter[ExclusionReason] = Counter()
        for state, count in self.sums.states.items():
            counts[left_out(state.status, acted=state.acted) or "no_baseline"] += count
        counts["no_baseline"] -= self.sums.recovered.n  # these have acted, and something to measure it against
        return [Exclusion(reason=reason, count=counts[reason]) for reason in EXCLUSIONS if counts[reason]]

    def kinds(self) -> dict[str, int]:
        """How many first actions of each kind."""
        return _counted(self.sums.states, "kind")

    def with_status(self, status: str) -> int:
        """How many stand so."""
        return sum(count for state, count in self.sums.states.items() if state.status == status)

    def past_step_two(self) -> int:
        """How many nobody of the first ones told has come for."""
        return sum(count for state, count in self.sums.states.items() if state.past_step_two)

    def endings(self) -> Endings:
        """What seniors said at the end."""
        done = {state: count for state, count in self.sums.states.items() if state.status == "resolved"}
        words: dict[str, str] = {}
        times: Counter[str] = Counter()
        for text, count in self.sums.missing.items():
            said = " ".join(text.split())
            words.setdefault(said.casefold(), said)  # spelt as it was first
            times[said.casefold()] += count
        ranked = sorted(times.items(), key=lambda item: (-item[1], item[0]))
        return Endings(
            outcomes=dict(sorted(_counted(done, "outcome").items())),
            without_outcome=sum(count for state, count in done.items() if state.outcome is None),
            said=sum(count for state, count in done.items() if state.had_what_i_needed is not None),
            had_what_i_needed=sum(count for state, count in done.items() if state.had_what_i_needed),
            missing=[MissingNamed(text=words[folded], count=count) for folded, count in ranked[:10]],
        )


def _counted(states: dict[State, int], by: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for state, count in states.items():
        value: str | None = getattr(state, by)
        if value is not None:
            found[value] = found.get(value, 0) + count
    return found
