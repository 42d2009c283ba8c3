"""The analytics chart as places: a dot per escalation, the month so far, the baseline. The template draws it.

Places are hundredths of the plot's width and height, which are the style sheet's: letters and dots keep their size on a
phone, where the plot is narrow and no less tall.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from backend.contract.metrics import RollingPoint
from backend.web import analytics_words as words
from backend.web import formats

MOST_DOTS: Final = 400
"""With more escalations single ones say nothing any more, and the page would grow: the line is drawn alone, and the
table has a day's number and average in place of each one's minutes. Figures are of all of them in any case."""
_INSET: Final = 1.5
"""Left of the first midnight and right of the last: a dot that stands there is drawn whole."""
_DEEPEST: Final = 1.5
"""How far below zero the frame reaches, in heights above it: one lost day must not flatten all the others."""


class Single(NamedTuple):
    """One escalation to be drawn: when it was made, minutes recovered."""

    at: datetime
    minutes: float


@dataclass(frozen=True, slots=True)
class Point:
    """Where something stands, and what it says. `off` lies below the frame and is drawn at its edge."""

    x: float
    y: float
    text: str
    off: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the table: the average so far, from how many, and what the day's own escalations gave.

    `own` has each one's minutes in words, or is empty when there are too many; `count` and `mean` are always the day's.
    """

    day: str
    value: float
    n: int
    own: list[str]
    count: int
    mean: float | None


@dataclass(frozen=True, slots=True)
class Mark:
    """A grid line or a day's name: position and text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything the template needs. `summary` says in words what the picture shows; `crowded` months have no dots."""

    dots: list[Point]
    line: list[Point]
    path: str
    table: list[Day]
    grid: list[Mark]
    days: list[Mark]
    baseline_y: float | None
    summary: str
    crowded: bool


@dataclass(frozen=True, slots=True)
class _Frame:
    """From days and minutes to places in the picture."""

    first: date
    days: int
    low: float
    high: float

    def y(self, value: float) -> float:
        share = (max(value, self.low) - self.low) / (self.high - self.low)
        return round(100 - share * 100, 2)

    def x(self, day: float) -> float:
        """`day` counts from the first midnight: 0.5 is its noon."""
        return round(_INSET + min(max(day, 0.0), self.days) / self.days * (100 - 2 * _INSET), 2)

    def moment(self, local: datetime) -> float:
        """How many days of the wall clock since the first midnight."""
        return (local.date() - self.first).days + (local.hour + local.minute / 60) / 24


def draw(
    rolling: Sequence[RollingPoint],
    baseline: float | None,
    singles: Sequence[tuple[datetime, float]] | None = (),
    tz: ZoneInfo | None = None,
) -> Chart | None:
    """The chart, or None when no day has a value.

    `singles` are when each escalation was made and the minutes it recovered, drawn in the account's zone `tz`; None
    where there are more than `MOST_DOTS`.
    """
    zone = tz or ZoneInfo("UTC")
    known = [(index, p, p.minutes_recovered_per_escalation) for index, p in enumerate(rolling)]
    values = [(index, p, value) for index, p, value in known if value is not None]
    if not values:
        return None
    crowded = singles is None
    drawn = [Single(*one) for one in singles or ()]
    step, low, high = _scale([value for _, _, value in values] + [one.minutes for one in drawn], baseline)
    frame = _Frame(rolling[0].date, len(rolling), low, high)
    line = [
        Point(frame.x(index + 1), frame.y(value), f"Average to {formats.day(p.date)}, {_signed(value)} min, {_n(p.n)}")
        for index, p, value in values
    ]
    grid = [Mark(frame.y(low + step * n), f"{low + step * n:g}") for n in range(round((high - low) / step) + 1)]
    every = max(1, math.ceil(len(rolling) / 5))
    days = [Mark(frame.x(i + 0.5), formats.day(rolling[i].date)) for i in range(0, len(rolling), every)]
    table = _table(values, drawn, zone)
    first, last = table[0], table[-1]
    summary = (
        f"Month-to-date minutes recovered per escalation, {first.day} to {last.day}: "
        f"from {_signed(first.value)} to {_signed(last.value)}."
    )
    return Chart(
        dots=_dots(frame, drawn, zone),
        line=line,
        path="M" + " L".join(f"{point.x} {point.y}" for point in line),
        table=table,
        grid=grid,
        days=days,
        baseline_y=frame.y(baseline) if baseline is not None else None,
        summary=summary,
        crowded=crowded,
    )


def _signed(value: float) -> str:
    return f"{value:.1f}".replace("-", "\u2212")


def _n(n: int) -> str:
    return f"{n} escalation{'s' if n != 1 else ''}"


def _dots(frame: _Frame, singles: Sequence[Single], zone: ZoneInfo) -> list[Point]:
    dots = []
    for one in singles:
        local = one.at.astimezone(zone)
        text = f"{formats.day(local.date())} {local:%H:%M}, {_signed(one.minutes)} min"
        dots.append(Point(frame.x(frame.moment(local)), frame.y(one.minutes), text, off=one.minutes < frame.low))
    return dots


def _table(values: Sequence[tuple[int, RollingPoint, float]], singles: Sequence[Single], zone: ZoneInfo) -> list[Day]:
    own: dict[date, list[str]] = {}
    for one in singles:
        own.setdefault(one.at.astimezone(zone).date(), []).append(words.minutes(one.minutes))
    days, before, sum_before = [], 0, 0.0
    for _, p, value in values:
        count, sum_now = p.n - before, value * p.n
        mean = (sum_now - sum_before) / count if count else None
        days.append(Day(formats.day(p.date), value, p.n, own.get(p.date, []), count, mean))
        before, sum_before = p.n, sum_now
    return days


def _scale(values: Sequence[float], baseline: float | None) -> tuple[float, float, float]:
    """(distance between grid lines, lowest, highest)."""
    top = max([*values, baseline or 0.0, 1.0])
    bottom = max(min(0.0, *values), -_DEEPEST * top)
    step = _step(top - bottom)
    return step, math.floor(bottom / step) * step, math.ceil(top / step) * step


def _step(span: float) -> float:
    """A round distance between grid lines: three to six lines for any span."""
    magnitude = 10.0 ** math.floor(math.log10(max(span, 1.0)))
    return next(float(factor * magnitude) for factor in (0.2, 0.5, 1.0, 2.0) if span / (factor * magnitude) <= 5.5)
