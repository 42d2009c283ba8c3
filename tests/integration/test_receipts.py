"""Receipts and presence: who was really told, and who could be told now."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from backend.db.engine import Database
from backend.delivery import service
from backend.delivery.service import DeliveryService
from backend.feed.link import FRAMES_AT_ONCE
from backend.identity.service import IdentityService, create_token
from tests.conftest import Http, StartServer
from tests.support.flow import API, Owner, act, claimed, escalated
from tests.support.hook_desk import until
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.stream import listening

People = Callable[..., Awaitable[Crew]]


async def told(client: httpx.AsyncClient, handoff_id: str) -> dict[str, list[tuple[str, str, str | None]]]:
    rows: list[dict[str, Any]] = (await client.get(f"{API}/handoffs/{handoff_id}")).json()["deliveries"]
    found: dict[str, list[tuple[str, str, str | None]]] = {}
    for row in rows:
        found.setdefault(row["user"]["id"], []).append((row["channel"], row["state"], row.get("detail")))
    return found


async def test_a_receipt_stands_in_the_deliveries_and_is_told_to_everyone(
    people: People, http: Http, server: Server
) -> None:
    crew = await people()
    junior = http(crew.technician)
    handoff = (await escalated(junior))["id"]
    async with listening(server, crew.engineer) as hers, listening(server, crew.technician) as juniors:
        await juniors.resume(1)
        await hers.send(type="receipt", handoff_id=handoff, state="suppressed", reason="do not disturb")
        event = await juniors.event("handoff.delivery")
        assert event["data"]["user"] == {"id": crew.engineer.id, "name": crew.engineer.name}
        assert (event["data"]["channel"], event["data"]["state"]) == ("desktop", "suppressed")
        assert event["data"]["handoff_id"] == handoff
        await hers.send(type="receipt", handoff_id=handoff, state="shown")
        assert (await juniors.event("handoff.delivery"))["data"]["state"] == "shown"
        # Once shown stays shown; the same receipt again is no news.
        for state in ("failed", "shown", "suppressed"):
            await hers.send(type="receipt", handoff_id=handoff, state=state)
        await hers.send(type="receipt", handoff_id="01a20201-0632-7492-9065-20577af071aa", state="shown")
        await act(junior, handoff, "withdraw")
        assert (await juniors.event())["kind"] == "handoff.withdrawn", "no event between"
    found = await told(junior, handoff)
    assert found.pop(crew.engineer.id) == [("desktop", "shown", None), ("email", "cancelled", "shown on their desktop")]
    assert set(found) == {crew.owner.id, crew.admin.id, crew.second_engineer.id}
    assert {row for rows in found.values() for row in rows} == {
        ("desktop", "cancelled", None),
        ("email", "cancelled", None),
    }


async def test_what_was_shown_before_a_hand_back_does_not_stand_for_the_new_round(
    people: People, http: Http, server: Server
) -> None:
    """A junior who reads `shown` from the first round waits for people whom nobody has told a second time."""
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    handoff = (await escalated(junior))["id"]
    seniors = {crew.owner.id, crew.admin.id, crew.engineer.id, crew.second_engineer.id}
    async with listening(server, crew.engineer) as hers, listening(server, crew.second_engineer) as his:
        await hers.resume(1)
        for desktop in (hers, his):
            await desktop.send(type="receipt", handoff_id=handoff, state="shown")
            await hers.event("handoff.delivery")
        await claimed(senior, handoff)
        await act(senior, handoff, "release", note="Not my field")
        again = await told(junior, handoff)
        assert set(again) == seniors
        assert {row for rows in again.values() for row in rows} == {
            ("desktop", "pending", None),
            ("email", "pending", None),
        }
        await hers.event("handoff.released")
        await his.send(type="receipt", handoff_id=handoff, state="shown")
        event = (await hers.event("handoff.delivery"))["data"]
        assert (event["user"]["id"], event["state"]) == (crew.second_engineer.id, "shown"), "the new round is told too"
        assert (await told(junior, handoff))[crew.second_engineer.id] == [
            ("desktop", "shown", None),
            ("email", "cancelled", "shown on their desktop"),
        ]
        await claimed(senior, handoff)
    last = await told(junior, handoff)
    assert last.pop(crew.second_engineer.id) == [
        ("desktop", "shown", None),
        ("email", "cancelled", "shown on their desktop"),
    ]
    assert {row for rows in last.values() for row in rows} == {
        ("desktop", "cancelled", None),
        ("email", "cancelled", None),
    }


async def test_a_runaway_client_cannot_fill_its_accounts_log(people: People, http: Http, server: Server) -> None:
    crew = await people()
    junior = http(crew.technician)
    handoff = (await escalated(junior))["id"]
    async with listening(server, crew.engineer) as hers:
        for n in range(40):
            state = ("failed", "suppressed")[n % 2]
            await hers.send(type="receipt", handoff_id=handoff, state=state)
        await hers.send(type="receipt", handoff_id=handoff, state="shown")
        await hers.resume(1)
        while (await hers.event("handoff.delivery"))["data"]["state"] != "shown":
            pass
        assert len(hers.events) == 2, "what it said first, and that it was shown in the end"


async def test_a_client_that_floods_its_socket_is_closed_and_others_are_not(
    people: People, http: Http, server: Server
) -> None:
    crew = await people()
    async with listening(server, crew.engineer) as runaway, listening(server, crew.admin) as other:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(3 * FRAMES_AT_ONCE):
                await runaway.send(type="ack", seq=0)
        code, _ = await runaway.closed()
        assert code == 4429
        for _ in range(FRAMES_AT_ONCE // 2):
            await other.send(type="ack", seq=0)
        await other.resume()
        await escalated(http(crew.technician))
        await other.event("handoff.created")
    async with listening(server, crew.engineer):
        pass  # it may come back, with a full allowance


async def test_who_is_not_meant_to_be_reached_leaves_no_receipt(people: People, http: Http, server: Server) -> None:
    crew = await people()
    junior = http(crew.technician)
    handoff = (await escalated(junior))["id"]
    async with listening(server, crew.viewer) as viewer, listening(server, crew.technician) as own:
        for client in (viewer, own):
            await client.send(type="receipt", handoff_id=handoff, state="shown")
        await own.resume(1)
        await claimed(http(crew.engineer), handoff)
        assert (await own.event())["kind"] == "handoff.claimed"
    assert not {crew.viewer.id, crew.technician.id} & set(await told(junior, handoff))


async def present(owner: Owner) -> list[tuple[str, str]]:
    rows = await owner.fetch("SELECT user_id, channel FROM client_presence ORDER BY 1")
    return [(str(row["user_id"]), row["channel"]) for row in rows]


async def test_a_token_that_may_only_read_cannot_say_that_its_senior_was_told(
    people: People, http: Http, server: Server, database: Database, database_url: str
) -> None:
    """Else whoever has a dashboard's token calls off the e-mail that its senior waits for."""
    crew = await people()
    reading = await create_token(database, email=crew.engineer.email, scope="read")
    junior = http(crew.technician)
    handoff = (await escalated(junior))["id"]
    async with listening(server, reading) as board:
        await http(reading).get(f"{API}/events", params={"after": 0, "present": True})
        assert await present(Owner(database_url)) == []
        await board.send(type="receipt", handoff_id=handoff, state="shown")
        await board.resume(1)
        await claimed(http(crew.engineer), handoff)
        assert (await board.event())["kind"] == "handoff.claimed"
    assert "shown" not in {state for _, state, _ in (await told(junior, handoff)).get(crew.engineer.id, [])}


