"""Working hours: a wrong minute alerts people at night, or leaves a customer waiting over a weekend unseen."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.contract.policy import WorkingHours
from backend.domain.working_hours import DAYS, add_minutes, counted

HARD = ("Europe/London", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana")
ZONES = sorted(available_timezones() - {"localtime", "Factory"})
WEEK = WorkingHours(days=DAYS[:5], start="08:00", end="18:00")
NIGHT = WorkingHours(days=DAYS, start="00:00", end="04:00")
MINUTE = timedelta(minutes=1)

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # time zones are read from disk
zones = (st.sampled_from(HARD) | st.sampled_from(ZONES)).map(ZoneInfo)
instants = st.datetimes(datetime(2010, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive by the strategy's rule
waits = st.integers(1, 10_080) | st.integers(1, 90)


@st.composite
def hours(draw: st.DrawFn) -> WorkingHours:
    start = draw(st.integers(0, 23 * 60))
    end = draw(st.integers(start + 60, 24 * 60))
    days = draw(st.sets(st.sampled_from(DAYS), min_size=1))
    clock = [f"{minute // 60:02}:{minute % 60:02}" for minute in (start, end)]
    return WorkingHours(days=tuple(day for day in DAYS if day in days), start=clock[0], end=clock[1])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(day: str, zone: str, hours: WorkingHours) -> float:
    """Minutes that count on one day of the zone's calendar."""
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return counted(noon - timedelta(hours=14), noon + timedelta(hours=6), hours, ZoneInfo(zone)) / MINUTE


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        # Friday ten minutes before closing, twenty minutes of work: Monday at 08:10 on the wall clock, whatever it did
        ("Europe/London", "2026-03-27T17:50", "2026-03-30T07:10"),
        ("Europe/London", "2026-10-23T16:50", "2026-10-26T08:10"),
        ("America/New_York", "2026-03-06T22:50", "2026-03-09T12:10"),
        ("America/New_York", "2026-10-30T21:50", "2026-11-02T13:10"),
        ("Asia/Kolkata", "2026-06-05T12:20", "2026-06-08T02:40"),
        ("Asia/Kathmandu", "2026-06-05T12:05", "2026-06-08T02:25"),
        ("Australia/Lord_Howe", "2026-04-03T06:50", "2026-04-05T21:40"),
        ("Australia/Lord_Howe", "2026-10-02T07:20", "2026-10-04T21:10"),
    ],
)
def test_minutes_go_on_after_the_weekend_whatever_the_clock_did_in_it(zone: str, start: str, end: str) -> None:
    assert add_minutes(at(start), 20, WEEK, ZoneInfo(zone)) == at(end)


@pytest.mark.parametrize(
    ("zone", "day", "minutes"),
    [
        ("Europe/London", "2026-03-28", 240),
        ("Europe/London", "2026-03-29", 180),
        ("Europe/London", "2026-10-25", 300),
        ("America/New_York", "2026-03-08", 180),
        ("America/New_York", "2026-11-01", 300),
        ("Australia/Lord_Howe", "2026-04-05", 270),
        ("Australia/Lord_Howe", "2026-10-04", 210),
        ("Asia/Kolkata", "2026-03-29", 240),
        ("America/Havana", "2026-03-08", 180),  # midnight itself is skipped there
        ("America/Havana", "2026-11-01", 300),  # midnight comes twice
    ],
)
def test_a_night_shift_counts_the_real_minutes_of_a_clock_change(zone: str, day: str, minutes: int) -> None:
    assert window(day, zone, NIGHT) == minutes


@pytest.mark.parametrize(
    ("day", "start", "end", "minutes"),
    [
        ("2026-03-29", "01:30", "04:00", 120),  # opens when the clock jumps from 01:00 to 02:00
        ("2026-03-29", "00:00", "01:30", 60),  # closes at that jump
        ("2026-03-29", "01:00", "02:00", 0),
        ("2026-10-25", "01:30", "04:00", 210),  # opens at the first 01:30
        ("2026-10-25", "00:00", "01:30", 150),  # closes at the second
    ],
)
def test_an_edge_that_the_clock_skips_or_repeats(day: str, start: str, end: str, minutes: int) -> None:
    assert window(day, "Europe/London", WorkingHours(days=DAYS, start=start, end=end)) == minutes


def test_a_start_outside_the_hours_waits_for_the_opening() -> None:
    london = ZoneInfo("Europe/London")
    for start in ("2026-11-20T18:00", "2026-11-21T12:00", "2026-11-23T07:59"):
        assert add_minutes(at(start), 5, WEEK, london) == at("2026-11-23T08:05")
        assert add_minutes(at(start), 0, WEEK, london) == at("2026-11-23T08:00")
    assert add_minutes(at("2026-11-20T17:50"), 10, WEEK, london) == at("2026-11-20T18:00"), "full at closing time"


