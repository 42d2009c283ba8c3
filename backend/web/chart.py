"""The analytics chart as coordinates: month-to-date value per day against the baseline. Pure; the template draws it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from backend.contract.metrics import RollingPoint
from backend.web import formats

WIDTH: Final = 660
HEIGHT: Final = 212
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 648, 14, 176


@dataclass(frozen=True, slots=True)
class Point:
    """One day: where it stands, and what it says."""

    x: float
    y: float
    day: str
    value: float
    n: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A grid line or a day's name: position and text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything the template needs. `summary` says in words what the picture shows."""

    points: list[Point]
    path: str
    grid: list[Mark]
    days: list[Mark]
    baseline_y: float | None
    summary: str


def draw(rolling: Sequence[RollingPoint], baseline: float | None) -> Chart | None:
    """The chart, or None when no day has a value."""
    known = [
        (index, point) for index, point in enumerate(rolling) if point.minutes_recovered_per_escalation is not None
    ]
    if not known:
        return None
    values = [point.minutes_recovered_per_escalation or 0.0 for _, point in known]
    top = max([*values, baseline or 0.0, 1.0])
    step = _step(top - min(0.0, *values))
    high = math.ceil(top / step) * step
    low = math.floor(min(0.0, *values) / step) * step

    def y(value: float) -> float:
        return round(_BOTTOM - (value - low) / (high - low) * (_BOTTOM - _TOP), 1)

    def x(index: int) -> float:
        return round(_LEFT + 12 + index / max(1, len(rolling) - 1) * (_RIGHT - _LEFT - 12), 1)

    points = [
        Point(x(index), y(value), formats.day(point.date), round(value, 1), point.n)
        for (index, point), value in zip(known, values, strict=True)
    ]
    path = "M" + " L".join(f"{point.x} {point.y}" for point in points)
    lines = round((high - low) / step)
    grid = [Mark(y(low + step * line), f"{low + step * line:g}") for line in range(lines + 1)]
    every = max(1, math.ceil(len(rolling) / 5))
    days = [Mark(x(i), formats.day(rolling[i].date)) for i in range(0, len(rolling), every)]
    first, last = points[0], points[-1]
    summary = (
        f"Month-to-date minutes recovered per escalation, {first.day} to {last.day}: "
        f"from {first.value:.1f} to {last.value:.1f}."
    )
    return Chart(points, path, grid, days, y(baseline) if baseline is not None else None, summary)


def _step(span: float) -> float:
    """A round distance between grid lines: three to six lines for any span."""
    magnitude = 10.0 ** math.floor(math.log10(max(span, 1.0)))
    return next(float(factor * magnitude) for factor in (0.2, 0.5, 1.0, 2.0) if span / (factor * magnitude) <= 5.5)
