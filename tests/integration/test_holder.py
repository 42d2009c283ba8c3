"""After the claim: hand back, hand on, end, take back, change; and a former holder who writes too late."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx

from tests.conftest import Http
from tests.support.flow import API, act, claimed, escalate, escalated, log_of, open_session, refused
from tests.support.people import Crew
from tests.support.server import Server

People = Callable[..., Awaitable[Crew]]


async def status_of(client: httpx.AsyncClient, session_id: str) -> str:
    status: str = (await client.get(f"{API}/ai-sessions/{session_id}")).json()["status"]
    return status


async def test_handing_back_puts_it_where_it_was_in_the_queue(people: People, http: Http) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    first, second = await escalated(junior, "First"), await escalated(junior, "Second")
    await claimed(senior, first["id"])
    back = (await act(senior, first["id"], "release", note="Not my field")).json()
    assert (back["status"], back["claimed_by"], back["claimed_at"], back["claim_epoch"]) == ("pending", None, None, 2)
    assert back["timeline"][-1]["kind"] == "released"
    assert back["timeline"][-1]["detail"] == "Not my field"
    assert {d["state"] for d in back["deliveries"]} == {"pending"}, "everyone is to be told again"
    queue = (await junior.get(f"{API}/handoffs")).json()
    assert [row["id"] for row in queue["items"]] == [first["id"], second["id"]]
    assert await status_of(junior, first["session_id"]) == "escalated"
    assert (await claimed(http(crew.second_engineer), first["id"]))["claim_epoch"] == 3


async def test_a_former_holder_is_fenced_and_told_who_holds_it(people: People, http: Http) -> None:
    crew = await people()
    first, second, boss = http(crew.engineer), http(crew.second_engineer), http(crew.admin)
    handoff = await escalated(http(crew.technician))
    wanted = handoff["id"]
    await claimed(first, wanted)
    moved = await act(boss, wanted, "reassign", user_id=crew.second_engineer.id, note="Dana is out")
    assert moved.json()["claimed_by"] == {"id": crew.second_engineer.id, "name": crew.second_engineer.name}
    assert moved.json()["claim_epoch"] == 2
    for verb, body in (("resolve", {}), ("release", {}), ("reassign", {"user_id": crew.owner.id})):
        lost = refused(await act(first, wanted, verb, **body), 409, "claim_lost")
        assert lost["claimed_by"] == {"id": crew.second_engineer.id, "name": crew.second_engineer.name}
        assert lost["claim_epoch"] == 2
    # The new holder's own stale window, and an administrator's, are fenced by the epoch that they send along.
    for who, said in ((second, "The claim has changed since."), (boss, f"Now held by {crew.second_engineer.name}.")):
        assert refused(await act(who, wanted, "resolve", claim_epoch=1), 409, "claim_lost")["detail"].startswith(said)
    assert (await act(second, wanted, "release", claim_epoch=2)).json()["claim_epoch"] == 3
    assert refused(await act(second, wanted, "resolve"), 409, "claim_lost")["claimed_by"] is None
    assert refused(await act(first, wanted, "resolve"), 409, "claim_lost")["claimed_by"] is None
    await claimed(second, wanted)
    done = await act(second, wanted, "resolve", note="Replaced the SFP", claim_epoch=4)
    assert (done.json()["status"], done.json()["timeline"][-1]["detail"]) == ("resolved", "Replaced the SFP")
    assert done.json()["resolved_at"]
    assert await status_of(first, handoff["session_id"]) == "resolved"
    for verb in ("resolve", "release", "withdraw"):
        refused(await act(second, wanted, verb), 409, "not_pending")


async def test_who_never_held_it_needs_the_role(people: People, http: Http) -> None:
    crew = await people()
    handoff = await escalated(http(crew.technician))
    await claimed(http(crew.engineer), handoff["id"])
    for who in (crew.viewer, crew.technician, crew.second_engineer):
        for verb, body in (("release", {}), ("resolve", {}), ("reassign", {"user_id": crew.owner.id})):
            refused(await act(http(who), handoff["id"], verb, **body), 403, "role_required")
    assert (await act(http(crew.owner), handoff["id"], "release")).status_code == 200


async def test_reassigning_goes_to_seniors_only(people: People, http: Http) -> None:
    crew = await people()
    senior = http(crew.engineer)
    handoff = await escalated(http(crew.admin))
    await claimed(senior, handoff["id"])
    wanted = handoff["id"]
    for who, status, code in (
        (crew.technician.id, 422, "user_not_eligible"),
        (crew.admin.id, 422, "user_not_eligible"),
        (str(uuid4()), 404, "not_found"),
    ):
        no = refused(await act(senior, wanted, "reassign", user_id=who), status, code)
        assert no["field"] == "user_id", "the field that the client sent"
    refused(await act(senior, wanted, "reassign"), 422, "invalid_body")
    same = await act(senior, wanted, "reassign", user_id=crew.engineer.id)
    assert (same.status_code, same.json()["claim_epoch"]) == (200, 1), "to oneself changes nothing"
    assert [e["kind"] for e in await log_of(senior)] == ["handoff.created", "handoff.claimed"]
    await act(senior, wanted, "reassign", user_id=crew.owner.id)
    assert (await log_of(senior))[-1]["data"]["claimed_by"]["id"] == crew.owner.id


async def test_withdrawing_is_for_the_escalating_side_and_seniors(people: People, http: Http) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    refused(await act(http(crew.viewer), (await escalated(junior))["id"], "withdraw"), 403, "role_required")
    session_id = await open_session(junior)
    peers = (await escalate(http(crew.admin), session_id)).json()
    drawn = await act(junior, peers["id"], "withdraw", note="Found it")
    assert (drawn.json()["status"], await status_of(junior, session_id)) == ("withdrawn", "active")
    assert {d["state"] for d in drawn.json()["deliveries"]} == {"cancelled"}
    refused(await act(junior, peers["id"], "withdraw"), 409, "not_pending")
    again = await escalate(junior, session_id)
    assert again.status_code == 201, "a session that was taken back can be escalated again"
    await claimed(senior, again.json()["id"])
    assert refused(await act(junior, again.json()["id"], "withdraw"), 409, "already_claimed")["claimed_by"]["id"] == (
        crew.engineer.id
    )
    third = await escalated(junior)
    assert (await act(senior, third["id"], "withdraw")).status_code == 200


async def test_changing_what_waits(people: People, http: Http) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    handoff = await escalated(junior, need="Eyes", target_user_id=crew.engineer.id)
    path = f"{API}/handoffs/{handoff['id']}"
    changed = (await junior.patch(path, json={"priority": "urgent", "need": None, "impact": "All of them"})).json()
    assert (changed["priority"], changed["need"], changed["impact"]) == ("urgent", None, "All of them")
    assert changed["target_user_id"] == crew.engineer.id, "what is left out stays"
    assert (await senior.patch(path, json={"target_user_id": None})).json()["target_user_id"] is None
    event = (await log_of(junior))[-2]
    assert (event["kind"], event["data"]["priority"], event["data"]["need"]) == ("handoff.updated", "urgent", None)
    before = await log_of(junior)
    assert (await junior.patch(path, json={})).status_code == 200
    assert await log_of(junior) == before, "an empty change is no event"
    noted = (await junior.patch(path, json={"note": "The clinic calls every ten minutes."})).json()
    assert [(entry["kind"], entry["detail"]) for entry in noted["timeline"]][-1] == (
        "noted",
        "The clinic calls every ten minutes.",
    )
    assert [(event["kind"], event["data"]["note"]) for event in await log_of(senior)][-1] == (
        "handoff.updated",
        "The clinic calls every ten minutes.",
    )
    refused(await junior.patch(path, json={"note": "x" * 2_001}), 422, "invalid_body")
    refused(await junior.patch(path, json={"priority": "now"}), 422, "invalid_body")
    refused(await junior.patch(path, json={"target_user_id": crew.viewer.id}), 422, "user_not_eligible")
    refused(await junior.patch(path, json=[]), 422, "invalid_body")
    refused(await http(crew.viewer).patch(path, json={"priority": "low"}), 403, "role_required")
    await claimed(senior, handoff["id"])
    refused(await junior.patch(path, json={"priority": "low"}), 409, "not_pending")


VERBS = ("claim", "release", "reassign", "resolve", "withdraw", "patch", "escalate", "message", "receipt")


async def test_many_hands_on_few_sessions_neither_deadlock_nor_break(
    people: People, http: Http, server: Server
) -> None:
    """Every command takes its rows in one order; a deadlock would be a 5xx for somebody who only pressed a button."""
    crew = await people()
    before = len(server.logs)  # emptying the database after an earlier test may meet what that one left under way
    chance = random.Random(11)  # noqa: S311 - the same story in each run
    everyone = [crew.owner, crew.admin, crew.engineer, crew.second_engineer, crew.technician]
    hands = {who.id: http(who) for who in everyone}
    sessions = [await open_session(hands[crew.technician.id], f"Session {n}") for n in range(3)]
    latest = {s: (await escalate(hands[crew.technician.id], s)).json()["id"] for s in sessions}
    answers: list[httpx.Response] = []

    async def hand(plan: list[tuple[str, str, str, str]]) -> None:
        for who, verb, session_id, target in plan:
            answer = await one(hands[who], verb, session_id, latest, target)
            answers.append(answer)
            if verb == "escalate" and answer.status_code == 201:
                latest[session_id] = answer.json()["id"]

    weights = (4, 3, 2, 1, 1, 2, 5, 3, 0)
    plans = [
        [
            (chance.choice(everyone).id, verb, chance.choice(sessions), chance.choice(everyone).id)
            for verb in chance.choices(VERBS, weights, k=30)
        ]
        for _ in range(8)
    ]
    await asyncio.gather(*(hand(plan) for plan in plans))
    broken = [
        f"{a.request.method} {a.request.url.path} {a.status_code} {a.text}" for a in answers if a.status_code >= 500
    ]
    assert not broken, broken[0]
    assert "deadlock" not in server.logs[before:]
    assert sum(a.status_code < 300 for a in answers) > 30, "the story must do something"
    await consistent(hands[crew.owner.id], sessions)


async def one(
    client: httpx.AsyncClient, verb: str, session_id: str, latest: dict[str, str], target: str
) -> httpx.Response:
    if verb == "escalate":
        return await escalate(client, session_id)
    if verb == "message":
        return await client.post(f"{API}/ai-sessions/{session_id}/messages", json={"content": "Hello"})
    if verb == "patch":
        return await client.patch(f"{API}/handoffs/{latest[session_id]}", json={"priority": "high", "need": target})
    return await act(client, latest[session_id], verb, **({"user_id": target} if verb == "reassign" else {}))


async def consistent(client: httpx.AsyncClient, sessions: list[str]) -> None:
    """What the events add up to is what a fresh read shows."""
    log = await log_of(client)
    assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
    folded: dict[str, dict[str, Any]] = {}
    for event in log:
        folded.setdefault(event["data"]["handoff_id"], {}).update(event["data"])
    page = (await client.get(f"{API}/handoffs", params={"status": "all", "limit": 200})).json()
    rows = {row["id"]: row for row in page["items"]}
    assert set(rows) == set(folded)
    for handoff_id, row in rows.items():
        assert {k: folded[handoff_id][k] for k in row} == row
        whole = (await client.get(f"{API}/handoffs/{handoff_id}")).json()
        assert {k: whole[k] for k in row} == row, "the stored row and the rows it was made of agree"
    for session_id in sessions:
        session = (await client.get(f"{API}/ai-sessions/{session_id}")).json()
        is_open = [h["status"] for h in session["handoffs"] if h["status"] in {"pending", "claimed"}]
        assert len(is_open) <= 1
        expected = {"pending": {"escalated"}, "claimed": {"claimed"}}.get(
            is_open[0] if is_open else "", {"active", "resolved"}
        )
        assert session["status"] in expected


async def test_the_first_action_names_the_claim_that_led_to_it(people: People, http: Http) -> None:
    """After a hand-back the claim at hand is later than the first action; the time between them means nothing."""
    crew = await people()
    first, second = http(crew.engineer), http(crew.second_engineer)
    handoff = await escalated(http(crew.technician))
    claim = (await claimed(first, handoff["id"]))["handoff"]
    assert claim["first_action_claimed_at"] is None
    await first.post(f"{API}/ai-sessions/{handoff['session_id']}/messages", json={"content": "Looking"})
    await act(first, handoff["id"], "release")
    await claimed(second, handoff["id"])
    await second.post(f"{API}/ai-sessions/{handoff['session_id']}/messages", json={"content": "Me too"})
    now = (await first.get(f"{API}/handoffs/{handoff['id']}")).json()
    assert now["first_action_claimed_at"] == claim["claimed_at"]
    assert now["first_action_claimed_at"] < now["first_action_at"] < now["claimed_at"]
