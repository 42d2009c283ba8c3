"""Notes on tickets, end to end: a real server and worker, and three local PSAs that misbehave."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from backend.db.engine import Database
from tests.support.cli import flowpilot
from tests.support.flow import API, act, claimed, escalate, refused
from tests.support.hook_desk import until
from tests.support.people import Crew
from tests.support.psa_autotask import AutotaskServer
from tests.support.psa_connectwise import ConnectWiseServer
from tests.support.psa_desk import ALL, CONNECTORS, SERVED, PsaDesk, psa_desk
from tests.support.psa_halo import HaloServer
from tests.support.psa_server import Fault, PsaServer
from tests.support.server import Server

People = Callable[..., Awaitable[Crew]]
THREE = [ConnectWiseServer, HaloServer, AutotaskServer]


@pytest.fixture(scope="module")
def running(serve_module: Callable[..., Server]) -> Server:
    return serve_module(**SERVED)


@pytest.fixture(params=THREE, ids=["connectwise", "halo", "autotask"])
async def psa(request: pytest.FixtureRequest) -> AsyncIterator[PsaServer]:
    async with request.param() as one:
        yield one


@pytest.fixture
async def desk(
    people: People, running: Server, database: Database, database_url: str, psa: PsaServer
) -> AsyncIterator[PsaDesk]:
    async with psa_desk(running, await people(), database, database_url, psa) as made:
        yield made


one_psa = pytest.mark.parametrize("psa", [ConnectWiseServer], indirect=True, ids=["connectwise"])


async def _story(desk: PsaDesk) -> str:
    """Escalated, claimed, resolved; answers the handoff."""
    handoff = (await escalate(desk.junior, await desk.session(), need="Someone who knows the firewall")).json()
    await claimed(desk.senior, handoff["id"])
    answer = await act(desk.senior, handoff["id"], "resolve", note="Renewed the certificate")
    assert answer.status_code == 200, answer.text
    return str(handoff["id"])


async def test_nothing_is_written_until_the_account_says_so(desk: PsaDesk) -> None:
    await _story(desk)
    assert await desk.log() == []
    assert desk.psa.notes() == []


async def test_the_story_of_a_hand_off_stands_on_the_ticket_in_order_and_internal(desk: PsaDesk) -> None:
    await desk.change(notes_on=ALL)
    await _story(desk)
    log = await desk.logged("written", "written", "written")
    assert [entry["kind"] for entry in log] == ALL
    notes = desk.psa.notes()
    assert [one.text.split("\n", 1)[0] for one in notes] == [
        "Escalated by Tess Technician, priority Normal",
        "Claimed by Erin Engineer",
        "Hand-off resolved by Erin Engineer",
    ]
    assert "Needs: Someone who knows the firewall" in notes[0].text
    assert "Renewed the certificate" in notes[2].text
    assert not any(one.public or one.mailed for one in notes)


async def test_while_a_psa_fails_notes_wait_in_order_and_each_is_written_once(desk: PsaDesk) -> None:
    desk.psa.faults.extend([Fault(500, saved=True), Fault(503), Fault(429, headers=(("Retry-After", "120"),))])
    await desk.change(notes_on=ALL)
    await _story(desk)

    async def done() -> list[str]:
        await desk.hurry()
        return [entry["state"] for entry in await desk.log()]

    await until(done, lambda states: states == ["written"] * 3)
    kinds = [one.text.rpartition(":")[2] for one in desk.psa.notes()]
    assert kinds == ["escalated]", "claimed]", "resolved]"]


async def test_retry_after_is_kept_by_the_whole_connector(desk: PsaDesk) -> None:
    await desk.change(notes_on=["escalated"])
    desk.psa.faults.append(Fault(429, headers=(("Retry-After", "900"),)))
    await escalate(desk.junior, await desk.session())
    (entry,) = await until(desk.log, lambda log: bool(log and log[0]["attempts"] == 1 and log[0]["error"]))
    assert entry["state"] == "pending"
    waits = datetime.fromisoformat((await desk.admin.get(desk.url)).json()["waits_until"])
    assert 800 < (waits - datetime.now(UTC)).total_seconds() <= 900
    asked = len(desk.psa.asked)
    answer = (await desk.admin.post(f"{desk.url}/check")).json()
    assert (answer["ok"], len(desk.psa.asked)) == (False, asked), "not even a check asks before"


async def test_a_rule_that_shows_notes_is_noticed_hidden_and_stops_the_connector(desk: PsaDesk) -> None:
    await desk.change(notes_on=ALL)
    desk.psa.rule_makes_public = True
    await escalate(desk.junior, await desk.session())
    (entry,) = await desk.logged("leaked")
    assert "until it was hidden" in entry["error"]
    assert entry["remedy"]
    assert not any(one.public for one in desk.psa.notes())
    assert "shown by the PSA" in (await desk.admin.get(desk.url)).json()["paused_reason"]
    alarms = (await desk.admin.get(f"{API}/account/alarms")).json()["items"]
    assert any(one["kind"] == "connector_paused" and "shown by the PSA" in one["text"] for one in alarms)
    await escalate(desk.junior, await desk.session())
    await desk.logged("leaked", "failed")
    assert len(desk.psa.notes()) == 1, "nothing more is written until somebody has looked"


@pytest.mark.parametrize("psa", [AutotaskServer], indirect=True, ids=["autotask"])
async def test_what_cannot_be_hidden_is_alarmed_at_once_and_hidden_as_soon_as_the_psa_lets_us(desk: PsaDesk) -> None:
    await desk.change(notes_on=["escalated"])
    desk.psa.rule_makes_public = desk.psa.hiding_fails = desk.psa.removing_fails = True
    await escalate(desk.junior, await desk.session())

    async def paused() -> str | None:
        reason: str | None = (await desk.admin.get(desk.url)).json()["paused_reason"]
        return reason

    assert "Customers can read an internal note on ticket 48213" in str(await until(paused, bool))
    assert [entry["state"] for entry in await desk.log()] == ["pending"]
    desk.psa.hiding_fails = False

    async def ended() -> list[str]:
        await desk.hurry()
        return [entry["state"] for entry in await desk.log()]

    await until(ended, lambda states: states == ["leaked"])
    assert [one.public for one in desk.psa.notes()] == [False]
    assert "until it was hidden" in str(await paused())


async def test_a_permanent_error_stops_with_a_remedy_and_a_dead_letter_is_replayed_once(desk: PsaDesk) -> None:
    await desk.change(notes_on=["escalated"])
    desk.psa.faults.append(Fault(403, saved=True))
    await escalate(desk.junior, await desk.session())
    (entry,) = await desk.logged("failed")
    assert "403" in entry["error"]
    assert "docs/psa.md" in entry["remedy"]
    found = (await desk.admin.get(desk.url)).json()
    assert (found["dead_letters"], "403" in found["paused_reason"]) == (1, True)
    refused(await desk.admin.post(f"{desk.url}/notes/replay"), 409, "not_retryable")
    await desk.hurry()
    assert (await desk.admin.post(f"{desk.url}/check")).json()["ok"], "a good check ends the pause"
    assert (await desk.admin.post(f"{desk.url}/notes/replay")).json() == {"notes": 1}
    await desk.hurry()
    await desk.logged("written")
    assert len(desk.psa.notes()) == 1


async def test_a_seniors_note_is_on_the_ticket_and_their_first_action(desk: PsaDesk) -> None:
    session = await desk.session()
    handoff = (await escalate(desk.junior, session)).json()
    await claimed(desk.senior, handoff["id"])
    answer = await desk.senior.post(f"{API}/ai-sessions/{session}/psa-notes", json={"text": "Looking at the firewall."})
    assert answer.status_code == 201, answer.text
    now = (await desk.senior.get(f"{API}/handoffs/{handoff['id']}")).json()
    assert (now["first_action_kind"], now["first_action_at"] is not None) == ("psa_note", True)
    await desk.logged("written")
    (note,) = desk.psa.notes()
    assert note.text.startswith("Note by Erin Engineer:\nLooking at the firewall.\n[FP-H:")
    assert not note.public


@one_psa
async def test_a_note_that_customers_read_takes_the_accounts_switch_and_a_confirmation(desk: PsaDesk) -> None:
    path = f"{API}/ai-sessions/{await desk.session()}/psa-notes"
    public = {"text": "We are on it.", "visibility": "public"}
    refused(await desk.junior.post(path, json={**public, "confirmed": True}), 422, "invalid_body")
    await desk.change(public_notes=True)
    refused(await desk.junior.post(path, json=public), 422, "invalid_body")
    assert (await desk.junior.post(path, json={**public, "confirmed": True})).status_code == 201
    await desk.logged("written")
    assert [one.public for one in desk.psa.notes()] == [True]


async def test_a_session_learns_what_its_ticket_says(desk: PsaDesk) -> None:
    session = await desk.session(title="Ticket 48213", problem="ticket #48213")

    async def read() -> dict[str, object]:
        found: dict[str, object] = (await desk.junior.get(f"{API}/ai-sessions/{session}")).json()
        return found

    found = await until(read, lambda one: bool(one["facts"]) and one["title"] != "Ticket 48213")
    filled = (found["title"], found["customer"], found["problem"])
    assert filled == ("VPN drops every hour", "Contoso", "Since Monday the VPN drops.")
    facts = {one["label"]: one["value"] for one in found["facts"]}  # type: ignore[attr-defined]
    assert facts == {
        "Ticket": "VPN drops every hour (New)",
        "Description of the ticket": "Since Monday the VPN drops.",
    }


@one_psa
async def test_a_password_in_a_ticket_or_a_note_stays_in_neither_session_nor_ticket(desk: PsaDesk) -> None:
    ticket = desk.psa.tickets[48213]
    ticket.title = "VPN password: Hush-2026-title"
    ticket.description = "Admin password: Hush-2026-text\n" + "x" * 9_000 + "\npassword: Hush-2026-late"
    session = await desk.session(title="48213", problem="48213")

    async def read() -> httpx.Response:
        return await desk.junior.get(f"{API}/ai-sessions/{session}")

    found = await until(read, lambda answer: bool(answer.json()["facts"]))
    assert "Hush" not in found.text
    filled = found.json()
    assert filled["title"].startswith("VPN password: [redacted: password]")
    assert filled["problem"].startswith("Admin password: [redacted: password]")
    note = {"text": "Firewall password: Hush-2026-note"}
    assert (await desk.junior.post(f"{API}/ai-sessions/{session}/psa-notes", json=note)).status_code == 201
    await desk.logged("written")
    (there,) = desk.psa.notes()
    assert "Firewall password: [redacted: password]" in there.text


async def test_kept_secrets_go_to_no_other_host_than_they_were_entered_for(desk: PsaDesk) -> None:
    async with type(desk.psa)() as elsewhere:
        address = {"url": elsewhere.url}
        if desk.psa.system == "autotask":
            refused(await desk.admin.patch(desk.url, json={"fields": {"zone": elsewhere.url}}), 422, "invalid_body")
        secrets = {name: value for name, value in desk.psa.access().items() if name in desk.connector["secrets"]}
        for given in ({}, {next(iter(secrets)): "x"}) if len(secrets) > 1 else ({},):
            answer = await desk.admin.patch(desk.url, json={"fields": {**address, **given}})
            refused(answer, 422, "invalid_body")
            assert "Enter every secret again" in answer.json()["detail"]
        assert (await desk.admin.get(desk.url)).json()["fields"] == desk.connector["fields"]
        await desk.admin.post(f"{desk.url}/check")
        assert elsewhere.asked == []
        await desk.change(fields={"url": desk.psa.url + "/"})
        await desk.change(fields={**address, **secrets})
        await desk.hurry()
        assert (await desk.admin.post(f"{desk.url}/check")).json()["ok"]
        assert elsewhere.asked


@one_psa
async def test_what_a_person_wrote_is_not_overwritten_by_the_ticket(desk: PsaDesk) -> None:
    session = await desk.session(title="Tunnel flaps", customer="Fabrikam")

    async def read() -> dict[str, object]:
        found: dict[str, object] = (await desk.junior.get(f"{API}/ai-sessions/{session}")).json()
        return found

    found = await until(read, lambda one: bool(one["facts"]))
    assert (found["title"], found["customer"]) == ("Tunnel flaps", "Fabrikam")


async def test_status_and_assignment_follow_where_the_account_wants_it(desk: PsaDesk) -> None:
    await desk.change(status_on_claim="In Progress", assign_on_claim=True, status_on_resolve="Completed")
    handoff = (await escalate(desk.junior, await desk.session())).json()
    await claimed(desk.senior, handoff["id"])
    await desk.logged("written")
    ticket = desk.psa.tickets[48213]
    assert (ticket.status, ticket.owner) == ("In Progress", 11)
    await act(desk.senior, handoff["id"], "resolve")
    await desk.logged("written", "written")
    assert (ticket.status, ticket.notes) == ("Completed", [])


async def test_a_psa_that_hangs_changes_nothing_for_escalate_and_claim(desk: PsaDesk) -> None:
    await desk.change(notes_on=ALL)
    desk.psa.hanging = True
    handoff = await _story(desk)
    assert (await desk.senior.get(f"{API}/handoffs/{handoff}")).json()["status"] == "resolved"
    first, *later = await until(desk.log, lambda log: bool(len(log) == 3 and log[0]["error"]))
    assert "did not answer within" in first["error"]
    assert {one["state"] for one in (first, *later)} <= {"pending", "sending"}
    desk.psa.hanging = False

    async def done() -> list[str]:
        await desk.hurry()
        return [entry["state"] for entry in await desk.log()]

    await until(done, lambda states: states == ["written"] * 3)


@one_psa
async def test_after_a_day_a_note_is_a_dead_letter(desk: PsaDesk) -> None:
    await desk.change(notes_on=["escalated"])
    desk.psa.fault = lambda _: Fault(503)
    await escalate(desk.junior, await desk.session())
    await until(desk.log, lambda log: bool(log and log[0]["error"]))
    await desk.owner.fetch("UPDATE psa_note SET began_at = now() - interval '24 hours 1 second'")
    await desk.hurry()
    (entry,) = await desk.logged("failed")
    assert entry["error"].startswith("Given up after 24 h")


@one_psa
async def test_switching_it_off_ends_what_waits(desk: PsaDesk) -> None:
    await desk.change(notes_on=["escalated"])
    desk.psa.fault = lambda _: Fault(503)
    await escalate(desk.junior, await desk.session())
    await until(desk.log, lambda log: bool(log and log[0]["error"]))
    await desk.change(active=False)
    await desk.logged("cancelled")
    await escalate(desk.junior, await desk.session())
    await desk.logged("cancelled")


async def test_no_answer_of_the_api_and_no_log_has_a_secret(desk: PsaDesk, running: Server) -> None:
    answers = [await desk.admin.get(path) for path in (CONNECTORS, desk.url, f"{desk.url}/notes")]
    answers.append(await desk.admin.post(f"{desk.url}/check"))
    secret = next(iter(set(desk.connector["secrets"]) & set(desk.psa.access())))
    await desk.change(fields={secret: "another-hush"})
    answers.append(await desk.admin.post(f"{desk.url}/check"))
    assert answers[-1].json()["ok"] is False
    assert not any("hush" in answer.text for answer in answers)
    assert "hush" not in running.logs
    rows = await desk.owner.fetch("SELECT c::text AS row FROM psa_connector c")
    assert not any("hush" in row["row"] for row in rows)


@one_psa
async def test_who_may_what(desk: PsaDesk) -> None:
    refused(await desk.senior.get(CONNECTORS), 403, "role_required")
    refused(await desk.junior.post(f"{desk.url}/check"), 403, "role_required")
    again = {"system": "connectwise", "fields": desk.psa.access()}
    refused(await desk.admin.post(CONNECTORS, json=again), 409, "limit_reached")
    for fields in ({}, {**desk.psa.access(), "url": "http://user@127.0.0.1/"}, {**desk.psa.access(), "strange": "x"}):
        body = {"system": "halo" if not fields else "connectwise", "fields": fields}
        refused(await desk.admin.post(CONNECTORS, json=body), 422, "invalid_body")
    elsewhere = await desk.session(ticket={"system": "Jira", "id": "1"})
    answer = await desk.junior.post(f"{API}/ai-sessions/{elsewhere}/psa-notes", json={"text": "x"})
    refused(answer, 409, "psa_not_connected")
    assert (await desk.admin.delete(desk.url)).status_code == 204
    refused(await desk.admin.get(desk.url), 404, "not_found")


@one_psa
@pytest.mark.slow
async def test_the_doctor_checks_each_connector(
    desk: PsaDesk, running: Server, database_url: str, tmp_path: Path
) -> None:
    def doctor() -> list[str]:
        settings = {name: value for name, value in SERVED.items() if name != "FLOWPILOT_WORKER"}
        answer = flowpilot("doctor", data_dir=tmp_path, database_url=database_url, environment=settings)
        return [line for line in answer.out.splitlines() if " connector " in line]

    (line,) = await asyncio.to_thread(doctor)
    assert line.startswith("ok")
    assert desk.crew.account_id in line
    assert "Signed in to ConnectWise" in line
    await desk.change(fields={"private_key": "wrong"})
    await desk.hurry()
    (line,) = await asyncio.to_thread(doctor)
    assert line.startswith("WRONG")
    assert "Enter the credentials again" in line
