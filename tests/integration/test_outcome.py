"""How a hand-off ends: what the senior says of it is kept, and a problem that is still there stays with the junior."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.conftest import Http
from tests.support.flow import API, Owner, act, claimed, escalate, escalated, log_of, refused
from tests.support.people import Crew

People = Callable[..., Awaitable[Crew]]


async def test_what_the_senior_says_at_the_end_is_part_of_the_handoff(people: People, http: Http) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    handoff = await escalated(junior)
    before = (await junior.get(f"{API}/handoffs/{handoff['id']}")).json()
    said = ("outcome", "had_what_i_needed", "missing", "resolution")
    assert {name: before[name] for name in said} == dict.fromkeys(said)
    await claimed(senior, handoff["id"])
    ended = await act(
        senior, handoff["id"], "resolve", note="Replaced the SFP.", outcome="took_over", missing="  Error text "
    )
    assert ended.status_code == 200, ended.text
    whole = (await junior.get(f"{API}/handoffs/{handoff['id']}")).json()
    assert {name: whole[name] for name in said} == {
        "outcome": "took_over",
        "had_what_i_needed": False,
        "missing": "Error text",
        "resolution": "Replaced the SFP.",
    }
    assert (whole["status"], whole["timeline"][-1]["detail"]) == ("resolved", "Replaced the SFP.")


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (None, "resolved"),
        ("took_over", "resolved"),
        ("duplicate", "resolved"),
        ("guided_back", "active"),
        ("wrong_team", "active"),
    ],
)
async def test_the_session_goes_on_where_the_problem_does(
    people: People, http: Http, outcome: str | None, status: str
) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    handoff = await escalated(junior)
    await claimed(senior, handoff["id"])
    body: dict[str, Any] = {"outcome": outcome} if outcome else {}
    assert (await act(senior, handoff["id"], "resolve", **body)).status_code == 200
    session = (await junior.get(f"{API}/ai-sessions/{handoff['session_id']}")).json()
    assert (session["status"], session["messages"]) == (status, [])
    again = await escalate(junior, handoff["session_id"])
    assert again.status_code == (201 if status == "active" else 409), again.text


async def test_guidance_is_the_seniors_message_and_counts_as_their_first_action(people: People, http: Http) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    handoff = await escalated(junior)
    await claimed(senior, handoff["id"])
    before = len(await log_of(senior))
    ended = await act(senior, handoff["id"], "resolve", outcome="guided_back", note="Clear the DNS cache first.")
    assert ended.json()["first_action_kind"] == "message"
    session = (await junior.get(f"{API}/ai-sessions/{handoff['session_id']}")).json()
    (message,) = session["messages"]
    assert (message["content"], message["author"]["id"]) == ("Clear the DNS cache first.", crew.engineer.id)
    assert [event["kind"] for event in (await log_of(senior))[before:]] == ["handoff.updated", "handoff.resolved"]
    assert [e["kind"] for e in ended.json()["timeline"]][-2:] == ["first_action", "resolved"]


async def test_an_administrator_who_guides_back_is_no_first_action_of_the_claimer(people: People, http: Http) -> None:
    crew = await people()
    handoff = await escalated(http(crew.technician))
    await claimed(http(crew.engineer), handoff["id"])
    ended = await act(http(crew.admin), handoff["id"], "resolve", outcome="guided_back", note="Ask the vendor.")
    assert ended.status_code == 200, ended.text
    assert ended.json()["first_action_at"] is None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"outcome": "gave_up"}, "outcome"),
        ({"had_what_i_needed": True, "missing": "Access"}, "missing"),
        ({"missing": "x" * 201}, "missing"),
        ({"note": "x" * 2_001}, "note"),
    ],
)
async def test_what_contradicts_itself_or_is_too_long_changes_nothing(
    people: People, http: Http, database_url: str, wrong: dict[str, Any], field: str
) -> None:
    crew = await people()
    senior = http(crew.engineer)
    handoff = await escalated(http(crew.technician))
    await claimed(senior, handoff["id"])
    before = await Owner(database_url).checksum()
    assert field in refused(await act(senior, handoff["id"], "resolve", **wrong), 422, "invalid_body")["detail"]
    assert await Owner(database_url).checksum() == before
