"""A month's escalations added up: all that its figures are made of, however many there are. Times in microseconds."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

from backend.contract.metrics import Spread
from backend.domain.averages import Exact, mean_of, per, quantile_of

MOST_LEFT_OUT: Final = 50


class Part(NamedTuple):
    """So many escalations, and what they come to. `counted` are those with a baseline to measure against."""

    escalations: int
    claimed: int
    to_claim: int
    acted: int
    to_action: int
    counted: int
    recovered: Exact

    def plus(self, other: "Part") -> "Part":
        """Both together."""
        return Part(
            self.escalations + other.escalations,
            self.claimed + other.claimed,
            self.to_claim + other.to_claim,
            self.acted + other.acted,
            self.to_action + other.to_action,
            self.counted + other.counted,
            self.recovered + other.recovered,
        )


NOTHING: Final = Part(0, 0, 0, 0, 0, 0, 0)


class State(NamedTuple):
    """What escalations have in common: how they stand, whether anyone acted on them, how they ended."""

    status: str
    acted: bool
    kind: str | None
    outcome: str | None
    had_what_i_needed: bool | None
    past_step_two: bool


class Ordered(NamedTuple):
    """Values in order, of which only those are known that median and 90th percentile lie between."""

    n: int
    total: Exact
    median: tuple[Exact, Exact] | None
    p90: tuple[Exact, Exact] | None

    def spread(self, unit: int) -> Spread:
        """Mean, median and 90th percentile in a unit."""
        found = (
            mean_of(self.total, self.n),
            quantile_of(self.n, 5, self.median) if self.median else None,
            quantile_of(self.n, 9, self.p90) if self.p90 else None,
        )
        mean, median, high = (per(value, unit) if value is not None else None for value in found)
        return Spread(n=self.n, mean=mean, median=median, p90=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """One month. Texts are as people wrote them, in the order in which each was written first.

    `places` counts the measured ones by their baseline (`Baselines.at_place`), `days` are days of the month, `left_out`
    are the newest `MOST_LEFT_OUT` that are not averaged, latest first.
    """

    places: dict[int, int]
    days: dict[int, Part]
    claimers: dict[UUID, Part]
    technicians: dict[UUID, Part]
    priorities: dict[str, Part]
    customers: dict[str | None, Part]
    reasons: dict[str | None, Part]
    states: dict[State, int]
    missing: dict[str, int]
    to_claim: Ordered
    to_action: Ordered
    recovered: Ordered
    shown: Ordered
    negative: int
    left_out: list[UUID]

    @property
    def whole(self) -> Part:
        """All of them: each has a priority."""
        return together(self.priorities.values())


def together(parts: Iterable[Part]) -> Part:
    """All parts as one."""
    whole = NOTHING
    for part in parts:
        whole = whole.plus(part)
    return whole
