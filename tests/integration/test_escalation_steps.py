"""The escalation policy at work: nobody claims and time goes by (rows are moved back, the clock is the real one)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.conftest import Http
from tests.support.flow import API, Owner, act, claimed, escalated
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.stream import listening

People = Callable[..., Awaitable[Crew]]
WITHIN_S = 30.0


@pytest.fixture(scope="module")
def working(serve_module: Callable[..., Server]) -> Server:
    """A server that does the due work."""
    return serve_module(FLOWPILOT_WORKER="on")


@pytest.fixture
def owner(database_url: str) -> Owner:
    return Owner(database_url)


async def later(owner: Owner, handoff_id: str, minutes: float) -> None:
    """As if so many minutes had gone by for this handoff; whatever watches it looks again."""
    span = f"interval '{minutes} minutes'"
    await owner.fetch(
        f"update handoff set waiting_since = waiting_since - {span}, claimed_at = claimed_at - {span},"
        f" nudged_at = nudged_at - {span} where id = $1",
        handoff_id,
    )
    await owner.fetch("update job set due_at = now() where handoff_id = $1 and kind in ('step', 'idle')", handoff_id)


async def read(client: httpx.AsyncClient, handoff_id: str) -> dict[str, Any]:
    handoff: dict[str, Any] = (await client.get(f"{API}/handoffs/{handoff_id}")).json()
    return handoff


async def planned(client: httpx.AsyncClient, handoff_id: str, kind: str) -> dict[str, Any]:
    """Wait until the next step of the handoff is of this kind."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            handoff = await read(client, handoff_id)
            if handoff["next_step"] and handoff["next_step"]["kind"] == kind:
                return handoff
            await asyncio.sleep(0.05)


def minutes_after(handoff: dict[str, Any], moment: str) -> float:
    return (datetime.fromisoformat(moment) - datetime.fromisoformat(handoff["waiting_since"])).total_seconds() / 60


async def test_everyone_is_told_again_then_the_owner_then_it_goes_on(
    people: People, http: Http, working: Server, owner: Owner
) -> None:
    crew = await people()
    junior = http(crew.technician, at=working)
    async with listening(working, crew.engineer) as hers:
        await hers.resume()
        made = (await escalated(junior, priority="high"))["id"]
        await hers.event("handoff.created")
        await hers.send(type="receipt", handoff_id=made, state="shown", rung=0)
        first = await planned(junior, made, "step")
        assert first["next_step"]["who"] == ["everyone"]
        assert round(minutes_after(first, first["next_step"]["at"]), 3) == 5

        await later(owner, made, 5)
        again = (await hers.event("handoff.realerted"))["data"]
        assert (again["cause"], again["to"], again["rung"], again["note"]) == ("step", None, 1, "Everyone again")
        told = (await read(junior, made))["deliveries"]
        assert {d["state"] for d in told if d["channel"] == "desktop"} == {"pending"}, "a new round, nobody shown yet"

        await later(owner, made, 10)
        last = (await hers.event("handoff.realerted"))["data"]
        assert (last["cause"], last["note"], last["rung"]) == ("exhausted", "Olga Owner", 2)
        assert (again["step"], last["step"]) == (2, 3), "the first alert is step 1"
        ended = await planned(junior, made, "repeat")
        assert ended["exhausted_at"]
        assert "exhausted" in [entry["kind"] for entry in ended["timeline"]]
        nobody = await owner.fetch(
            "select u.name from delivery d join app_user u on u.id = d.user_id where purpose = 'nobody'"
        )
        assert [row["name"] for row in nobody] == ["Tess Technician"], "the junior is told that nobody has come"

        await later(owner, made, 15)
        assert (await hers.event("handoff.realerted"))["data"]["cause"] == "repeat"
        assert (await planned(junior, made, "repeat"))["status"] == "pending"


async def test_hours_that_nobody_worked_through_are_one_alert_not_many(
    people: People, http: Http, working: Server, owner: Owner
) -> None:
    crew = await people()
    junior = http(crew.technician, at=working)
    async with listening(working, crew.engineer) as hers:
        await hers.resume()
        made = (await escalated(junior, priority="high"))["id"]
        await planned(junior, made, "step")
        await later(owner, made, 200)
        assert (await hers.event("handoff.realerted"))["data"]["cause"] == "exhausted"
        await planned(junior, made, "repeat")
        await act(junior, made, "withdraw")
        assert (await hers.event("handoff.withdrawn"))["data"]["rung"] == 1