async def test_presence_follows_the_socket_and_the_process(
    people: People, start_server: StartServer, database_url: str
) -> None:
    """A junior reads who gets the toast; a client that is long gone must not be promised."""
    crew = await people()
    owner = Owner(database_url)
    server = await start_server()
    async with listening(server, crew.engineer):
        assert await present(owner) == [(crew.engineer.id, "desktop")]
    async with asyncio.timeout(60):
        while await present(owner):  # noqa: ASYNC110 - only the database knows
            await asyncio.sleep(0.05)
    async with listening(server, crew.engineer):
        assert await asyncio.to_thread(server.stop) == 0
        assert await present(owner) == [], "a process that ends takes its clients off the list"


async def test_two_processes_that_slept_do_not_lock_each_other_out(people: People, database_url: str) -> None:
    """After a machine's sleep every row is stale; each process vouches for its own and sweeps the other's."""
    crew = await people()
    owner = Owner(database_url)
    for process in ("1", "2"):
        await owner.fetch(
            "INSERT INTO client_presence (account_id, id, user_id, channel, process, seen_at)"
            " SELECT $1, gen_random_uuid(), $2, 'desktop', $3, now() - interval '1 hour' FROM generate_series(1, 200)",
            crew.account_id,
            crew.engineer.id,
            f"00000000-0000-0000-0000-00000000000{process}",
        )
    await asyncio.gather(
        *(owner.fetch(f"SELECT presence_touch('00000000-0000-0000-0000-00000000000{n % 2 + 1}')") for n in range(8))
    )


async def test_who_left_while_the_database_was_away_is_taken_off_the_list_when_it_is_back(
    people: People, database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else their process vouches for them as long as it runs, and who is away waits for e-mail as if at the desk."""
    monkeypatch.setattr(service, "VOUCH_S", 0.05)
    crew = await people()
    owner, delivery, real, link = Owner(database_url), DeliveryService(database), database.call, uuid4()
    caller = await IdentityService(database, "k" * 40).caller_from_token(crew.engineer.token)
    assert caller is not None

    async def away(statement: str, *_: object, **__: object) -> None:
        raise ConnectionResetError(statement)

    await delivery.arrived(caller, "desktop", link)
    monkeypatch.setattr(database, "call", away)
    with pytest.raises(ConnectionResetError):
        await delivery.left(caller, link)
    assert await present(owner) == [(crew.engineer.id, "desktop")]
    monkeypatch.setattr(database, "call", real)
    delivery.start()
    await until(lambda: present(owner), lambda found: found == [])
    await delivery.stop()
