"""A page that asks many services reads in one transaction; connections that the database has closed are not used."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db.engine import Database
from tests.support.flow import Owner
from tests.support.people import Crew

People = Callable[..., Awaitable[Crew]]


async def transaction_of(tx: AsyncConnection) -> tuple[int, str]:
    """(connection, account) of a block."""
    row = (await tx.execute(sa.text("select pg_backend_pid(), current_setting('app.account_id')"))).one()
    return row[0], row[1]


async def block(database: Database, account_id: UUID) -> tuple[int, str]:
    async with database.tenant(account_id) as tx:
        return await transaction_of(tx)


async def test_blocks_of_one_account_share_a_transaction_and_no_other_does(people: People, database: Database) -> None:
    """Another account's block in the middle, and a task started in the middle, must never land in this transaction."""
    mine = UUID((await people()).account_id)
    other = UUID((await people("Contoso IT")).account_id)
    async with database.together(mine):
        first = await block(database, mine)
        assert await block(database, mine) == first
        pid, account = await block(database, other)
        assert (pid != first[0], account) == (True, str(other))
        pid, account = await asyncio.create_task(block(database, mine))
        assert (pid != first[0], account) == (True, str(mine))
        assert await asyncio.gather(block(database, mine), block(database, mine))
    async with database.tenant(mine) as tx, database.tenant(mine) as beside:
        assert await transaction_of(tx) != await transaction_of(beside)


async def _refused(database: Database, account_id: UUID) -> None:
    async with database.together(account_id):
        await block(database, account_id)
        raise LookupError


async def test_a_refusal_inside_leaves_nothing_shared(people: People, database: Database) -> None:
    mine = UUID((await people()).account_id)
    with pytest.raises(LookupError):
        await _refused(database, mine)
    async with database.tenant(mine) as tx, database.tenant(mine) as beside:
        assert await transaction_of(tx) != await transaction_of(beside)


async def test_connections_that_the_database_has_closed_are_not_handed_out(
    people: People, database: Database, database_url: str
) -> None:
    """After the database was restarted the first visitor must see a page, not an error."""
    mine = UUID((await people()).account_id)
    async with database.tenant(mine) as one, database.tenant(mine) as two:
        pids = [(await transaction_of(tx))[0] for tx in (one, two)]
    await Owner(database_url).fetch("select pg_terminate_backend(pid, 20000) from unnest($1::int[]) pid", pids)
    await Owner(database_url).fetch("select 1")  # meanwhile the end of the connections is read from their sockets
    for _ in pids:
        assert (await block(database, mine))[0] not in pids
