"""Random commands, two readers: what a client folds from the events is at every moment what a fresh read shows."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.conftest import Http
from tests.support.flow import API, Owner, act, escalate, open_session
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.stream import listening

STEPS = 60
ENDED = {"withdrawn", "resolved", "claimed"}


def fold(rows: dict[str, dict[str, Any]], event: dict[str, Any]) -> None:
    """The queue as a client keeps it: pending rows only."""
    data = event["data"]
    if event["kind"] in {"handoff.created", "handoff.released"}:
        rows[data["id"]] = {}
    if event["kind"] == "handoff.delivery":
        return
    if data["status"] in ENDED:
        rows.pop(data["id"], None)
    elif data["id"] in rows:
        rows[data["id"]] = {name: data[name] for name in ROW}


ROW = (
    *("id", "session_id", "title", "customer", "ticket", "priority", "status", "reason", "need", "created_at"),
    *("handed_off_by", "session_owner", "target_user_id", "claimed_by", "claimed_at", "assessment_status"),
    *("rung", "to", "breaks_dnd", "waiting_since"),
)

WITHOUT_NEXT_STEP = """
    select h.id, h.status from handoff h where h.status in ('pending', 'claimed') and not exists (
        select from job j where j.account_id = h.account_id and j.handoff_id = h.id
        and j.kind = case h.status when 'pending' then 'step' else 'idle' end)
"""


@pytest.mark.parametrize("seed", [1, 2])
async def test_what_the_events_add_up_to_is_what_a_fresh_read_shows(
    people: Callable[..., Awaitable[Crew]], http: Http, server: Server, database_url: str, seed: int
) -> None:
    owner = Owner(database_url)
    chance = random.Random(seed)  # noqa: S311 - the same story in each run
    crew = await people()
    hands = [http(who) for who in (crew.technician, crew.engineer, crew.second_engineer, crew.admin)]
    sessions = [await open_session(hands[0], f"Session {n}") for n in range(4)]
    handoffs: list[str] = []
    held: list[int] = []
    async with listening(server, crew.viewer) as client:
        await client.resume(0)
        rows: dict[str, dict[str, Any]] = {}
        for _ in range(STEPS):
            at_once = [command(chance, hands, sessions, handoffs, crew) for _ in range(chance.choice((1, 1, 2)))]
            for answer in await asyncio.gather(*at_once):
                held.append(answer.status_code)
                assert answer.status_code < 500, answer.text
                if answer.status_code == 201 and "escalation_package" in answer.text:
                    handoffs.append(answer.json()["id"])
            fresh = (await hands[0].get(f"{API}/handoffs", params={"limit": 200})).json()
            told = len(client.events)
            for event in (await client.until(fresh["seq"]))[told:]:
                fold(rows, event)
            assert {row["id"]: row for row in fresh["items"]} == rows, f"after {client.cursor} events"
            assert await owner.fetch(WITHOUT_NEXT_STEP) == [], "somebody waits and nothing will ever happen"
    assert sum(status < 300 for status in held) > STEPS / 3, "the story must do something"


def command(
    chance: random.Random, hands: list[httpx.AsyncClient], sessions: list[str], handoffs: list[str], crew: Crew
) -> Awaitable[httpx.Response]:
    hand = chance.choice(hands)
    verb = chance.choice(
        ("escalate", "claim", "claim", "release", "withdraw", "resolve", "patch", "message", "reassign")
    )
    if verb == "escalate" or not handoffs:
        priority = chance.choice(("low", "normal", "high", "urgent"))
        return escalate(hand, chance.choice(sessions), priority=priority)
    if verb == "message":
        return hand.post(f"{API}/ai-sessions/{chance.choice(sessions)}/messages", json={"content": "Hello"})
    wanted = chance.choice(handoffs[-4:])
    if verb == "patch":
        return hand.patch(f"{API}/handoffs/{wanted}", json={"priority": chance.choice(("low", "urgent"))})
    if verb == "resolve" and chance.random() < 0.7:
        verb = "claim"  # sessions end for good: keep some to play with
    body = {"user_id": crew.owner.id} if verb == "reassign" else {}
    return act(hand, wanted, verb, **body)
