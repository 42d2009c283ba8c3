"""What operators read of the self-audit: every line says what is wrong and what to do, silence that all is well."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from backend.contract.alarms import Alarm
from backend.contract.people import Person
from backend.selfaudit.canary import canary_address
from backend.selfaudit.findings import duration, figures, findings, tallied
from backend.selfaudit.gauges import AuditGauges
from backend.selfaudit.report import report
from backend.selfaudit.service import folded
from backend.selfaudit.state import State, canary_fault, parse
from backend.settings import Settings

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ONE, TWO = UUID(int=1), UUID(int=2)


def row(kind: str, word: str | None = None, n: int = 1, handoffs: int = 1, *examples: UUID) -> dict[str, Any]:
    oldest = NOW - timedelta(minutes=5)
    return {"kind": kind, "word": word, "n": n, "handoffs": handoffs, "oldest": oldest, "examples": list(examples)}


def state(**changes: Any) -> State:
    nothing = figures({}, accounts=3, oldest_due_s=0.0, clock_s=0.0)
    answer = {
        "now": 1_000.0,
        "house_age_s": 86_400.0,
        "audit": {"age_s": 20.0, "figures": {**nothing, "took_s": 0.2}, "findings": []},
        "canary": {"age_s": 30.0, "ok": True, "stage": None, "error": None, "seconds": {"total": 0.4, "event": 0.03}},
        **changes,
    }
    return parse(json.dumps(answer), here=1_000.0)


def test_counts_of_many_accounts_become_one_line_per_kind() -> None:
    tallies = tallied([row("not_told", "mail failed", 3, 1, ONE), row("not_told", "address refused", 1, 1, TWO)])
    (found,) = findings(tallies, now=NOW, clock_s=0.0, canary=None)
    assert found.text == (
        "4 people have not been told of 2 waiting hand-offs within 30 s: address refused 1, mail failed 3"
        f" (hand-offs {ONE}, {TWO})"
    )
    assert found.level == "error"


@pytest.mark.parametrize(
    "kind",
    ["overdue", "no_step", "no_idle", "not_told", "stuck", "sending", "address_refused", "webhook_paused"],
)
def test_every_kind_has_words_for_one_and_for_many(kind: str) -> None:
    for n in (1, 2):
        (found,) = findings(tallied([row(kind, "email", n, n, ONE)]), now=NOW, clock_s=0.0, canary=None)
        assert found.count == n
        assert found.text.startswith(str(n))
        assert found.mend
        assert "{" not in found.text


def test_failed_tries_alone_are_a_figure_and_no_finding() -> None:
    tallies = tallied([row("failed", "email", 2)])
    assert findings(tallies, now=NOW, clock_s=0.0, canary=None) == []
    counted = figures(tallies, accounts=1, oldest_due_s=0.0, clock_s=0.0)
    assert counted["deliveries_failed"] == {"desktop": 0, "web": 0, "email": 2, "webhook": 0}


def test_clocks_that_differ_are_found_either_way() -> None:
    for clock_s, side in ((3.0, "ahead of"), (-3.0, "behind")):
        (found,) = findings({}, now=NOW, clock_s=clock_s, canary=None)
        assert found.text == f"a worker's clock is 3 s {side} the database's"
    assert findings({}, now=NOW, clock_s=1.0, canary=None) == []


def test_a_slow_answer_is_no_wrong_clock() -> None:
    answer = json.dumps({"now": 1_000.0, "house_age_s": None, "audit": None, "canary": None})
    assert parse(answer, here=1_000.9, doubt_s=1.0).clock_s == 0.0
    assert parse(answer, here=995.0, doubt_s=1.0).clock_s == -4.0


def test_doctor_says_ok_with_figures_when_all_is_well() -> None:
    lines = list(report(state(), accounts=3, canary_every_s=60))
    assert [line[0] for line in lines] == ["ok", "ok"]
    assert "over 3 accounts" in lines[0][2]
    assert lines[1][2] == "went through 30 s ago in 0.4 s, the senior saw it after 30 ms"


def test_doctor_gives_each_finding_its_own_line_with_the_mend() -> None:
    wrong = [
        {"kind": kind, "level": "error", "count": 1, "text": f"{kind} is wrong", "mend": f"mend {kind}", "said_at": 0}
        for kind in ("overdue", "stuck", "canary")
    ]
    audit = {"age_s": 1.0, "figures": {}, "findings": wrong}
    lines = list(report(state(audit=audit), accounts=1, canary_every_s=0))
    assert [line[2] for line in lines[:-1]] == ["overdue is wrong; mend overdue", "stuck is wrong; mend stuck"]
    assert lines[-1][0] == "off"


@pytest.mark.parametrize(
    ("changes", "accounts", "expected"),
    [
        ({"audit": {"age_s": 420.0, "figures": {}, "findings": []}}, 1, "WRONG"),
        ({"audit": None, "house_age_s": 420.0}, 1, "WRONG"),
        ({"audit": None, "house_age_s": 20.0}, 1, "off"),
        ({"audit": None, "house_age_s": None, "canary": None}, 1, "off"),
    ],
)
def test_an_auditor_that_does_not_run_is_wrong_where_one_should(
    changes: dict[str, Any], accounts: int, expected: str
) -> None:
    line = next(iter(report(state(**changes), accounts=accounts, canary_every_s=60)))
    assert line[0] == expected
    if expected == "WRONG":
        assert line[2] == "the self-audit has not run for 7 min: is a worker running?"


def test_a_canary_that_is_late_failing_or_missing_is_a_fault_and_one_that_is_switched_off_is_none() -> None:
    late: dict[str, Any] = {"age_s": 600.0, "ok": True, "stage": None, "error": None, "seconds": {}}
    failing: dict[str, Any] = {"age_s": 5.0, "ok": False, "stage": "claim", "error": "500", "seconds": {}}
    assert canary_fault(state(), 60) is None
    assert canary_fault(state(canary=late), 60) == "no canary escalation has been sent for 10 min"
    assert canary_fault(state(canary=failing), 60) == "the canary escalation fails at “claim”: 500"
    assert canary_fault(state(canary=None), 60) == "no canary escalation has been sent for 1440 min"
    assert canary_fault(state(canary=None, house_age_s=60.0), 60) is None, "it has not had its time yet"
    assert canary_fault(state(canary=failing), 0) is None


def test_the_canary_goes_to_the_servers_own_address_and_nowhere_when_nobody_named_one() -> None:
    def address(**more: Any) -> str | None:
        return canary_address(Settings(data_dir=Path(), **more))

    assert address(served_at="http://127.0.0.1:8000", public_url="https://fp.example", public_url_given=True) == (
        "http://127.0.0.1:8000"
    )
    assert address(public_url="https://fp.example", public_url_given=True) == "https://fp.example"
    assert address(public_url_given=False) is None
    assert address(served_at="http://127.0.0.1:8000", canary_every_s=0.0) is None


class _Monitor:
    """Stands where the process's monitor does."""

    def __init__(self, known: State | None) -> None:
        self.state = known
        self.up_s = 700.0


