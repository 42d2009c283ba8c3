"""Receipts count for what they name and from whom they can come; anything else leaves no trace.

A trace would be a lie to the junior ("shown on their desktop"), or a mail called off that nobody else sends.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from backend.db.engine import Database
from backend.delivery import repository
from tests.conftest import Http
from tests.support.flow import Owner, claimed, escalated
from tests.support.people import Crew, Member
from tests.support.server import Server
from tests.support.stream import EventClient, listening

People = Callable[..., Awaitable[Crew]]


@pytest.fixture
def owner(database_url: str) -> Owner:
    return Owner(database_url)


async def rows(owner: Owner, handoff_id: str, who: Member) -> list[asyncpg.Record]:
    """What the record says of one person, by round and channel; every column but the row's id."""
    return await owner.fetch(
        "select rung, channel, device, state, detail, purpose, at from delivery"
        " where handoff_id = $1 and user_id = $2 order by rung, channel, device",
        handoff_id,
        who.id,
    )


async def told_only(client: EventClient, handoff_id: str) -> dict[str, Any]:
    """Say `shown` of a handoff where that counts; nothing that was said before on this socket made an event."""
    await client.send(type="receipt", handoff_id=handoff_id, state="shown", rung=0)
    data: dict[str, Any] = (await client.event())["data"]
    assert (data["handoff_id"], data.get("state"), data["rung"]) == (handoff_id, "shown", 0)
    return data


async def next_round(database: Database, crew: Crew, handoff_id: str, done: int = 1) -> None:
    async with database.tenant(UUID(crew.account_id)) as tx:
        await repository.realert(
            tx,
            UUID(crew.account_id),
            UUID(handoff_id),
            to=None,
            done=done,
            final=False,
            cause="step",
            detail="Everyone again",
            email_after_s=15,
        )


async def test_who_escalated_cannot_say_that_they_were_told(
    people: People, http: Http, server: Server, owner: Owner
) -> None:
    """A senior who asks other seniors for help has the page open; that is no proof that anybody else knows."""
    crew = await people()
    made = (await escalated(http(crew.engineer)))["id"]
    other = (await escalated(http(crew.technician)))["id"]
    async with listening(server, crew.engineer) as hers:
        await hers.resume()
        for rung in (0, None):
            await hers.send(type="receipt", handoff_id=made, state="shown", rung=rung)
        assert (await told_only(hers, other))["user"]["id"] == crew.engineer.id
    assert await rows(owner, made, crew.engineer) == []


@pytest.mark.parametrize("rung", [1, 7, -1, 10**6, 2**31, 2**40, -(2**40)])
async def test_a_round_that_is_not_there_cannot_have_been_shown(
    people: People, http: Http, server: Server, owner: Owner, rung: int
) -> None:
    """A client that counts wrongly must not call off the mail of the round at hand."""
    crew = await people()
    junior = http(crew.technician)
    made, other = (await escalated(junior))["id"], (await escalated(junior, "Printer"))["id"]
    before = await rows(owner, made, crew.engineer)
    assert [(row["channel"], row["state"]) for row in before] == [("desktop", "pending"), ("email", "pending")]
    async with listening(server, crew.engineer) as hers:
        await hers.resume()
        await hers.send(type="receipt", handoff_id=made, state="shown", rung=rung)
        await told_only(hers, other)
    assert await rows(owner, made, crew.engineer) == before


async def test_a_bystander_of_a_reminder_has_nothing_to_say_about_it(
    people: People, http: Http, server: Server, owner: Owner, database: Database
) -> None:
    """The reminder is the claimer's: another senior's client that shows it leaves the claimer's mail to go."""
    crew = await people()
    junior = http(crew.technician)
    made, other = (await escalated(junior))["id"], (await escalated(junior, "Printer"))["id"]
    await claimed(http(crew.engineer), made)
    async with database.tenant(UUID(crew.account_id)) as tx:
        await repository.nudge(tx, UUID(crew.account_id), UUID(made), None, 15)
    before = await rows(owner, made, crew.second_engineer)
    reminded = await rows(owner, made, crew.engineer)
    async with listening(server, crew.second_engineer) as his:
        await his.resume()
        await his.send(type="receipt", handoff_id=made, state="shown", rung=1)
        await told_only(his, other)
    assert await rows(owner, made, crew.second_engineer) == before
    assert await rows(owner, made, crew.engineer) == reminded
    assert ("email", "pending", "nudge") in {(row["channel"], row["state"], row["purpose"]) for row in reminded}


async def test_what_the_claimer_was_shown_calls_off_the_reminders_mail(
    people: People, http: Http, server: Server, owner: Owner, database: Database
) -> None:
    crew = await people()
    made = (await escalated(http(crew.technician)))["id"]
    await claimed(http(crew.engineer), made)
    async with database.tenant(UUID(crew.account_id)) as tx:
        await repository.nudge(tx, UUID(crew.account_id), UUID(made), None, 15)
    async with listening(server, crew.engineer) as hers:
        await hers.resume()
        await hers.send(type="receipt", handoff_id=made, state="shown", rung=1)
        assert (await hers.event("handoff.delivery"))["data"]["rung"] == 1
    nudged = [row for row in await rows(owner, made, crew.engineer) if row["purpose"] == "nudge"]
    assert [(row["channel"], row["state"]) for row in nudged] == [("desktop", "shown"), ("email", "cancelled")]


async def test_a_late_receipt_lands_in_the_round_that_it_names(
    people: People, http: Http, server: Server, owner: Owner, database: Database
) -> None:
    """An app that was asleep says what it showed half an hour ago; the round at hand must still reach its user."""
    crew = await people()
    made = (await escalated(http(crew.technician)))["id"]
    await next_round(database, crew, made)
    second = [row for row in await rows(owner, made, crew.engineer) if row["rung"] == 1]
    assert [(row["channel"], row["state"]) for row in second] == [("desktop", "pending"), ("email", "pending")]
    planned = await owner.fetch("select key, due_at, lease_no from job order by key")
    async with listening(server, crew.engineer) as hers:
        await hers.resume()
        await told_only(hers, made)
    found = await rows(owner, made, crew.engineer)
    assert [row for row in found if row["rung"] == 1] == second
    assert [(row["channel"], row["state"]) for row in found if row["rung"] == 0] == [
        ("desktop", "shown"),
        ("email", "cancelled"),
    ]
    assert await owner.fetch("select key, due_at, lease_no from job order by key") == planned


async def test_a_client_that_names_no_round_speaks_of_the_latest_that_told_its_user(
    people: People, http: Http, server: Server, owner: Owner, database: Database
) -> None:
    """Apps from before rounds were named go on to work."""
    crew = await people()
    made = (await escalated(http(crew.technician)))["id"]
    await next_round(database, crew, made)
    async with listening(server, crew.engineer) as hers:
        await hers.resume()
        await hers.send(type="receipt", handoff_id=made, state="shown")
        assert (await hers.event("handoff.delivery"))["data"]["rung"] == 1
    found = await rows(owner, made, crew.engineer)
    assert ("email", "cancelled", 1) in {(row["channel"], row["state"], row["rung"]) for row in found}
