"""Averages that an auditor recomputes: a spreadsheet or pencil must come to the same digits, however long they are."""

import statistics
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.averages import MINUTE, SECOND, exact, places, quantile_of
from tests.support.tallied import ordered

durations = st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=40)


@given(durations)
def test_decimal_arithmetic_comes_to_the_same_digits(values: list[int]) -> None:
    found = ordered(values).spread(SECOND)
    with localcontext(prec=60):
        seconds = sorted(Decimal(value) / SECOND for value in values)
        assert found.mean == float(sum(seconds) / len(seconds))
        assert found.median == float(statistics.median(seconds))
        place = Decimal("0.9") * (len(seconds) - 1)
        low, part = seconds[int(place)], place - int(place)
        high = seconds[min(int(place) + 1, len(seconds) - 1)]
        assert found.p90 == float(low + (high - low) * part)


@given(durations)
def test_a_percentile_lies_between_its_neighbours_and_the_higher_is_not_less(values: list[int]) -> None:
    known = sorted(values)
    found = []
    for tenths in (5, 9):
        low, high = places(len(known), tenths)
        assert 0 <= low <= high < len(known)
        found.append(quantile_of(len(known), tenths, (known[low], known[high])))
        assert known[low] <= found[-1] <= known[high]
    assert found[0] <= found[1]


def test_nothing_is_null() -> None:
    found = ordered([]).spread(SECOND)
    assert (found.n, found.mean, found.median, found.p90) == (0, None, None, None)


@pytest.mark.parametrize(("minutes", "microseconds"), [(10, 600_000_000), (12.1, 726_000_000), (0.5, 30_000_000)])
def test_minutes_are_taken_as_they_are_written(minutes: float, microseconds: int) -> None:
    """12.1 in binary is a hair more than 12.1; a CSV says 12.1."""
    assert exact(minutes) == microseconds


@given(st.floats(0.5, 480))
def test_any_baseline_that_is_accepted_is_exact(minutes: float) -> None:
    assert float(Fraction(exact(minutes)) / MINUTE) == minutes