async def test_raising_the_priority_brings_the_next_step_forward(
    people: People, http: Http, working: Server, owner: Owner
) -> None:
    crew = await people()
    junior = http(crew.technician, at=working)
    made = (await escalated(junior, priority="low"))["id"]
    await planned(junior, made, "step")
    await later(owner, made, 4)
    async with listening(working, crew.engineer) as hers:
        await hers.resume()
        assert (await junior.patch(f"{API}/handoffs/{made}", json={"priority": "urgent"})).status_code == 200
        data = (await hers.event("handoff.realerted"))["data"]
        assert (data["cause"], data["breaks_dnd"]) == ("step", True)


async def test_the_one_asked_for_is_told_first_and_everyone_later(
    people: People, http: Http, working: Server, owner: Owner
) -> None:
    crew = await people()
    junior = http(crew.technician, at=working)
    policy = {"escalation_policy": {"target_first_minutes": 2}}
    assert (await http(crew.admin, at=working).patch(f"{API}/account/settings", json=policy)).status_code == 200
    made = (await escalated(junior, target_user_id=crew.engineer.id))["id"]
    handoff = await planned(junior, made, "widen")
    assert handoff["to"] == [crew.engineer.id]
    assert {d["user"]["id"] for d in handoff["deliveries"]} == {crew.engineer.id}
    async with listening(working, crew.second_engineer) as his:
        await his.resume()
        patched = await junior.patch(f"{API}/handoffs/{made}", json={"target_user_id": crew.second_engineer.id})
        assert patched.status_code == 200
        assert (await his.event("handoff.realerted"))["data"]["to"] == [crew.second_engineer.id]
        await later(owner, made, 2)
        data = (await his.event("handoff.realerted"))["data"]
        assert (data["cause"], data["to"]) == ("widened", None)
    assert len({d["user"]["id"] for d in (await read(junior, made))["deliveries"]}) == 4


async def test_an_idle_claim_is_nudged_then_goes_back_to_the_queue(
    people: People, http: Http, working: Server, owner: Owner
) -> None:
    crew = await people()
    junior, senior = http(crew.technician, at=working), http(crew.engineer, at=working)
    made = (await escalated(junior))["id"]
    epoch = (await claimed(senior, made))["claim_epoch"]
    await planned(junior, made, "nudge")
    async with listening(working, crew.engineer) as hers:
        await hers.resume()
        await later(owner, made, 15)
        nudge = (await hers.event("handoff.realerted"))["data"]
        assert (nudge["cause"], nudge["to"], nudge["status"]) == ("nudge", [crew.engineer.id], "claimed")
        assert nudge["returns_at"]
        await planned(junior, made, "return")
        await later(owner, made, 15)
        back = (await hers.event("handoff.released"))["data"]
        assert (back["actor"], back["note"], back["status"]) == (None, "No first action in 30 min", "pending")
    handoff = await planned(junior, made, "step")
    assert handoff["claim_epoch"] == epoch + 1, "what the former holder writes is fenced"
    assert [e["kind"] for e in handoff["timeline"]][-1] == "released"
    assert (await act(senior, made, "claim")).status_code == 200, "whoever was idle may claim again"


async def test_who_has_begun_is_left_alone(people: People, http: Http, working: Server, owner: Owner) -> None:
    crew = await people()
    junior, senior = http(crew.technician, at=working), http(crew.engineer, at=working)
    made = await escalated(junior)
    await claimed(senior, made["id"])
    await planned(junior, made["id"], "nudge")
    said = await senior.post(f"{API}/ai-sessions/{made['session_id']}/messages", json={"content": "I am looking"})
    assert said.status_code == 201
    await later(owner, made["id"], 40)
    async with asyncio.timeout(WITHIN_S):
        while await owner.value("select count(*) from job where handoff_id is not null"):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    handoff = await read(junior, made["id"])
    assert handoff["status"] == "claimed"
    assert handoff["next_step"] is None
    assert "nudged" not in [entry["kind"] for entry in handoff["timeline"]]


async def test_a_claim_ends_the_policy_and_a_hand_back_starts_it_anew(
    people: People, http: Http, working: Server, owner: Owner
) -> None:
    crew = await people()
    junior, senior = http(crew.technician, at=working), http(crew.engineer, at=working)
    made = (await escalated(junior, priority="high"))["id"]
    await planned(junior, made, "step")
    await later(owner, made, 6)
    await planned(junior, made, "step")
    await claimed(senior, made)
    kinds = await owner.fetch("select kind from job where handoff_id = $1 and kind in ('step', 'idle')", made)
    assert [row["kind"] for row in kinds] == ["idle"]
    await act(senior, made, "release", note="On a call")
    handoff = await planned(junior, made, "step")
    assert round(minutes_after(handoff, handoff["next_step"]["at"]), 3) == 5, "the waiting begins again"
    assert handoff["exhausted_at"] is None
