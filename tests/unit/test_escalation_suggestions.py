"""What the Escalate form begins with stands in the session; where it holds nothing the form is empty."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from backend.contract.people import Person
from backend.contract.sessions import Fact, Session, Step
from backend.contract.vocabulary import StepOutcome
from backend.web.suggestions import for_escalation

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINA = Person(id="m", name="Mina Okafor")
EMPTY = Session(
    id="s",
    title="VPN drops",
    problem="Hourly.",
    customer=None,
    ticket=None,
    external_url=None,
    status="active",
    owner=MINA,
    created_at=NOW,
    updated_at=NOW,
    version=0,
    messages=[],
    facts=[],
    steps=[],
    handoffs=[],
)


def step(action: str, outcome: StepOutcome, detail: str | None = None) -> Step:
    return Step(id=action, author=MINA, action=action, outcome=outcome, detail=detail, created_at=NOW)


def test_nothing_is_made_up() -> None:
    assert for_escalation(EMPTY) == {}
    assert for_escalation(replace(EMPTY, steps=[step("Restarted it", "worked")])) == {}


@pytest.mark.parametrize(
    ("newest", "reason", "need"),
    [
        (
            step("Compare both ends", "blocked", "no login"),
            "I am blocked at this: Compare both ends. no login.",
            "Somebody who can do this: Compare both ends.",
        ),
        (step("Restarted it", "helped"), "This helped only for a while: Restarted it.", None),
        (step("Updated it.", "no_change"), "This changed nothing: Updated it.", None),
        (step("Updated it", "worse"), "This made it worse: Updated it.", None),
    ],
)
def test_the_newest_step_that_did_not_help_is_the_reason(newest: Step, reason: str, need: str | None) -> None:
    found = for_escalation(replace(EMPTY, steps=[step("Pinged it", "no_change"), newest]))
    assert (found["reason"], found.get("need")) == (reason, need)


def test_the_fix_in_progress_comes_before_later_steps_and_long_words_are_cut() -> None:
    fix = step("Ask the vendor " * 60, "blocked")
    found = for_escalation(replace(EMPTY, active_fix=fix, steps=[fix, step("Pinged it", "worked")]))
    assert found["reason"].startswith("I am blocked at this: Ask the vendor")
    assert {len(words) for words in found.values()} == {500}


def test_a_fact_about_the_effect_is_the_effect() -> None:
    fact = Fact(id="f", author=MINA, label="Users affected", value="22 staff at Leeds", created_at=NOW)
    assert for_escalation(replace(EMPTY, facts=[fact])) == {"impact": "22 staff at Leeds"}
