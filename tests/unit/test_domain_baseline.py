"""The baseline's versions: whatever is added, each moment has the one that reading the list gives."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.baseline import BEGINNING, Baseline, Baselines, parse_start

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive by the strategy's rule
days = st.integers(0, 40).map(lambda n: NOW + timedelta(days=n - 20))


def version(start: datetime, minutes: float | None, set_at: datetime = NOW, one_id: UUID | None = None) -> Baseline:
    return Baseline(
        id=one_id or uuid4(),
        minutes=minutes,
        basis="estimated",
        origin="person",
        note=None,
        effective_from=start,
        set_by=uuid4(),
        set_by_name="Marcus Hale",
        set_at=set_at,
    )


@given(st.lists(st.tuples(days, st.none() | st.floats(0.5, 480)), max_size=12), moments | days)
def test_what_counts_is_what_reading_the_list_gives(
    plan: list[tuple[datetime, float | None]], moment: datetime
) -> None:
    versions = [version(start, minutes, NOW + timedelta(seconds=n)) for n, (start, minutes) in enumerate(plan)]
    found = Baselines(versions[::-1])
    expected: Baseline | None = None
    for one in versions:  # in the order they were set: a later one wins from its own start, until a later start
        if one.effective_from <= moment and (expected is None or one.effective_from >= expected.effective_from):
            expected = one
    assert found.at(moment) == expected
    assert found.minutes_at(moment) == (expected.minutes if expected else None)


@given(st.lists(days, min_size=1, max_size=12))
def test_the_versions_that_are_not_superseded_follow_one_another_without_gap(starts: list[datetime]) -> None:
    found = Baselines([version(start, 10, NOW + timedelta(seconds=n)) for n, start in enumerate(starts)])
    counting = [one for one in found.versions if not found.superseded(one)]
    assert len(counting) == len(set(starts))
    for one, following in pairwise(counting):
        assert found.until(one) == following.effective_from
    assert found.until(counting[-1]) is None
    first = counting[0].effective_from
    assert found.within(first, first + timedelta(days=100)) == counting


def test_a_month_names_what_counted_at_its_start_and_what_began_in_it() -> None:
    old, new, future = version(BEGINNING, 28), version(NOW, 31), version(NOW + timedelta(days=90), 12)
    found = Baselines([future, new, old])
    start = datetime(2026, 11, 1, tzinfo=UTC)
    assert found.within(start, start + timedelta(days=30)) == [old, new]
    assert found.within(start - timedelta(days=31), start) == [old]


def test_a_date_is_its_midnight_in_the_accounts_zone() -> None:
    kolkata = ZoneInfo("Asia/Kolkata")
    assert parse_start("2026-11-03", kolkata, NOW) == datetime(2026, 11, 2, 18, 30, tzinfo=UTC)
    assert parse_start("2026-11-03T10:00:00+02:00", kolkata, NOW) == datetime(2026, 11, 3, 8, tzinfo=UTC)
    assert parse_start(f"{date(2031, 11, 3)}", kolkata, NOW).year == 2031


@pytest.mark.parametrize(
    "wrong",
    ["", "tomorrow", "2026-13-01", "2026-11-03T10:00:00", "1999-12-30", "2032-01-01", "9999-12-31", "0001-01-01"],
)
def test_what_is_no_moment_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_start(wrong, ZoneInfo("Pacific/Kiritimati"), NOW)
