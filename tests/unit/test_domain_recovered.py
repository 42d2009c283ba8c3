"""Minutes recovered: the figure that the product is sold by must be exact in every time zone and every month."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.domain.recovered import Measured, metrics, month_bounds, recovered, rolling

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
HARD = ("Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana", "Africa/Cairo", "Pacific/Apia")
zones = st.sampled_from(HARD) | st.sampled_from(ZONES)
instants = st.datetimes(datetime(2001, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive by the strategy's rule

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # time zones are read from disk


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def measured(
    escalated: str, claim_s: float | None = None, action_s: float | None = None, kind: str = "message"
) -> Measured:
    start = at(escalated)
    claim = start + timedelta(seconds=claim_s) if claim_s is not None else None
    action = claim + timedelta(seconds=action_s) if claim is not None and action_s is not None else None
    return Measured(
        escalated_at=start,
        claimed_at=claim,
        claim_for_action=claim if action else None,
        first_action_at=action,
        first_action_kind=kind if action else None,
    )


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


def test_the_figures_of_known_times() -> None:
    rows = [
        measured("2026-11-02T10:00:00", 60, 120),
        measured("2026-11-02T11:00:00", 120, 240, "step"),
        measured("2026-11-05T10:00:00", 30),
        measured("2026-11-06T10:00:00"),
    ]
    found = metrics(rows, month="2026-11", zone=ZoneInfo("UTC"), baseline_min=10, today=date(2026, 11, 7))
    assert (found.escalations, found.claimed, found.with_first_action) == (4, 3, 2)
    assert found.mean_time_to_claim_seconds == 70
    assert found.mean_time_to_first_action_seconds == 180
    assert found.minutes_recovered_per_escalation == 7
    assert found.minutes_recovered_total == 14
    assert found.by_first_action_kind == {"message": 1, "step": 1}
    assert [(point.date.day, point.minutes_recovered_per_escalation, point.n) for point in found.rolling] == [
        (1, None, 0),
        (2, 7, 2),
        *((day, 7, 2) for day in range(3, 8)),
    ]


def test_nothing_to_average_is_null_and_not_zero() -> None:
    empty = metrics([], month="2026-11", zone=ZoneInfo("UTC"), baseline_min=10, today=date(2026, 11, 7))
    assert (empty.escalations, empty.claimed, empty.with_first_action) == (0, 0, 0)
    assert empty.mean_time_to_claim_seconds is None
    assert empty.mean_time_to_first_action_seconds is None
    assert empty.minutes_recovered_per_escalation is None
    assert empty.minutes_recovered_total is None
    rows = [measured("2026-11-02T10:00:00", 60, 120)]
    unset = metrics(rows, month="2026-11", zone=ZoneInfo("UTC"), baseline_min=None, today=date(2026, 11, 7))
    assert (unset.mean_time_to_first_action_seconds, unset.minutes_recovered_per_escalation) == (120, None)


def test_minutes_lost_count_as_such() -> None:
    """A figure that hides the bad cases would be praise, not a measure."""
    assert recovered(10, 1_200) == -10


@patient
@given(
    st.lists(
        st.tuples(st.integers(0, 29 * 86_400), st.integers(0, 3_600), st.none() | st.integers(0, 7_200)), max_size=30
    ),
    zones,
    st.floats(0.5, 480),
)
def test_the_rolling_value_is_the_recomputed_month_to_date(
    plan: list[tuple[int, int, int | None]], zone: str, baseline: float
) -> None:
    where = ZoneInfo(zone)
    start = month_bounds("2026-11", where)[0].astimezone(UTC)
    rows = [measured((start + timedelta(seconds=s)).isoformat()[:19], claim, action) for s, claim, action in plan]
    rows.sort(key=lambda row: row.escalated_at)
    last = date(2026, 11, 30)
    points = rolling(rows, baseline, last, where)
    assert [point.date for point in points] == ([date(2026, 11, day) for day in range(1, 31)] if rows else [])
    for point in points:
        until = [row for row in rows if row.escalated_at.astimezone(where).date() <= point.date]
        whole = metrics(until, month="2026-11", zone=where, baseline_min=baseline, today=last)
        assert point.n == whole.with_first_action
        assert point.minutes_recovered_per_escalation == pytest.approx(whole.minutes_recovered_per_escalation)
