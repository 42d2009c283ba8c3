"""Eight seniors press Claim on the same toast, through two server processes: one wins, everyone reads the same name."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx

from backend.db.engine import Database
from tests.conftest import Http, StartServer
from tests.support.flow import Owner, act, escalated, log_of
from tests.support.people import Crew, add_member
from tests.support.stream import listening

ROUNDS = 15


async def test_of_eight_simultaneous_claims_over_two_processes_exactly_one_wins(
    database: Database,
    database_url: str,
    people: Callable[..., Awaitable[Crew]],
    start_server: StartServer,
    http: Http,
) -> None:
    first, second = [await start_server() for _ in "12"]
    crew = await people()
    seniors = [crew.owner, crew.admin, crew.engineer, crew.second_engineer]
    seniors += [await add_member(database, crew, name=f"Senior {n}", role="engineer") for n in range(4)]
    hands = [http(who, at=(first, second)[n % 2]) for n, who in enumerate(seniors)]
    junior = http(crew.technician, at=first)
    owner = Owner(database_url)
    winners: set[str] = set()
    async with listening(first, crew.viewer) as here, listening(second, crew.viewer) as there:
        await here.resume(0)
        await there.resume(0)
        for turn in range(ROUNDS):
            handoff = await escalated(junior, f"Race {turn}")
            at_once = asyncio.Barrier(len(hands))

            async def press(
                hand: httpx.AsyncClient, wanted: str = handoff["id"], at_once: asyncio.Barrier = at_once
            ) -> httpx.Response:
                await at_once.wait()
                return await act(hand, wanted, "claim")

            answers = await asyncio.gather(*(press(hand) for hand in hands))
            won = [n for n, answer in enumerate(answers) if answer.status_code == 200]
            assert len(won) == 1, [answer.text for answer in answers]
            winner = seniors[won[0]]
            winners.add(winner.id)
            result = answers[won[0]].json()
            assert result["outcome"] == "claimed"
            assert result["claim_epoch"] == 1
            for n, answer in enumerate(answers):
                if n != won[0]:
                    problem = answer.json()
                    assert (answer.status_code, problem["code"]) == (409, "already_claimed")
                    assert problem["claimed_by"] == {"id": winner.id, "name": winner.name}
                    assert problem["detail"] == f"Already claimed by {winner.name}"
                    assert problem["claimed_at"] == result["handoff"]["claimed_at"]
            for client in (here, there):
                event = await client.event("handoff.claimed")
                assert event["data"]["handoff_id"] == handoff["id"]
                assert event["data"]["claimed_by"] == {"id": winner.id, "name": winner.name}
                assert event["seq"] == result["seq"]
            rows = await owner.fetch("SELECT claim_epoch, claimed_by, status FROM handoff WHERE id = $1", handoff["id"])
            assert [(r["claim_epoch"], str(r["claimed_by"]), r["status"]) for r in rows] == [(1, winner.id, "claimed")]
    log = await log_of(junior)
    claims = [e for e in log if e["kind"] == "handoff.claimed"]
    assert len(claims) == ROUNDS, "one claim event for each handoff, no second one for a loser"
    assert [e["seq"] for e in log] == list(range(1, len(log) + 1))


async def test_one_person_pressing_on_two_machines_holds_it_once(
    people: Callable[..., Awaitable[Crew]], start_server: StartServer, http: Http
) -> None:
    first, second = [await start_server() for _ in "12"]
    crew = await people()
    handoff = await escalated(http(crew.technician, at=first))
    hands = [http(crew.engineer, at=(first, second)[n % 2]) for n in range(6)]
    answers = [a.json() for a in await asyncio.gather(*(act(hand, handoff["id"], "claim") for hand in hands))]
    assert sorted(a["outcome"] for a in answers) == ["already_yours"] * 5 + ["claimed"]
    assert {a["claim_epoch"] for a in answers} == {1}
    assert len({a["seq"] for a in answers}) == 1, "every answer names the one claim event"
    assert len({a["open_url"] for a in answers}) == 6, "each click opens by a ticket of its own"
    kinds = [e["kind"] for e in await log_of(hands[0])]
    assert [kinds.count(kind) for kind in ("handoff.created", "handoff.claimed")] == [1, 1]
