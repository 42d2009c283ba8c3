"""Minutes recovered: the figure that the product is sold by must be exact in every time zone and every month."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.contract.metrics import ExclusionReason
from backend.domain.averages import MINUTE, exact, per
from backend.domain.baseline import BEGINNING, Baselines
from backend.domain.recovered import EXCLUSIONS, Measured, Row, month_before, month_bounds, recovered
from tests.support.measured import baseline, measured
from tests.support.tallied import month as month_of

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
HARD = ("Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana", "Africa/Cairo", "Pacific/Apia")
zones = st.sampled_from(HARD) | st.sampled_from(ZONES)
instants = st.datetimes(datetime(2001, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive by the strategy's rule

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # time zones are read from disk


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@patient
@given(instants, zones)
def test_every_moment_belongs_to_the_month_that_the_wall_clock_shows(moment: datetime, zone: str) -> None:
    where = ZoneInfo(zone)
    month = f"{moment.astimezone(where):%Y-%m}"
    start, end = (bound.astimezone(UTC) for bound in month_bounds(month, where))
    assert start <= moment < end


@patient
@given(st.integers(2000, 2100), st.integers(1, 12), zones)
def test_months_follow_one_another_without_gap_or_overlap(year: int, month: int, zone: str) -> None:
    where = ZoneInfo(zone)
    following = f"{year + month // 12}-{month % 12 + 1:02}"
    assert month_bounds(f"{year}-{month:02}", where)[1].astimezone(UTC) == month_bounds(following, where)[0].astimezone(
        UTC
    )


def test_a_month_with_a_clock_change_is_an_hour_shorter_or_longer() -> None:
    def hours(month: str, zone: str) -> float:
        start, end = (bound.astimezone(UTC) for bound in month_bounds(month, ZoneInfo(zone)))
        return (end - start).total_seconds() / 3600

    assert hours("2026-03", "Europe/London") == 31 * 24 - 1
    assert hours("2026-10", "Europe/London") == 31 * 24 + 1
    assert hours("2026-04", "Australia/Lord_Howe") == 30 * 24 + 0.5
    assert hours("2026-03", "Asia/Kolkata") == 31 * 24


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "2026",
        "2026-13",
        "2026-00",
        "2026-1",
        "26-11-1",
        "0001-01",
        "\u0662\u0660\u0662\u0666-01",
        "9999-12",
        "1999-12",
    ],
)
def test_what_is_no_month_is_refused(wrong: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        month_bounds(wrong, ZoneInfo("Asia/Kolkata"))


@patient
@given(st.integers(2000, 2100), st.integers(1, 12))
def test_the_month_before_is_the_one_that_ends_where_this_begins(year: int, month: int) -> None:
    utc, this = ZoneInfo("UTC"), f"{year}-{month:02}"
    before = month_before(this)
    if before is None:
        assert this == "2000-01"
    else:
        assert month_bounds(before, utc)[1] == month_bounds(this, utc)[0]


UTC_ZONE = ZoneInfo("UTC")
TEN = Baselines([baseline(10)])
TODAY = date(2026, 11, 7)


def minutes(rows: list[Measured], versions: Baselines) -> list[float]:
    each = [Row.measure(row, versions).recovered for row in rows]
    return [per(value, MINUTE) for value in each if value is not None]


def test_the_figures_of_known_times() -> None:
    rows = [
        measured("2026-11-02T10:00:00", 60, 120),
        measured("2026-11-02T11:00:00", 120, 240, first_action_kind="step"),
        measured("2026-11-05T10:00:00", 30),
        measured("2026-11-06T10:00:00"),
    ]
    found = month_of("2026-11", UTC_ZONE, rows, TEN)
    assert found.sums.to_claim == (3, 210_000_000, (60_000_000, 60_000_000), (60_000_000, 120_000_000))
    assert found.sums.to_action == (2, 360_000_000, (120_000_000, 240_000_000), (120_000_000, 240_000_000))
    assert (found.per_escalation(), found.total()) == (7, 14)
    assert [(point.date.day, point.minutes_recovered_per_escalation, point.n) for point in found.rolling(TODAY)] == [
        (1, None, 0),
        (2, 7, 2),
        *((day, 7, 2) for day in range(3, 8)),
    ]


def test_nothing_to_average_is_null_and_not_zero() -> None:
    empty = month_of("2026-11", UTC_ZONE, [], TEN)
    assert (empty.per_escalation(), empty.total(), empty.rolling(TODAY), empty.exclusions()) == (None, None, [], [])
    rows = [measured("2026-11-02T10:00:00", 60, 120)]
    for none in (Baselines([]), Baselines([baseline(None)])):
        unset = month_of("2026-11", UTC_ZONE, rows, none)
        assert (unset.sums.to_action.total, unset.sums.recovered.n, unset.per_escalation()) == (120_000_000, 0, None)
        assert [one.reason for one in unset.exclusions()] == ["no_baseline"]


def test_minutes_lost_count_as_such() -> None:
    """A figure that hides the bad cases would be praise, not a measure."""
    assert recovered(10 * MINUTE, 20 * MINUTE) == -10 * MINUTE


def test_each_escalation_is_measured_against_what_was_in_force_when_it_was_made() -> None:
    """A new baseline must not rewrite what was already told, nor a future one be ahead of its time."""
    versions = Baselines(
        [baseline(28), baseline(31, at("2026-11-10T00:00:00")), baseline(99, at("2026-12-01T00:00:00"))]
    )
    rows = [measured("2026-11-09T23:59:59", 0, 60), measured("2026-11-10T00:00:00", 0, 60)]
    found = month_of("2026-11", UTC_ZONE, rows, versions)
    assert minutes(rows, versions) == [27, 30]
    assert found.per_escalation() == 28.5
    assert found.baseline_minutes(at("2026-11-20T00:00:00")) == 29.5
    assert [(used.minutes, used.escalations) for used in found.baselines_used()] == [(28, 1), (31, 1)]
    empty = month_of("2026-11", UTC_ZONE, [], versions)
    assert empty.baseline_minutes(at("2026-11-05T00:00:00")) == 28
    assert empty.baseline_minutes(at("2027-11-05T00:00:00")) == 31, "a past month's, not today's"


@pytest.mark.parametrize(
    ("status", "action_s", "reason"),
    [
        ("pending", None, "waiting"),
        ("withdrawn", None, "withdrawn"),
        ("claimed", None, "no_action_yet"),
        ("resolved", None, "ended_without_action"),
        ("claimed", 60, None),
        ("pending", 60, None),
    ],
)
def test_what_is_left_out_is_left_out_for_a_reason_that_is_listed(
    status: str, action_s: int | None, reason: ExclusionReason | None
) -> None:
    """Acted on and handed back again is measured: one row, the claim that led to the action."""
    row = measured("2026-11-02T10:00:00", 60, action_s, status=status)
    found = month_of("2026-11", UTC_ZONE, [row], TEN)
    assert Row.measure(row, TEN).excluded == reason
    assert [one.reason for one in found.exclusions()] == ([reason] if reason else [])
    assert found.sums.recovered.n == (0 if reason else 1)
    assert reason is None or reason in EXCLUSIONS


plans = st.lists(
    st.tuples(st.integers(0, 29 * 86_400), st.integers(0, 3_600), st.none() | st.integers(0, 7_200)), max_size=30
)


@patient
@given(plans, zones, st.floats(0.5, 480), st.floats(0.5, 480), st.integers(0, 29 * 86_400))
def test_the_rolling_value_is_the_recomputed_month_to_date(
    plan: list[tuple[int, int, int | None]], zone: str, first: float, second: float, change_s: int
) -> None:
    where = ZoneInfo(zone)
    start = month_bounds("2026-11", where)[0].astimezone(UTC)
    versions = Baselines([baseline(first, BEGINNING), baseline(second, start + timedelta(seconds=change_s))])
    rows = [measured((start + timedelta(seconds=s)).isoformat()[:19], claim, action) for s, claim, action in plan]
    rows.sort(key=lambda row: row.escalated_at)
    last = date(2026, 11, 30)
    points = month_of("2026-11", where, rows, versions).rolling(last)
    assert [point.date for point in points] == ([date(2026, 11, day) for day in range(1, 31)] if rows else [])
    for point in points:
        until = [row for row in rows if row.escalated_at.astimezone(where).date() <= point.date]
        whole = month_of("2026-11", where, until, versions)
        assert (point.n, point.minutes_recovered_per_escalation) == (whole.sums.recovered.n, whole.per_escalation())


@patient
@given(plans.filter(bool), st.floats(0.5, 480))
def test_recovered_is_baseline_minus_mean_to_the_last_digit(
    plan: list[tuple[int, int, int | None]], minutes: float
) -> None:
    rows = [measured("2026-11-02T10:00:00", claim, action) for _, claim, action in plan]
    found = month_of("2026-11", UTC_ZONE, rows, Baselines([baseline(minutes)]))
    value = found.per_escalation()
    took = found.sums.to_action
    if not took.n:
        assert value is None
        return
    assert found.baseline_minutes(at("2026-11-03T00:00:00")) == minutes
    assert value == float((exact(minutes) - Fraction(took.total, took.n)) / MINUTE)


def test_the_worked_example_of_the_documentation() -> None:
    """What docs/metrics.md computes by hand is what the page shows."""
    versions = Baselines([baseline(28), baseline(31, at("2026-11-10T00:00:00"))])
    rows = [
        measured("2026-11-03T09:00:00", 120, 360),
        measured("2026-11-09T16:00:00", 1_200, 300, first_action_kind="step", claimed_at=at("2026-11-09T16:01:00")),
        measured("2026-11-12T11:00:00", 180, 2_400),
        measured("2026-11-20T14:00:00", status="withdrawn"),
        measured("2026-11-28T10:00:00", 120),
    ]
    found = month_of("2026-11", ZoneInfo("Europe/London"), rows, versions)
    assert minutes(rows, versions) == [22, 23, -9]
    assert (found.per_escalation(), found.total()) == (12, 36)
    assert found.baseline_minutes(at("2026-11-30T00:00:00")) == 29
    assert [(one.reason, one.count) for one in found.exclusions()] == [("withdrawn", 1), ("no_action_yet", 1)]
