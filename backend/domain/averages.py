"""Exact mean, median and percentile: whole microseconds in, one rounding at the very end.

What an auditor computes from the export with pencil, Decimal or a spreadsheet comes to the same digits.
"""

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

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


def mean_of(total: Exact, number: int) -> Exact | None:
    """The mean of so many values that come to `total`, or None of none."""
    return Fraction(total) / number if number else None


def places(number: int, tenths: int) -> tuple[int, int]:
    """Between which two of so many sorted values, counted from 0, the value at a share lies; `tenths` is 5 or 9."""
    return tenths * (number - 1) // 10, -(-tenths * (number - 1) // 10)


def quantile_of(number: int, tenths: int, around: tuple[Exact, Exact]) -> Exact:
    """The value at a share of so many, between the two at its `places` in proportion, as `PERCENTILE.INC` has it."""
    below, above = around
    return below + (above - below) * Fraction(tenths * (number - 1) % 10, 10)
