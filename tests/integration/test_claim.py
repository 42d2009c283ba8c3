"""Claiming: each answer of the contract's table, and what a claim changes."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import uuid4

import pytest

from tests.conftest import Http
from tests.support.flow import API, Owner, act, claimed, escalated, log_of, refused
from tests.support.people import Crew
from tests.support.server import Server

People = Callable[..., Awaitable[Crew]]


async def test_each_answer_of_the_table(people: People, http: Http) -> None:
    crew = await people()
    junior, senior, other = http(crew.technician), http(crew.engineer), http(crew.second_engineer)
    handoff = await escalated(junior)
    wanted = handoff["id"]
    for low in (junior, http(crew.viewer)):
        assert refused(await act(low, wanted, "claim"), 403, "role_required")["required_role"] == "engineer"
    for nothing in (str(uuid4()), "x"):
        refused(await act(senior, nothing, "claim"), 404, "not_found")
    won = await claimed(senior, wanted)
    assert (won["outcome"], won["claim_epoch"], won["seq"]) == ("claimed", 1, 2)
    assert won["handoff"]["status"] == "claimed"
    assert won["handoff"]["claimed_by"] == {"id": crew.engineer.id, "name": crew.engineer.name}
    again = await claimed(senior, wanted)
    assert (again["outcome"], again["claim_epoch"], again["seq"]) == ("already_yours", 1, 2)
    lost = refused(await act(other, wanted, "claim"), 409, "already_claimed")
    assert lost["detail"] == f"Already claimed by {crew.engineer.name}"
    assert lost["claimed_by"] == {"id": crew.engineer.id, "name": crew.engineer.name}
    assert lost["claimed_at"] == won["handoff"]["claimed_at"]
    assert (await act(senior, wanted, "resolve")).status_code == 200
    for late in (senior, other):
        refused(await act(late, wanted, "claim"), 409, "not_pending")
    own = await escalated(senior)
    refused(await act(senior, own["id"], "claim"), 409, "own_handoff")
    await act(senior, own["id"], "withdraw")
    refused(await act(other, own["id"], "claim"), 409, "not_pending")
    assert [e["kind"] for e in await log_of(junior) if e["data"]["handoff_id"] == wanted] == [
        "handoff.created",
        "handoff.claimed",
        "handoff.resolved",
    ]


async def test_for_the_first_minutes_only_the_person_asked_for_may_claim_where_the_policy_says_so(
    people: People, http: Http, database_url: str
) -> None:
    crew = await people()
    junior, target, other = http(crew.technician), http(crew.engineer), http(crew.second_engineer)
    policy = {"escalation_policy": {"target_exclusive_minutes": 3}}
    assert (await http(crew.admin).patch(f"{API}/account/settings", json=policy)).status_code == 200
    asked = {"target_user_id": crew.engineer.id}
    wanted = [(await escalated(junior, **asked))["id"] for _ in range(4)]
    rows = {row["id"]: row for row in (await other.get(f"{API}/handoffs?status=pending")).json()["items"]}
    no = refused(await act(other, wanted[0], "claim"), 409, "reserved")
    assert {key: rows[wanted[0]][key] for key in ("reserved_for", "reserved_until")} == {
        key: no[key] for key in ("reserved_for", "reserved_until")
    }, "read beforehand what pressing would be told"
    whole = (await other.get(f"{API}/handoffs/{wanted[0]}")).json()
    assert whole["reserved_until"] == no["reserved_until"]
    assert no["reserved_for"] == {"id": crew.engineer.id, "name": crew.engineer.name}
    made = (await junior.get(f"{API}/handoffs/{wanted[0]}")).json()["created_at"]
    left = datetime.fromisoformat(no["reserved_until"]) - datetime.fromisoformat(made)
    assert left.total_seconds() == pytest.approx(180, abs=1)
    assert no["detail"] == f"Only {crew.engineer.name} can claim this for another 3 min."
    assert (await claimed(target, wanted[0]))["outcome"] == "claimed"
    refused(await act(other, wanted[0], "claim"), 409, "already_claimed")
    await act(target, wanted[0], "release")  # the person asked for has had the time
    rows = {row["id"]: row for row in (await other.get(f"{API}/handoffs?status=pending")).json()["items"]}
    assert "reserved_for" not in rows[wanted[0]]
    assert rows[wanted[1]]["reserved_for"]["id"] == crew.engineer.id
    assert (await claimed(other, wanted[0]))["outcome"] == "claimed"
    await Owner(database_url).fetch(
        "UPDATE handoff SET waiting_since = waiting_since - interval '3 min' WHERE id = $1", wanted[1]
    )
    assert (await claimed(other, wanted[1]))["outcome"] == "claimed"
    await junior.patch(f"{API}/handoffs/{wanted[2]}", json={"target_user_id": None})  # the way out of a wrong choice
    assert (await claimed(other, wanted[2]))["outcome"] == "claimed"
    await Owner(database_url).fetch("UPDATE app_user SET active = false WHERE id = $1", crew.engineer.id)
    assert (await claimed(other, wanted[3]))["outcome"] == "claimed", "nobody waits for somebody who has left"


async def test_a_claim_moves_the_session_and_cancels_what_is_still_to_go(people: People, http: Http) -> None:
    crew = await people()
    handoff = await escalated(http(crew.technician))
    result = await claimed(http(crew.engineer), handoff["id"])
    assert {d["state"] for d in result["handoff"]["deliveries"]} == {"cancelled"}
    assert [(e["kind"], (e["actor"] or {}).get("id")) for e in result["handoff"]["timeline"]] == [
        ("created", crew.technician.id),
        ("claimed", crew.engineer.id),
    ]
    session = (await http(crew.viewer).get(f"{API}/ai-sessions/{handoff['session_id']}")).json()
    assert session["status"] == "claimed"
    queue = (await http(crew.viewer).get(f"{API}/handoffs")).json()
    assert (queue["items"], queue["seq"]) == ([], result["seq"])


async def test_where_a_claim_leads(people: People, http: Http, server: Server) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    handoff = await escalated(junior)
    result = await claimed(senior, handoff["id"])
    assert result["session_url"] == f"{server.url}/pilot/{handoff['session_id']}"
    address, _, ticket = result["open_url"].partition("#t=")
    assert address == f"{server.url}/go"
    assert len(ticket) >= 43
    session = await junior.post(
        f"{API}/ai-sessions", json={"title": "t", "problem": "p", "external_url": "https://psa.example/42"}
    )
    elsewhere = await junior.post(
        f"{API}/ai-sessions/{session.json()['id']}/handoff", json={"reason": "Look at it over there"}
    )
    outside = await claimed(senior, elsewhere.json()["id"])
    assert outside["session_url"] == outside["open_url"] == "https://psa.example/42", "no ticket of ours goes elsewhere"


async def test_a_senior_who_left_or_was_demoted_cannot_win(people: People, http: Http, database_url: str) -> None:
    crew = await people()
    senior = http(crew.engineer)
    first, second = await escalated(http(crew.technician)), await escalated(http(crew.technician))
    owner = Owner(database_url)
    await owner.fetch("UPDATE app_user SET role = 'technician' WHERE id = $1", crew.engineer.id)
    refused(await act(senior, first["id"], "claim"), 403, "role_required")
    await owner.fetch("UPDATE app_user SET active = false WHERE id = $1", crew.engineer.id)
    refused(await act(senior, second["id"], "claim"), 401, "unauthenticated")


async def test_claim_and_withdraw_at_once_have_one_outcome(people: People, http: Http) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    for _ in range(10):
        handoff = await escalated(junior)
        took, drew = await asyncio.gather(act(senior, handoff["id"], "claim"), act(junior, handoff["id"], "withdraw"))
        now = (await junior.get(f"{API}/handoffs/{handoff['id']}")).json()
        session = (await junior.get(f"{API}/ai-sessions/{handoff['session_id']}")).json()
        if took.status_code == 200:
            assert refused(drew, 409, "already_claimed")["claimed_by"]["id"] == crew.engineer.id
            assert (now["status"], session["status"]) == ("claimed", "claimed")
        else:
            refused(took, 409, "not_pending")
            assert drew.status_code == 200
            assert (now["status"], session["status"]) == ("withdrawn", "active")
