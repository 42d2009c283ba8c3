"""Everyone comes back at once after a restart: the database is asked some times, not some times per socket."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from backend.db.batch import MOST, Batch
from backend.db.engine import Database
from backend.delivery.service import DeliveryService
from backend.feed.hub import AccountFeed, FeedHub
from backend.feed.log import LogEntry
from backend.identity.service import IdentityService
from tests.conftest import Http
from tests.support.flow import Owner, escalated
from tests.support.people import Crew, Member

People = Callable[..., Awaitable[Crew]]
SOCKETS = 300


async def test_sockets_that_come_back_together_share_their_questions(
    people: People, database: Database, http: Http, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """A query per socket is what keeps a server down that has just come up."""
    crews = [await people(name) for name in ("Northwind MSP", "Southwind MSP")]
    for crew in crews:
        for _ in range(3):
            await escalated(http(crew.technician))
    calls = 0
    for name in ("fetch", "fetchrow"):
        real = getattr(asyncpg.Pool, name)

        async def counted(pool: Any, *arguments: Any, _real: Any = real, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            return await _real(pool, *arguments, **options)

        monkeypatch.setattr(asyncpg.Pool, name, counted)
    identity, hub, delivery = IdentityService(database, "k" * 40), FeedHub(database), DeliveryService(database)

    async def comes(member: Member) -> tuple[AccountFeed, list[LogEntry]]:
        caller = await identity.caller_at_the_door(member.token)
        assert caller is not None
        assert str(caller.user_id) == member.id, "everyone gets the answer to their own question"
        feed = await hub.open(caller.account_id)
        await delivery.arrived(caller, "desktop", uuid4())
        found = await feed.after(1, None)
        assert isinstance(found, list)
        return feed, found

    everyone = [crew.everyone[n % 6] for n in range(SOCKETS // 2) for crew in crews]
    came = await asyncio.gather(*(comes(member) for member in everyone))
    assert {tuple(entry.seq for entry in found) for _, found in came} == {(2, 3)}
    assert calls < SOCKETS / 10, f"{calls} calls for {SOCKETS} sockets"
    present = await Owner(database_url).fetch("SELECT count(DISTINCT id) AS n FROM client_presence")
    assert present[0]["n"] == SOCKETS
    assert {feed.account_id for feed, _ in came} == {UUID(crew.account_id) for crew in crews}
    assert await identity.caller_at_the_door("fp_unknown") is None


async def test_one_question_that_the_database_refuses_takes_no_other_along() -> None:
    asked: list[int] = []

    async def ask(keys: list[int]) -> list[int]:
        asked.append(len(keys))
        await asyncio.sleep(0)
        if 3 in keys:
            raise asyncpg.ForeignKeyViolationError("no such user")
        return [key * 10 for key in keys]

    batch: Batch[int, int] = Batch(ask)
    answers = await asyncio.gather(*(batch.one(key) for key in range(6)), return_exceptions=True)
    assert [a for a in answers if isinstance(a, int)] == [0, 10, 20, 40, 50]
    assert isinstance(answers[3], asyncpg.ForeignKeyViolationError)
    assert await batch.one(7) == 70
    assert max(asked) <= MOST


async def test_a_database_that_is_away_is_told_to_everyone_who_asked() -> None:
    async def ask(_keys: list[int]) -> list[int]:
        raise OSError("away")

    batch: Batch[int, int] = Batch(ask)
    answers = await asyncio.gather(*(batch.one(key) for key in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [OSError] * 3
