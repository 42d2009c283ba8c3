"""Sessions: what is written is kept, in order, by whom, and nothing after the end."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.conftest import Http
from tests.support.flow import API, act, claimed, escalate, open_session, refused
from tests.support.people import Crew

People = Callable[..., Awaitable[Crew]]


async def test_everything_written_at_once_is_kept_once_and_in_one_order(people: People, http: Http) -> None:
    crew = await people()
    hands = [http(crew.technician), http(crew.engineer)]
    session_id = await open_session(hands[0])
    path = f"{API}/ai-sessions/{session_id}"
    answers = await asyncio.gather(
        *(hands[n % 2].post(f"{path}/messages", json={"content": f"m{n}"}) for n in range(20)),
        *(hands[n % 2].post(f"{path}/facts", json={"label": f"f{n}", "value": "v"}) for n in range(5)),
    )
    assert {answer.status_code for answer in answers} == {201}
    session = (await hands[0].get(path)).json()
    assert sorted(m["content"] for m in session["messages"]) == sorted(f"m{n}" for n in range(20))
    assert session["version"] == 25
    again = (await hands[1].get(path)).json()
    assert again["messages"] == session["messages"]
    assert {m["id"] for m in session["messages"]} == {a.json()["id"] for a in answers[:20]}


async def test_a_resolved_session_takes_nothing_more(people: People, http: Http) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    session_id = await open_session(junior)
    path = f"{API}/ai-sessions/{session_id}"
    handoff = (await escalate(junior, session_id)).json()
    blocked = refused(await junior.post(f"{path}/resolve", json={}), 409, "already_escalated")
    assert blocked["handoff_id"] == handoff["id"]
    await claimed(senior, handoff["id"])
    assert (await act(senior, handoff["id"], "resolve")).status_code == 200
    for part, body in (
        ("messages", {"content": "x"}),
        ("steps", {"action": "a", "outcome": "worked"}),
        ("facts", {"label": "l", "value": "v"}),
        ("resolve", {}),
    ):
        refused(await junior.post(f"{path}/{part}", json=body), 409, "session_resolved")
    session = (await junior.get(path)).json()
    assert (session["status"], session["messages"], session["steps"], session["facts"]) == ("resolved", [], [], [])


async def test_a_viewer_reads_and_writes_nothing(people: People, http: Http) -> None:
    crew = await people()
    viewer = http(crew.viewer)
    refused(await viewer.post(f"{API}/ai-sessions", json={"title": "t", "problem": "p"}), 403, "role_required")
    session_id = await open_session(http(crew.technician))
    path = f"{API}/ai-sessions/{session_id}"
    assert (await viewer.get(path)).status_code == 200
    refused(await viewer.post(f"{path}/messages", json={"content": "x"}), 403, "role_required")
    refused(await viewer.post(f"{path}/resolve", json={}), 403, "role_required")


async def test_links_that_run_something_are_refused(people: People, http: Http) -> None:
    crew = await people()
    for extra in (
        {"external_url": "javascript:alert(1)"},
        {"ticket": {"system": "cw", "id": "1", "url": "file:///etc/passwd"}},
    ):
        answer = await http(crew.technician).post(f"{API}/ai-sessions", json={"title": "t", "problem": "p", **extra})
        refused(answer, 422, "invalid_body")
