"""Exact mean, median and percentile: whole microseconds in, one rounding at the very end.

What an auditor computes from the export with pencil, Decimal or a spreadsheet comes to the same digits.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

from backend.contract.metrics import Spread

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
Exact = int | Fraction


@lru_cache(maxsize=256)
def exact(minutes: float) -> Exact:
    """Minutes as they are written, in microseconds: 12.1 is twelve and a tenth, not the nearest binary number."""
    value = Fraction(Decimal(repr(minutes))) * MINUTE
    return value.numerator if value.denominator == 1 else value


def per(value: Exact, unit: int) -> float:
    """Microseconds in a unit (SECOND, MINUTE), rounded once. Whole numbers divide to the nearest double as they are."""
    return value / unit if isinstance(value, int) else float(value / unit)


def mean(values: Sequence[Exact]) -> Exact | None:
    """The mean, or None of nothing."""
    return mean_of(sum(values), len(values))


def mean_of(total: Exact, number: int) -> Exact | None:
    """The mean of so many values that come to `total`, or None of none."""
    return Fraction(total) / number if number else None


def quantile(ordered: Sequence[Exact], share: Fraction) -> Exact | None:
    """The value at `share` of sorted values, between two of them in proportion; None of nothing."""
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    below = place.numerator // place.denominator
    part = place - below
    return ordered[below] if not part else ordered[below] + (ordered[below + 1] - ordered[below]) * part


def spread(values: Sequence[Exact], unit: int) -> Spread:
    """Mean, median and 90th percentile of microseconds, in a unit."""
    ordered = sorted(values)
    found = (mean(ordered), quantile(ordered, Fraction(1, 2)), quantile(ordered, Fraction(9, 10)))
    middle, median, high = (per(value, unit) if value is not None else None for value in found)
    return Spread(n=len(ordered), mean=middle, median=median, p90=high)
