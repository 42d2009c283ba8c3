"""What the pages say, from the contract's objects alone: no more than is known, in the words of the design."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from backend.contract.handoffs import Assessment, EscalationPackage
from backend.contract.metrics import RollingPoint
from backend.web import chart, formats
from backend.web.render import environment
from backend.web.visitor import safe_next
from tests.support.strips import handoff

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")


def _assessment(package: EscalationPackage) -> str:
    module = environment().get_template("parts/handoff.html").make_module({"shell": SimpleNamespace(csrf="c")})
    return str(module.assessment(package))  # type: ignore[attr-defined]  # a macro of the template


def test_the_assessment_slot_says_what_state_it_is_in() -> None:
    package = handoff().escalation_package
    assert "No AI assessment." in _assessment(package)
    assert "Assessment in progress" in _assessment(replace(package, assessment_status="pending"))
    found = Assessment(source="model", likely_cause="Lifetimes <differ>", confidence=0.82, next_steps=["Compare both"])
    ready = _assessment(replace(package, assessment_status="ready", assessment=found))
    assert "High, 82 %" in ready
    assert "Lifetimes &lt;differ&gt;" in ready


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0:00"), (7, "0:07"), (252, "4:12"), (3599, "59:59"), (3600, "1 h 00 min"), (3840, "1 h 04 min")],
)
def test_waiting_times_read_as_designed(seconds: int, words: str) -> None:
    assert formats.waited(timedelta(seconds=seconds)) == words


def test_times_are_the_accounts_and_carry_a_date_when_not_today() -> None:
    summer = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    assert formats.clock(summer, LONDON, at=summer) == "00:30"
    assert formats.clock(summer, LONDON, at=summer + timedelta(days=1)) == "2 Jul 00:30"
    assert formats.clock(summer, LONDON, at=summer + timedelta(days=300), seconds=True) == "2 Jul 2026 00:30:00"


def test_two_people_with_one_first_name_are_told_apart() -> None:
    assert formats.first_names(["Dana Reyes", "Dana Cole", "Lee Park"]) == ["Dana Reyes", "Dana Cole", "Lee"]


@pytest.mark.parametrize("values", [[5.0], [-4.0, 3.0], [0.0, 0.0], [23.4, 26.7, None, 25.0], [700.0]])
def test_the_chart_stays_inside_its_frame(values: list[float | None]) -> None:
    points = [
        RollingPoint(date=date(2026, 11, day), minutes_recovered_per_escalation=value, n=day)
        for day, value in enumerate(values, 1)
    ]
    drawn = chart.draw(points, 31.0)
    assert drawn
    assert drawn.baseline_y is not None
    heights = [drawn.baseline_y, *(point.y for point in drawn.line), *(line.at for line in drawn.grid)]
    assert all(0 <= height <= 100 for height in heights)
    assert all(0 <= point.x <= 100 for point in drawn.line)
    assert len(drawn.line) == sum(value is not None for value in values)
    assert len(drawn.grid) <= 8


def test_no_figure_draws_no_chart() -> None:
    assert chart.draw([RollingPoint(date=date(2026, 11, 1), minutes_recovered_per_escalation=None, n=0)], 31.0) is None


@pytest.mark.parametrize("path", ["//evil", "/\\evil", "https://evil", "/a\nb", "", "sessions", "/a\\b"])
def test_paths_to_elsewhere_are_none(path: str) -> None:
    assert safe_next(path) is None
    assert safe_next("/pilot/1?x=1#y") == "/pilot/1?x=1#y"
