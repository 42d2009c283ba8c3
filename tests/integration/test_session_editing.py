"""Corrections in a session: seen by everyone at once, never over somebody else's, never in what was frozen."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from tests.conftest import Http
from tests.integration.test_session_stream import page
from tests.support.flow import API, claimed, escalate, open_session, refused
from tests.support.people import Crew

People = Callable[..., Awaitable[Crew]]
STEP = {"action": "Restarted the tunnel", "outcome": "helped", "detail": "Held for an hour"}
FACT = {"label": "Firmware", "value": "7.2"}


async def made(client: httpx.AsyncClient, base: str, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(f"{base}/{kind}s", json=body)
    assert answer.status_code == 201, answer.text
    entry: dict[str, Any] = answer.json()
    return entry


async def test_a_correction_is_kept_and_another_ones_is_not_overwritten(people: People, http: Http) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    base = f"{API}/ai-sessions/{await open_session(junior)}"
    step = await made(junior, base, "step", STEP)
    later = await made(junior, base, "step", {"action": "Pinged", "outcome": "no_change"})
    address = f"{base}/steps/{step['id']}"
    changed = (await senior.patch(address, json={"outcome": "worked", "detail": "", "revision": 1})).json()
    assert (changed["outcome"], changed["detail"], changed["action"]) == ("worked", None, STEP["action"])
    assert (changed["revision"], changed["edited_by"]["id"]) == (2, crew.engineer.id)
    late = refused(await junior.patch(address, json={"action": "Rebooted", "revision": 1}), 409, "edit_conflict")
    assert late["detail"].startswith("Erin Engineer has changed this meanwhile")
    assert (late["current"]["outcome"], late["current"]["revision"]) == ("worked", 2)
    session = (await junior.get(base)).json()
    assert [one["id"] for one in session["steps"]] == [step["id"], later["id"]], "an edited step keeps its place"
    assert session["steps"][0]["action"] == STEP["action"]
    refused(await junior.patch(address, json={"action": " "}), 422, "invalid_body")


async def test_what_was_taken_out_can_be_put_back_where_it_stood(people: People, http: Http) -> None:
    crew = await people()
    junior = http(crew.technician)
    base = f"{API}/ai-sessions/{await open_session(junior)}"
    for kind, body in (("step", STEP), ("fact", FACT), ("task", {"text": "Call them back"})):
        first = await made(junior, base, kind, body)
        second = await made(junior, base, kind, body)
        address = f"{base}/{kind}s/{first['id']}"
        for _ in range(2):
            assert (await junior.delete(address)).status_code == 204
        assert [one["id"] for one in (await junior.get(base)).json()[f"{kind}s"]] == [second["id"]]
        refused(await junior.patch(address, json={}), 404, "not_found")
        back = await junior.post(f"{address}/restore")
        assert (back.status_code, back.json()["id"]) == (200, first["id"])
        kept = [one["id"] for one in (await junior.get(base)).json()[f"{kind}s"]]
        assert kept == [first["id"], second["id"]]


async def test_the_snapshot_keeps_what_stood_there(people: People, http: Http) -> None:
    crew = await people()
    junior = http(crew.technician)
    session_id = await open_session(junior)
    base = f"{API}/ai-sessions/{session_id}"
    fact, step = await made(junior, base, "fact", FACT), await made(junior, base, "step", STEP)
    fix = (await junior.put(f"{base}/active-fix", json={"action": "Raise the lifetime"})).json()
    handoff = (await escalate(junior, session_id)).json()
    await junior.patch(f"{base}/facts/{fact['id']}", json={"value": "7.4"})
    await junior.delete(f"{base}/steps/{step['id']}")
    await junior.patch(f"{base}/active-fix", json={"outcome": "worked"})
    frozen = (await junior.get(f"{API}/handoffs/{handoff['id']}")).json()["escalation_package"]["snapshot"]
    assert frozen["facts"][0]["value"] == "7.2"
    assert [one["id"] for one in frozen["steps"]] == [step["id"], fix["id"]]
    assert (frozen["active_fix"]["id"], frozen["active_fix"]["outcome"]) == (fix["id"], "not_tried")


async def test_one_fix_is_in_progress_and_ends_as_a_step(people: People, http: Http) -> None:
    crew = await people()
    junior = http(crew.technician)
    base = f"{API}/ai-sessions/{await open_session(junior)}"
    refused(await junior.patch(f"{base}/active-fix", json={"outcome": "worked"}), 404, "not_found")
    first = (await junior.put(f"{base}/active-fix", json={"action": "Raise the lifetime"})).json()
    assert first["in_progress"]
    second = (await junior.put(f"{base}/active-fix", json={"action": "Ask the vendor", "detail": "Case 7"})).json()
    session = (await junior.get(base)).json()
    assert session["active_fix"]["id"] == second["id"]
    assert [one["in_progress"] for one in session["steps"]] == [False, True]
    blocked = (await junior.patch(f"{base}/active-fix", json={"outcome": "blocked"})).json()
    assert blocked["in_progress"], "what is blocked is still what they are at"
    done = (await junior.patch(f"{base}/active-fix", json={"outcome": "no_change"})).json()
    assert (done["in_progress"], done["outcome"]) == (False, "no_change")
    assert (await junior.get(base)).json()["active_fix"] is None
    await junior.put(f"{base}/active-fix", json={"action": "Look again"})
    assert (await junior.delete(f"{base}/active-fix")).status_code == 204
    assert len((await junior.get(base)).json()["steps"]) == 3


async def test_starting_a_fix_is_the_claimers_first_action(people: People, http: Http) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    session_id = await open_session(junior)
    handoff = (await escalate(junior, session_id)).json()["id"]
    await claimed(senior, handoff)
    await senior.put(f"{API}/ai-sessions/{session_id}/active-fix", json={"action": "Compare both ends"})
    assert (await junior.get(f"{API}/handoffs/{handoff}")).json()["first_action_kind"] == "step"


async def test_a_task_says_who_has_done_it(people: People, http: Http) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    base = f"{API}/ai-sessions/{await open_session(junior)}"
    task = await made(junior, base, "task", {"text": "Call the clinic at 15:00"})
    done = (await senior.patch(f"{base}/tasks/{task['id']}", json={"done": True})).json()
    assert (done["done"], done["done_by"]["id"], done["text"]) == (True, crew.engineer.id, task["text"])
    undone = (await junior.patch(f"{base}/tasks/{task['id']}", json={"done": False})).json()
    assert (undone["done"], undone["done_by"], undone["done_at"]) == (False, None, None)
    refused(await http(crew.viewer).patch(f"{base}/tasks/{task['id']}", json={"done": True}), 403, "role_required")


async def test_a_task_is_somebodys_of_this_account_who_works_in_sessions(people: People, http: Http) -> None:
    crew, others = await people(), await people("Southwind MSP")
    junior = http(crew.technician)
    base = f"{API}/ai-sessions/{await open_session(junior)}"
    task = await made(junior, base, "task", {"text": "Call the clinic", "assignee_id": crew.engineer.id})
    assert task["assignee"] == {"id": crew.engineer.id, "name": crew.engineer.name}
    where = f"{base}/tasks/{task['id']}"
    theirs = (await junior.patch(where, json={"assignee_id": crew.technician.id})).json()
    assert (theirs["assignee"]["id"], theirs["text"]) == (crew.technician.id, "Call the clinic")
    for nobody in (crew.viewer.id, others.engineer.id, "nobody"):
        refused(await junior.patch(where, json={"assignee_id": nobody}), 422, "invalid_body")
    assert (await junior.patch(where, json={"assignee_id": ""})).json()["assignee"] is None


async def test_corrections_reach_an_open_page(people: People, http: Http) -> None:
    crew = await people()
    junior = http(crew.technician)
    session_id = await open_session(junior)
    base = f"{API}/ai-sessions/{session_id}"
    fact, task = await made(junior, base, "fact", FACT), await made(junior, base, "task", {"text": "Call"})
    async with page(http(crew.viewer), session_id, headers={"Last-Event-ID": "2"}) as live:
        await junior.patch(f"{base}/facts/{fact['id']}", json={"value": "7.4"})
        version, kind, data = await live.next()
        assert (version, kind, data["id"], data["value"]) == (3, "fact", fact["id"], "7.4")
        assert (await live.next())[1] == "session"
        await junior.patch(f"{base}/tasks/{task['id']}", json={"done": True})
        assert (await live.next())[1:][0] == "task"
        await live.next()
        await junior.delete(f"{base}/facts/{fact['id']}")
        assert (await live.next())[1:] == ("removed", {"kind": "fact", "id": fact["id"]})


async def test_who_has_the_page_open_is_told_to_the_others(people: People, http: Http) -> None:
    crew = await people()
    junior = http(crew.technician)
    session_id = await open_session(junior)
    async with page(junior, session_id) as live:
        async with page(http(crew.engineer), session_id) as theirs:
            assert (await live.next())[1:] == (
                "presence",
                {"people": [{"id": crew.engineer.id, "name": crew.engineer.name}]},
            )
            assert (await theirs.next())[2]["people"][0]["id"] == crew.technician.id
        assert (await live.next())[1:] == ("presence", {"people": []})


async def test_a_secret_written_into_a_fact_by_a_correction_is_taken_out(people: People, http: Http) -> None:
    """`Winter2026` is a word under *Firmware* and a secret under *Admin password*, by whichever way it came there."""
    crew = await people()
    junior = http(crew.technician)
    base = f"{API}/ai-sessions/{await open_session(junior)}"
    taken_out = "[redacted: password]"
    named = await made(junior, base, "fact", {"label": "Admin password", "value": "not known"})
    changed = (await junior.patch(f"{base}/facts/{named['id']}", json={"value": "Winter2026"})).json()
    assert changed["value"] == taken_out
    renamed = await made(junior, base, "fact", {"label": "Firmware", "value": "Winter2026"})
    assert renamed["value"] == "Winter2026"
    changed = (await junior.patch(f"{base}/facts/{renamed['id']}", json={"label": "Admin password"})).json()
    assert (changed["label"], changed["value"]) == ("Admin password", taken_out)
    assert "Winter2026" not in (await junior.get(base)).text
