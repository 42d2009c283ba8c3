"""Quiet hours: what a person set as 18:00 to 08:00 holds at 18:00 and ends at 08:00, in every night of the year."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.core.quiet import ALL_DAYS, QuietHours, QuietWatch

LONDON = ZoneInfo("Europe/London")
ZONES = st.sampled_from(
    [LONDON, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Kolkata")]
)
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zoned there
HOURS = st.builds(
    QuietHours,
    enabled=st.just(True),
    days=st.frozensets(st.integers(0, 6)),
    start=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    end=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    zone=ZONES,
)


def london(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


@pytest.mark.parametrize(
    ("at", "quiet"),
    [
        ("2026-11-18T17:59:59", False),
        ("2026-11-18T18:00:00", True),
        ("2026-11-19T07:59:59", True),
        ("2026-11-19T08:00:00", False),
        # Saturday night belongs to Saturday, on which nothing begins; Friday's lasts into it.
        ("2026-11-21T07:00:00", True),
        ("2026-11-21T19:00:00", False),
        ("2026-11-22T03:00:00", False),
    ],
)
def test_from_evening_to_morning_on_the_days_on_which_they_begin(at: str, *, quiet: bool) -> None:
    hours = QuietHours(enabled=True, days=frozenset(range(5)), zone=LONDON)
    assert hours.on(london(at)) is quiet
    assert not QuietHours(days=ALL_DAYS, zone=LONDON).on(london(at))


def test_the_clock_on_the_wall_counts_in_both_nights_of_the_change() -> None:
    hours = QuietHours(enabled=True, zone=LONDON)
    spring = hours.changes(london("2026-03-28T23:00"))
    autumn = hours.changes(london("2026-10-24T23:00"))
    assert spring == datetime(2026, 3, 29, 7, tzinfo=UTC)
    assert autumn == datetime(2026, 10, 25, 8, tzinfo=UTC)
    skipped = QuietHours(enabled=True, start=time(1, 30), end=time(6), zone=LONDON)
    assert skipped.changes(london("2026-03-29T00:30")) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_the_same_time_twice_is_all_day_and_all_days_never_end() -> None:
    always = QuietHours(enabled=True, start=time(9), end=time(9), zone=LONDON)
    assert always.on(london("2026-11-18T09:00"))
    assert always.changes(london("2026-11-18T09:00")) is None
    monday = QuietHours(enabled=True, days=frozenset({0}), start=time(9), end=time(9), zone=LONDON)
    assert monday.changes(london("2026-11-16T12:00")) == london("2026-11-17T09:00")


@given(HOURS, MOMENTS)
@settings(max_examples=250, deadline=None)
def test_nothing_changes_before_the_moment_that_is_named_and_it_does_then(hours: QuietHours, at: datetime) -> None:
    change = hours.changes(at)
    now = hours.on(at)
    if change is None:
        assert all(hours.on(at + timedelta(hours=step)) == now for step in range(0, 24 * 8, 5))
        return
    assert change > at
    assert hours.on(change) != now
    span = change - at
    assert all(hours.on(at + span * part / 8) == now for part in range(8))
    assert hours.on(change - timedelta(seconds=1)) == now or change - timedelta(seconds=1) < at


@given(HOURS, MOMENTS)
@settings(max_examples=150, deadline=None)
def test_a_change_is_at_the_hour_that_was_set_unless_the_clock_skips_it(hours: QuietHours, at: datetime) -> None:
    change = hours.changes(at)
    if change is None or hours.zone is None:
        return
    shown = change.astimezone(hours.zone)
    naive = shown.replace(tzinfo=None, fold=0)
    hour_before = naive - timedelta(hours=2)
    jumps = hour_before.replace(tzinfo=hours.zone).utcoffset() != naive.replace(tzinfo=hours.zone).utcoffset()
    assert shown.time() in {hours.start, hours.end} or jumps


@given(HOURS, st.lists(MOMENTS, min_size=1, max_size=12))
@settings(max_examples=80, deadline=None)
def test_the_watch_says_what_the_hours_say_however_the_clock_is_set(hours: QuietHours, at: list[datetime]) -> None:
    watch = QuietWatch(hours)
    for moment in at:
        assert watch.look(moment)[0] == hours.on(moment)
        wait = watch.wait_s(moment)
        assert wait is not None
        assert 0 <= wait <= 60
