"""Which manual baseline counts when: versions are only ever added, so that an old figure can be made again."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from backend.contract.baseline import BaselineBasis, BaselineOrigin

LEAST_MINUTES: Final = 0.5
MOST_MINUTES: Final = 480
PRODUCTS_OWN: Final = 10.0
"""Two calls of five minutes: FlowPilot's own estimate until somebody in the account sets one (ADR 5)."""
BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""The first moment that a baseline can count from, and the first month that can be asked for."""
_NO_MOMENT: Final = "must be a date such as 2026-11-03, or a time with its offset"
_AHEAD: Final = timedelta(days=5 * 366)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """One version as it is kept. `minutes` is None where it says that there is none from then on."""

    id: UUID
    minutes: float | None
    basis: BaselineBasis
    origin: BaselineOrigin
    note: str | None
    effective_from: datetime
    set_by: UUID | None
    set_by_name: str | None
    set_at: datetime


class Baselines:
    """All versions of an account, asked by time. The order they come in does not matter."""

    def __init__(self, versions: Sequence[Baseline]) -> None:
        self.versions = sorted(versions, key=lambda one: (one.effective_from, one.set_at))
        last = {one.effective_from: one for one in self.versions}
        self._starts = list(last)
        self._counting = list(last.values())

    @property
    def starts(self) -> list[datetime]:
        """From when each that counts takes over, earliest first."""
        return list(self._starts)

    def at_place(self, place: int) -> Baseline | None:
        """What counts once so many of `starts` have come; None before the first."""
        return self._counting[place - 1] if place else None

    def at(self, moment: datetime) -> Baseline | None:
        """What counts at a moment: the latest start up to it, and of one start the last that was set."""
        return self.at_place(bisect_right(self._starts, moment))

    def minutes_at(self, moment: datetime) -> float | None:
        """Minutes of what counts at a moment, or None without a baseline."""
        found = self.at(moment)
        return found.minutes if found else None

    def until(self, version: Baseline) -> datetime | None:
        """When the next one takes over, or None while there is none; meaningful for one that is not superseded."""
        place = bisect_right(self._starts, version.effective_from)
        return self._starts[place] if place < len(self._starts) else None

    def superseded(self, version: Baseline) -> bool:
        """True when a later one with the same start has taken its place."""
        return all(one.id != version.id for one in self._counting)

    def within(self, start: datetime, end: datetime) -> list[Baseline]:
        """What counts somewhere in [start, end), earliest first."""
        first = self.at(start)
        return [*([first] if first else []), *(one for one in self._counting if start < one.effective_from < end)]

    @property
    def only_the_products(self) -> bool:
        """True while nobody in the account has ever said anything."""
        return all(one.origin == "product" for one in self.versions)


def parse_start(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """The moment that a date (its midnight in `zone`) or an RFC 3339 time names. Raises ValueError with a sentence."""
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
        moment = (
            datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC) if day else datetime.fromisoformat(text)
        )
    except (ValueError, OverflowError) as error:
        raise ValueError(_NO_MOMENT) from error
    if moment.tzinfo is None:
        raise ValueError(_NO_MOMENT)
    # A day that begins in the first month in the account's own zone may be hours before it in UTC.
    if moment < BEGINNING - timedelta(days=1):
        raise ValueError("must not be before the year 2000")
    if moment > now + _AHEAD:
        raise ValueError("must be at most five years ahead")
    return moment.astimezone(UTC)
