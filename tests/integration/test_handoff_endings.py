"""What is said about a hand-off: guidance to go on with, a rejected assessment, who has opened it."""

from collections.abc import Awaitable, Callable

from tests.conftest import Http
from tests.support.flow import API, act, claimed, escalated, log_of, refused
from tests.support.people import Crew

People = Callable[..., Awaitable[Crew]]


async def test_guidance_brings_the_session_back_to_its_owner(people: People, http: Http) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    handoff = await escalated(junior)
    await claimed(senior, handoff["id"])
    guidance = "Read the lifetime from the clinic side first, then set both to 3600 s."
    done = (await act(senior, handoff["id"], "resolve", outcome="guided_back", note=guidance)).json()
    assert (done["status"], done["first_action_kind"]) == ("resolved", "message")
    session = (await junior.get(f"{API}/ai-sessions/{handoff['session_id']}")).json()
    assert session["status"] == "active"
    assert session["messages"][-1]["content"] == guidance
    assert session["messages"][-1]["id"] == done["guidance_message_id"]
    assert session["messages"][-1]["author"]["id"] == crew.engineer.id
    assert (await log_of(junior))[-1]["data"]["outcome"] == "guided_back"
    again = await junior.post(f"{API}/ai-sessions/{handoff['session_id']}/handoff", json={"reason": "Still stuck."})
    assert again.status_code == 201, "what came back can be escalated again"


async def test_a_rejected_assessment_is_kept_with_the_reason(people: People, http: Http) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    handoff = await escalated(junior)
    address = f"{API}/handoffs/{handoff['id']}/assessment/reject"
    refused(await junior.post(address, json={"why": "No"}), 403, "role_required")
    refused(await senior.post(address, json={"why": " "}), 422, "invalid_body")
    rejected = (await senior.post(address, json={"why": "The lifetimes are equal."})).json()
    assert rejected["assessment_rejected"]["by"]["id"] == crew.engineer.id
    assert rejected["assessment_rejected"]["why"] == "The lifetimes are equal."
    assert rejected["timeline"][-1]["kind"] == "assessment_rejected"
    assert (await log_of(junior))[-1]["kind"] == "handoff.updated"


async def test_the_junior_sees_who_has_opened_it(people: People, http: Http) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    handoff = await escalated(junior)
    refused(await act(junior, handoff["id"], "opened"), 403, "role_required")
    for _ in range(2):
        assert (await act(senior, handoff["id"], "opened")).status_code == 204
    read = (await junior.get(f"{API}/handoffs/{handoff['id']}")).json()
    assert [one["user"]["id"] for one in read["opened"]] == [crew.engineer.id]
    assert read["status"] == "pending", "opening claims nothing"
    session = (await junior.get(f"{API}/ai-sessions/{handoff['session_id']}")).json()
    assert session["version"] == 2, "twice in a minute is told once"
    await claimed(senior, handoff["id"])
    await act(http(crew.second_engineer), handoff["id"], "opened")
    assert len((await junior.get(f"{API}/handoffs/{handoff['id']}")).json()["opened"]) == 1
