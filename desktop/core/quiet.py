"""Quiet hours: on some days from one time of the local clock to another, over midnight if need be.

Times are the wall clock's of the user's zone, so a change of summer time moves the instant and not the hour. What the
clock skips (02:30 in the spring night) counts as the moment after the jump; what it shows twice, as the first time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

ALL_DAYS: Final = frozenset(range(7))
_DAY: Final = timedelta(days=1)
_AHEAD: Final = 9
_LOOK_AGAIN: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """`days` are the weekdays on which they begin, 0 for Monday. `start` equal to `end` is the whole day round.

    `zone` null is the computer's own, as it stands when asked.
    """

    enabled: bool = False
    days: frozenset[int] = ALL_DAYS
    start: time = time(18)
    end: time = time(8)
    zone: tzinfo | None = None

    def on(self, at: datetime) -> bool:
        """Whether it is quiet at this moment (aware)."""
        return self.enabled and any(begin <= at < end for begin, end in self._spans(at, back=2, ahead=1))

    def changes(self, at: datetime) -> datetime | None:
        """The next moment (UTC) after this one at which it becomes quiet, or is quiet no more; null: it never does."""
        if not self.enabled:
            return None
        now = self.on(at)
        edges = sorted({edge for span in self._spans(at, back=2, ahead=_AHEAD) for edge in span if edge > at})
        return next((edge for edge in edges if self.on(edge) != now), None)

    def _spans(self, at: datetime, *, back: int, ahead: int) -> Iterator[tuple[datetime, datetime]]:
        today = at.astimezone(self.zone).date()
        for offset in range(-back, ahead + 1):
            day = today + offset * _DAY
            if day.weekday() in self.days:
                until = day if self.end > self.start else day + _DAY
                yield self._moment(day, self.start), self._moment(until, self.end)

    def _moment(self, day: date, clock: time) -> datetime:
        naive = datetime.combine(day, clock)
        # Without a zone `astimezone` reads a time as the computer's own, by the rules of that very day.
        local = naive.replace(tzinfo=self.zone) if self.zone is not None else naive
        return local.astimezone(UTC)


class QuietWatch:
    """Quiet hours as they are asked about many times a second."""

    def __init__(self, hours: QuietHours) -> None:
        self.hours = hours
        self._asked: datetime | None = None
        self._on = False
        self._change: datetime | None = None

    def look(self, at: datetime) -> tuple[bool, datetime | None]:
        """Whether it is quiet, and until when (or from when)."""
        asked = self._asked
        if asked is None or not asked <= at < asked + _LOOK_AGAIN or (self._change is not None and at >= self._change):
            self._asked, self._on, self._change = at, self.hours.on(at), self.hours.changes(at)
        return self._on, self._change

    def wait_s(self, at: datetime) -> float | None:
        """How long the answer holds at most; a minute, because clocks are set and computers sleep. Null: for ever."""
        if not self.hours.enabled:
            return None
        _, change = self.look(at)
        return _LOOK_AGAIN.total_seconds() if change is None else min(60.0, max(0.0, (change - at).total_seconds()))