def test_round_the_clock_is_every_minute_even_where_midnight_comes_twice_or_never() -> None:
    always = WorkingHours(days=DAYS, start="00:00", end="24:00")
    for zone in HARD:
        for start in ("2026-03-01T00:00", "2026-10-01T00:00"):
            assert add_minutes(at(start), 50_000, always, ZoneInfo(zone)) == at(start) + 50_000 * MINUTE


def test_a_clock_set_back_over_midnight_counts_no_minute_twice() -> None:
    # 00:01 became 23:01 of the day before: that day closes for the last time after the next one has opened
    long_day = WorkingHours(days=DAYS, start="00:00", end="23:30")
    start, end = at("2010-11-06T02:30"), at("2010-11-08T03:00")
    st_johns = ZoneInfo("America/St_Johns")
    assert counted(start, end, long_day, st_johns) == end - start
    saturday = WorkingHours(days=("sat",), start="00:00", end="23:30")
    assert counted(at("2010-11-07T02:30:30"), end, saturday, st_johns) == 29.5 * MINUTE, "from the first Sunday back"


def test_a_day_until_midnight_ends_at_the_first_of_two() -> None:
    saturday = WorkingHours(days=("sat",), start="08:00", end="24:00")
    assert counted(at("2026-10-31T05:00"), at("2026-11-03T00:00"), saturday, ZoneInfo("America/Havana")) == 960 * MINUTE


def test_a_day_that_an_island_skipped_has_no_hours() -> None:
    assert window("2011-12-29", "Pacific/Apia", WorkingHours(days=DAYS, start="08:00", end="18:00")) == 600
    apia = ZoneInfo("Pacific/Apia")  # after Thursday the 29th came Saturday the 31st
    friday = WorkingHours(days=("fri",), start="08:00", end="18:00")
    assert add_minutes(at("2011-12-29T12:00"), 1, friday, apia) == at("2012-01-05T18:01")


@patient
@given(instants, waits, hours(), zones)
def test_added_minutes_are_those_that_count_and_end_at_the_first_moment(
    start: datetime, minutes: int, work: WorkingHours, tz: ZoneInfo
) -> None:
    end = add_minutes(start, minutes, work, tz)
    assert counted(start, end, work, tz) == minutes * MINUTE
    assert counted(start, end - timedelta(seconds=1), work, tz) < minutes * MINUTE
    assert end >= start + minutes * MINUTE


@patient
@given(instants, waits, waits, hours(), zones)
def test_minutes_add_up(start: datetime, one: int, two: int, work: WorkingHours, tz: ZoneInfo) -> None:
    assert add_minutes(add_minutes(start, one, work, tz), two, work, tz) == add_minutes(start, one + two, work, tz)


@patient
@given(instants, st.timedeltas(timedelta(0), timedelta(days=9)), waits, hours() | st.none(), zones)
def test_who_begins_later_is_never_done_earlier(
    start: datetime, later: timedelta, minutes: int, work: WorkingHours | None, tz: ZoneInfo
) -> None:
    assert add_minutes(start, minutes, work, tz) <= add_minutes(start + later, minutes, work, tz)


@patient
@given(instants, st.integers(0, 4_000), hours(), zones)
def test_what_counts_is_what_the_wall_clock_shows(
    start: datetime, length: int, work: WorkingHours, tz: ZoneInfo
) -> None:
    """Against a reader of the wall clock, minute by minute; edges that a clock change touches have their own tests."""
    begin = start.replace(second=0, microsecond=0)
    end = begin + length * MINUTE
    moments = [(begin + step * MINUTE).astimezone(tz) for step in range(-1_500, length + 1_500, 15)]
    if len({moment.utcoffset() for moment in moments}) > 1 or any(moment.second for moment in moments):
        return
    shown = [(begin + step * MINUTE).astimezone(tz) for step in range(length)]
    expected = sum(DAYS[m.weekday()] in work.days and work.start <= f"{m:%H:%M}" < work.end for m in shown)
    assert counted(begin, end, work, tz) == expected * MINUTE


@patient
@given(instants, st.timedeltas(timedelta(0), timedelta(days=40)), hours(), zones)
def test_no_more_counts_than_has_passed_and_nothing_backwards(
    start: datetime, length: timedelta, work: WorkingHours, tz: ZoneInfo
) -> None:
    assert timedelta(0) <= counted(start, start + length, work, tz) <= length
    assert counted(start, start - length, work, tz) == timedelta(0)
    assert counted(start, start - length, None, tz) == timedelta(0)
    assert counted(start, start + length, None, tz) == length
