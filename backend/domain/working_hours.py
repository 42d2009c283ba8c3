"""Minutes that count only while the account works, in its own time zone.

A window is a day's opening to its closing on the wall clock, counted in real minutes: it loses or gains what the clock
does inside it. An opening that the clock skips is the moment of the skip, and so is a closing. Of a time that the clock
shows twice the opening takes the first, the closing the last.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Final
from zoneinfo import ZoneInfo

from backend.contract.policy import Day, WorkingHours

DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)


def add_minutes(start: datetime, minutes: int, hours: WorkingHours | None, tz: ZoneInfo) -> datetime:
    """The first moment (UTC) by which that many minutes have counted since `start`.

    Without `hours` every minute counts. A start outside the hours counts from the next opening, which is also the
    answer for 0 minutes; minutes that are full at closing time end there and not at the next opening.
    """
    if hours is None:
        return start.astimezone(UTC) + timedelta(minutes=minutes)
    left = timedelta(minutes=minutes)
    for opening, closing in _windows(start, hours, tz):
        if closing - opening >= left:
            return opening + left
        left -= closing - opening
    raise AssertionError(hours)  # windows never end


def counted(start: datetime, end: datetime, hours: WorkingHours | None, tz: ZoneInfo) -> timedelta:
    """How much of the time between two moments counts; nothing when `end` comes first."""
    if hours is None:
        return max(end - start, timedelta(0))
    total = timedelta(0)
    for opening, closing in _windows(start, hours, tz):
        if opening >= end:
            break
        total += min(closing, end) - opening
    return total


def _windows(start: datetime, hours: WorkingHours, tz: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """Openings and closings (UTC) from `start` on, in order, never empty, never overlapping."""
    since = start.astimezone(UTC)
    first = since.astimezone(tz).date() - _DAY  # a clock set back over midnight shows the day before again
    for days in count():
        day = first + timedelta(days=days)
        if DAYS[day.weekday()] not in hours.days:
            continue
        opening, closing = max(_moment(day, hours.start, tz, last=False), since), _closing(day, hours, tz)
        if opening < closing:
            yield opening, closing
            since = closing


def _closing(day: date, hours: WorkingHours, tz: ZoneInfo) -> datetime:
    if hours.end == "24:00":
        return _moment(day + _DAY, "00:00", tz, last=False)
    return _moment(day, hours.end, tz, last=True)


def _moment(day: date, clock: str, tz: ZoneInfo, *, last: bool) -> datetime:
    """When the wall clock shows `HH:MM` that day: the first or the last time, or the moment it skips over it."""
    wall = datetime.combine(day, time.fromisoformat(clock), tzinfo=tz)
    early, late = wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
    if early > late:  # skipped: the offsets before and after the change, each taken for the whole gap
        return _skip(late, early, tz)
    return late if last else early


def _skip(before: datetime, after: datetime, tz: ZoneInfo) -> datetime:
    """The moment between the two at which the clock changes."""
    offset = before.astimezone(tz).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // (2 * _SECOND) * _SECOND
        if middle.astimezone(tz).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