def gauges(known: State | None) -> dict[str, float]:
    collected = AuditGauges(_Monitor(known)).collect()  # type: ignore[arg-type]  # only what the gauges read
    return {"/".join([s.name, *s.labels.values()]): s.value for family in collected for s in family.samples}


def test_an_audit_that_nobody_ever_ran_grows_old_in_the_metrics() -> None:
    assert gauges(None) == {"flowpilot_audit_age_seconds": 700.0}
    shown = gauges(state(audit=None, canary=None))
    assert shown["flowpilot_audit_age_seconds"] == 700.0


def test_ages_go_on_growing_while_nothing_can_be_read() -> None:
    old = state()
    object.__setattr__(old, "read_at", time.monotonic() - 100)
    shown = gauges(old)
    assert 119 < shown["flowpilot_audit_age_seconds"] < 125
    assert 129 < shown["flowpilot_canary_age_seconds"] < 135
    assert shown["flowpilot_canary_ok"] == 1
    assert shown["flowpilot_deliveries_failed/email"] == 0
    assert shown["flowpilot_canary_seconds/event"] == 0.03


def test_durations_are_said_in_the_unit_that_fits() -> None:
    assert [duration(s) for s in (40, 420, 10_800)] == ["40 s", "7 min", "3 h"]


def test_a_page_reads_one_line_per_kind_however_much_is_wrong() -> None:
    people = [Person(id=str(n), name=f"Person {n}") for n in range(3)]

    def not_told(handoff: str, person: Person) -> Alarm:
        text = f"{person.name} has not been told of “{handoff}”: the e-mail is still being sent."
        return Alarm(kind="not_told", text=text, at=NOW, handoff_id=handoff, user=person)

    refused = [Alarm(kind="address_refused", text="x", at=NOW, user=person) for person in people]
    (told, addresses) = folded([not_told("h1", people[0]), not_told("h1", people[1]), *refused])
    assert told.text == "Person 0 and 1 other have not been told of “h1”: the e-mail is still being sent."
    assert told.handoff_id == "h1"
    assert addresses.text == "The mail server refuses the addresses of Person 0 and 2 others."
    (many,) = folded([not_told("h1", people[0]), not_told("h2", people[0]), not_told("h2", people[2])])
    assert many.text == "2 people have not been told of 2 waiting hand-offs: the e-mail is still being sent."
    assert many.handoff_id is None
    assert folded([refused[1]]) == [refused[1]]
