"""What the pages say, from the contract's objects alone: no more than is known, in the words of the design."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from backend.contract.handoffs import Assessment, Delivery, EscalationPackage, Handoff, Snapshot, TimelineEntry
from backend.contract.metrics import RollingPoint
from backend.contract.people import Person
from backend.contract.vocabulary import Channel, DeliveryState
from backend.web import chart, formats, strip
from backend.web.render import environment
from backend.web.visitor import safe_next

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINA, DANA, LEE, SAM, MARCUS = (
    Person(id=n, name=n) for n in ("Mina Okafor", "Dana Reyes", "Lee Park", "Sam Whitlock", "Marcus Hale")
)
LONDON = ZoneInfo("Europe/London")


def delivery(who: Person, state: DeliveryState, channel: Channel = "desktop") -> Delivery:
    return Delivery(user=who, channel=channel, state=state, at=NOON)


def handoff(*deliveries: Delivery) -> Handoff:
    snapshot = Snapshot(
        taken_at=NOON,
        title="VPN drops",
        problem="Hourly.",
        customer="Harlow",
        ticket=None,
        owner=MINA,
        messages=[],
        facts=[],
        steps=[],
        message_count=0,
    )
    package = EscalationPackage(
        reason="No access.",
        need="Access.",
        impact=None,
        snapshot=snapshot,
        assessment=None,
        assessment_status="unavailable",
    )
    return Handoff(
        id="h",
        session_id="s",
        title="VPN drops",
        customer="Harlow",
        ticket=None,
        priority="high",
        status="pending",
        reason="No access.",
        need="Access.",
        created_at=NOON,
        handed_off_by=MINA,
        session_owner=MINA,
        target_user_id=None,
        claimed_by=None,
        claimed_at=None,
        assessment_status="unavailable",
        impact=None,
        claim_epoch=0,
        escalation_package=package,
        timeline=[],
        deliveries=list(deliveries),
    )


@pytest.mark.parametrize(
    ("deliveries", "state", "summary"),
    [
        ([], "sending", "Sending"),
        (
            [delivery(DANA, "shown"), delivery(LEE, "shown")],
            "delivered",
            "Shown on Dana\u2019s and Lee\u2019s desktops.",
        ),
        (
            [delivery(DANA, "shown"), delivery(SAM, "accepted", "email")],
            "delivered",
            "Shown on Dana\u2019s desktop. E-mailed Sam.",
        ),
        ([delivery(DANA, "shown", "web")], "delivered", "Shown to Dana in the web page."),
        ([delivery(DANA, "pending")], "sending", "Sending to Dana\u2019s desktop."),
        ([delivery(LEE, "pending")], "nobody_on", "No senior is on a desktop."),
        ([delivery(MARCUS, "pending")], "sending", "Sending"),
        (
            [delivery(LEE, "pending"), delivery(SAM, "accepted", "email")],
            "nobody_on",
            "No senior is on a desktop. E-mailed Sam.",
        ),
        ([delivery(DANA, "pending"), delivery(DANA, "shown", "web")], "delivered", "Shown to Dana in the web page."),
        ([delivery(DANA, "cancelled")], "sending", "Sending"),
    ],
)
def test_the_strip_claims_no_more_than_the_receipts(deliveries: list[Delivery], state: str, summary: str) -> None:
    drawn = strip.draw(handoff(*deliveries), LONDON, {DANA.id: "desktop", MARCUS.id: "web"})
    assert (drawn.state, drawn.summary) == (state, summary)


def test_a_mail_that_bounced_is_not_called_sent() -> None:
    drawn = strip.draw(handoff(delivery(SAM, "failed", "email")), LONDON, {})
    assert [one.words for one in drawn.recipients] == ["e-mail was not delivered"]
    assert "E-mailed" not in drawn.summary


def test_the_strip_names_who_claimed_and_after_how_long() -> None:
    claimed = replace(handoff(), status="claimed", claimed_by=DANA, claimed_at=NOON + timedelta(minutes=4, seconds=14))
    drawn = strip.draw(claimed, LONDON, {})
    assert drawn.summary == "Claimed by Dana Reyes"
    assert drawn.detail == "After 4:14. Dana is opening the session; you can both write here."


def test_the_strip_repeats_why_it_came_back() -> None:
    back = TimelineEntry(at=NOON, kind="released", actor=DANA, detail="I am on a call until 11:15.")
    drawn = strip.draw(replace(handoff(delivery(LEE, "shown")), timeline=[back]), LONDON, {})
    assert drawn.summary == "Dana Reyes handed it back: “I am on a call until 11:15.”"
    assert drawn.detail == "Waiting again. Shown on Lee\u2019s desktop."


def _assessment(package: EscalationPackage) -> str:
    module = environment().get_template("parts/handoff.html").make_module({"shell": SimpleNamespace(csrf="c")})
    return str(module.assessment(package, True, "s"))  # type: ignore[attr-defined]  # a macro of the template


def test_the_assessment_slot_says_what_state_it_is_in() -> None:
    package = handoff().escalation_package
    assert "No AI assessment." in _assessment(package)
    assert "Assessment in progress" in _assessment(replace(package, assessment_status="pending"))
    found = Assessment(source="model", likely_cause="Lifetimes <differ>", confidence=0.82, next_steps=["Compare both"])
    ready = _assessment(replace(package, assessment_status="ready", assessment=found))
    assert "High confidence, 82 %" in ready
    assert "Lifetimes &lt;differ&gt;" in ready
    assert 'data-testid="assessment-start-step"' in ready


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
    heights = [drawn.baseline_y, *(point.y for point in drawn.points), *(line.at for line in drawn.grid)]
    assert all(0 <= height <= chart.HEIGHT for height in heights)
    assert all(0 <= point.x <= chart.WIDTH for point in drawn.points)
    assert len(drawn.points) == sum(value is not None for value in values)
    assert len(drawn.grid) <= 8


def test_no_figure_draws_no_chart() -> None:
    assert chart.draw([RollingPoint(date=date(2026, 11, 1), minutes_recovered_per_escalation=None, n=0)], 31.0) is None


@pytest.mark.parametrize("path", ["//evil", "/\\evil", "https://evil", "/a\nb", "", "sessions", "/a\\b"])
def test_paths_to_elsewhere_are_none(path: str) -> None:
    assert safe_next(path) is None
    assert safe_next("/pilot/1?x=1#y") == "/pilot/1?x=1#y"
