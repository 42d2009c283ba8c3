"""The self-audit: what is wrong is found by the server itself, said once, shown to operators, mended if it can be."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.conftest import Http
from tests.support.audited import audit_now, doctor, metric, until_there
from tests.support.flow import API, Owner, claimed, escalated
from tests.support.people import Crew
from tests.support.server import Server

People = Callable[..., Awaitable[Crew]]


@pytest.fixture
def owner(database_url: str) -> Owner:
    return Owner(database_url)


@pytest.fixture(scope="module")
def working(serve_module: Callable[..., Server]) -> Server:
    """A server that does the due work, the audit with it."""
    return serve_module(FLOWPILOT_WORKER="on")


async def test_all_is_well_and_says_so(
    people: People, http: Http, working: Server, owner: Owner, tmp_path: Path, database_url: str
) -> None:
    crew = await people()
    await escalated(http(crew.technician, at=working))
    figures = await audit_now(owner)
    assert figures["accounts"] == 1, "the account of the audit itself is no customer"
    assert figures["jobs_overdue"] == figures["recipients_not_told"] == figures["handoffs_without_next_step"] == 0
    shown = await metric(working, "flowpilot_due_jobs_overdue", 0)
    assert shown["flowpilot_audit_age_seconds"] < 60
    assert shown["flowpilot_deliveries_failed:webhook"] == 0
    code, out = await doctor(tmp_path, database_url)
    assert code == 0, out
    assert "ok     self-audit" in out
    assert "over 1 account: no work is overdue" in out


async def test_overdue_work_is_counted_said_once_and_in_doctor(
    people: People, working: Server, owner: Owner, tmp_path: Path, database_url: str
) -> None:
    crew = await people()
    await owner.fetch(
        "insert into job (account_id, kind, key, due_at) values ($1, 'unheard-of', 'x', now() - interval '5 minutes')",
        crew.account_id,
    )
    figures = await audit_now(owner)
    assert figures["jobs_overdue"] == 1
    assert figures["oldest_due_job_s"] >= 300
    shown = await metric(working, "flowpilot_due_jobs_overdue", 1)
    assert shown["flowpilot_oldest_due_job_seconds"] >= 300
    words = "1 piece of work is due for over 60 s and nobody does it, the oldest for 5 min: unheard-of 1"
    assert await asyncio.to_thread(working.said, words, timeout=60)
    await audit_now(owner)
    assert working.logs.count("nobody does it") == 1, "the same is not said each minute"
    code, out = await doctor(tmp_path, database_url)
    assert code == 2
    assert f"WRONG  self-audit      {words}; start `flowpilot serve`" in out
    await owner.fetch("delete from job where kind = 'unheard-of'")
    assert (await audit_now(owner))["jobs_overdue"] == 0
    runs = await owner.fetch("select began_at, at, findings::text as found from audit_run order by began_at")
    assert len(runs) == 3 or (len(runs) == 2 and runs[0]["found"] != "[]"), "an equal result makes no new row"


async def test_a_waiting_handoff_that_nothing_looks_at_gets_its_next_step_back(
    people: People, http: Http, working: Server, owner: Owner
) -> None:
    crew = await people()
    junior, senior = http(crew.technician, at=working), http(crew.engineer, at=working)
    lost, held = await escalated(junior), await escalated(junior)
    await claimed(senior, held["id"])
    armed = "select count(*) from job where handoff_id = any($1::uuid[]) and kind in ('step', 'idle') and attempts = 0"
    await until_there(owner, f"select ({armed}) = 2", [lost["id"], held["id"]])
    await owner.fetch("delete from job where key = any($1)", [f"step:{lost['id']}", f"idle:{held['id']}"])
    figures = await audit_now(owner)
    assert figures["handoffs_without_next_step"] == 2
    await until_there(owner, f"select ({armed}) = 2", [lost["id"], held["id"]])
    assert await asyncio.to_thread(
        working.said, f"1 waiting hand-off had no next step and got one (hand-offs {lost['id']})", timeout=20
    )
    assert (await audit_now(owner))["handoffs_without_next_step"] == 0


async def test_somebody_who_has_begun_need_not_be_watched(
    people: People, http: Http, working: Server, owner: Owner
) -> None:
    """The work that watches a claimer ends with the first action: that it is not there is no fault."""
    crew = await people()
    junior, senior = http(crew.technician, at=working), http(crew.engineer, at=working)
    held = await escalated(junior)
    await claimed(senior, held["id"])
    said = await senior.post(f"{API}/ai-sessions/{held['session_id']}/messages", json={"content": "I am looking"})
    assert said.status_code == 201
    await owner.fetch("delete from job where key = $1", f"idle:{held['id']}")
    assert (await audit_now(owner))["handoffs_without_next_step"] == 0
    assert await owner.value("select count(*) from job where key = $1", f"idle:{held['id']}") == 0


async def test_refused_addresses_and_paused_webhooks_are_alarms_of_their_account_alone(
    people: People, http: Http, owner: Owner
) -> None:
    ours, theirs = await people("Northwind MSP"), await people("Contoso MSP")
    for crew, secret in ((ours, "our own"), (theirs, "their own")):
        await owner.fetch(
            "update app_user set email_refused_at = now(), email_refusal = $2 where id = $1",
            crew.engineer.id,
            f"550 {secret}",
        )
        await owner.fetch(
            "insert into webhook (account_id, id, name, url, format, secret_salt, secret_hash, active, events,"
            " created_by, paused_reason) values ($1, gen_random_uuid(), $2, 'https://x.example', 'generic', '', '',"
            " false, '{created}', $3, 'The receiver answered 410: it does not want any more notices.')",
            crew.account_id,
            f"Hook of {secret}",
            crew.owner.id,
        )
    answer = await http(ours.owner).get(f"{API}/account/alarms")
    items = {item["kind"]: item for item in answer.json()["items"]}
    assert set(items) == {"address_refused", "webhook_paused", "no_mail_server"}
    assert items["address_refused"]["user"] == {"id": ours.engineer.id, "name": "Erin Engineer"}
    assert items["address_refused"]["text"].endswith(f"of Erin Engineer, {ours.engineer.email}: 550 our own")
    assert "“Hook of our own” is paused. The receiver answered 410" in items["webhook_paused"]["text"]
    assert "their" not in answer.text.replace("no client of theirs", "")
