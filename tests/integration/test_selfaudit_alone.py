"""The self-audit where no other worker may run: killed auditors, mail that does not get through, the house's people."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from backend.selfaudit.house import HOUSE
from tests.conftest import Http, StartServer
from tests.support.audited import NO_CANARY, audit_now, doctor, findings, metric, until_shown, until_there
from tests.support.flow import API, Owner, escalated, refused
from tests.support.mail_server import MailServer
from tests.support.people import Crew
from tests.support.processes import WorkerProcess
from tests.support.stream import listening

People = Callable[..., Awaitable[Crew]]


@pytest.fixture
def owner(database_url: str) -> Owner:
    return Owner(database_url)


@pytest.fixture
def post() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


async def as_if_planned_earlier(owner: Owner, handoff_id: str, seconds: int = 60) -> None:
    """The alert went out so many seconds before it did."""
    span = f"interval '{seconds} seconds'"
    await owner.fetch(f"update handoff set waiting_since = waiting_since - {span} where id = $1", handoff_id)
    await owner.fetch(f"update delivery set planned_at = planned_at - {span} where handoff_id = $1", handoff_id)


async def test_work_that_fails_again_and_again_is_not_taken_for_a_slow_one(
    people: People, http: Http, start_server: StartServer, owner: Owner
) -> None:
    crew = await people()
    server = await start_server(FLOWPILOT_WORKER="off")
    handoff = await escalated(http(crew.technician, at=server))
    await owner.fetch(
        "update job set attempts = 4, due_at = now() + interval '1 hour' where key = $1", f"step:{handoff['id']}"
    )
    await owner.fetch("update job set due_at = now() + interval '1 hour' where kind = 'email'")
    await start_server()
    assert (await audit_now(owner))["jobs_stuck"] == 1
    assert handoff["id"] in (await findings(owner))["stuck"]["text"]


async def test_a_killed_auditor_shows_and_another_worker_takes_over(
    people: People, start_server: StartServer, owner: Owner, tmp_path: Path, database_url: str
) -> None:
    await people()
    server = await start_server(FLOWPILOT_WORKER="off")
    first = WorkerProcess(database_url, tmp_path / "first", NO_CANARY).start()
    second = WorkerProcess(database_url, tmp_path / "second", NO_CANARY)
    try:
        await audit_now(owner)
        first.kill9()
        # As if it had been killed seven minutes ago, in the middle of a run.
        await owner.fetch("update audit_run set at = at - interval '7 minutes'")
        await owner.fetch(
            "update job set lease_until = now() + interval '3 seconds', due_at = now() - interval '6 minutes',"
            " lease_no = lease_no + 1 where kind = 'audit'"
        )
        code, out = await doctor(tmp_path, database_url)
        assert code == 2
        assert "WRONG  self-audit      the self-audit has not run for 7 min: is a worker running?" in out
        await until_shown(server, lambda shown: shown["flowpilot_audit_age_seconds"] > 400)
        second.start()
        await until_there(owner, "select true from audit_run where at > now() - interval '30 seconds'")
        await until_shown(server, lambda shown: shown["flowpilot_audit_age_seconds"] < 100)
    finally:
        first.kill9()
        second.stop()


async def test_whom_refused_mail_has_not_reached_is_counted_and_alarmed_until_they_are_shown_it(
    people: People, http: Http, start_server: StartServer, owner: Owner, post: MailServer
) -> None:
    ours, theirs = await people("Northwind MSP"), await people("Contoso MSP")
    post.behave("unavailable", times=1000)
    server = await start_server(FLOWPILOT_SMTP_URL=post.url, FLOWPILOT_MAIL_FROM="desk@northwind.example")
    junior, admin = http(ours.technician, at=server), http(ours.admin, at=server)
    handoff = await escalated(junior, "VPN drops")
    tried = "select count(*) = 4 from delivery where handoff_id = $1 and channel = 'email' and state = 'failed'"
    await until_there(owner, tried, handoff["id"])
    assert (await audit_now(owner))["recipients_not_told"] == 0, "nobody is late before 30 s have gone by"
    await as_if_planned_earlier(owner, handoff["id"])
    figures = await audit_now(owner)
    assert (figures["recipients_not_told"], figures["not_told_by_reason"]) == (4, {"mail failed": 4})
    shown = await metric(server, "flowpilot_recipients_not_told", 4)
    assert shown["flowpilot_deliveries_failed:email"] == 4

    items = (await admin.get(f"{API}/account/alarms")).json()["items"]
    assert {item["kind"] for item in items} == {"not_told"}
    assert {item["handoff_id"] for item in items} == {handoff["id"]}
    assert {item["user"]["id"] for item in items} == {
        ours.owner.id,
        ours.admin.id,
        ours.engineer.id,
        ours.second_engineer.id,
    }
    why = "the e-mail did not get through and is tried again"
    assert f"Erin Engineer has not been told of “VPN drops”: {why}." in {item["text"] for item in items}
    assert (await http(theirs.admin, at=server).get(f"{API}/account/alarms")).json()["items"] == []
    for below in (ours.engineer, ours.technician, ours.viewer):
        refused(await http(below, at=server).get(f"{API}/account/alarms"), 403, "role_required")

    async with listening(server, ours.engineer) as hers:
        await hers.resume()
        await hers.send(type="receipt", handoff_id=handoff["id"], state="shown", rung=0)
        await hers.event("handoff.delivery")
    assert (await audit_now(owner))["recipients_not_told"] == 3
    items = (await admin.get(f"{API}/account/alarms")).json()["items"]
    assert ours.engineer.id not in {item["user"]["id"] for item in items}
    # A new round gives nobody who was never told another 30 s, and does not take back that she was.
    await owner.fetch(
        "update handoff set waiting_since = waiting_since - interval '20 minutes' where id = $1", handoff["id"]
    )
    await owner.fetch("update job set due_at = now() where key = $1", f"step:{handoff['id']}")
    await until_there(owner, "select rung > 0 from handoff where id = $1", handoff["id"])
    assert (await audit_now(owner))["recipients_not_told"] == 3


async def test_nobody_signs_in_as_the_house(start_server: StartServer, owner: Owner, http: Http) -> None:
    server = await start_server()
    people = await until_there(owner, "select array_agg(email) from app_user where account_id = $1", HOUSE)
    assert set(people) == {"junior@canary.invalid", "senior@canary.invalid"}
    assert await owner.value("select count(*) from app_user where password_hash is not null") == 0
    for email in people:
        answer = await http(None, at=server).post("/sign-in", data={"email": email, "password": ""})
        assert answer.status_code in {401, 403}
    assert await owner.value("select count(*) from web_session") == 0
