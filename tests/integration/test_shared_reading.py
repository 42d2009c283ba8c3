"""A page that asks many services reads in one transaction, and connections that the database has closed are not used."""

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


async def test_a_refusal_inside_leaves_nothing_shared(people: People, database: Database) -> None:
    mine = UUID((await people()).account_id)
    with pytest.raises(LookupError):
        async with database.together(mine):
            await block(database, mine)
            raise LookupError
    async with database.tenant(mine) as tx, database.tenant(mine) as beside:
        assert await transaction_of(tx) != await transaction_of(beside)


async def test_connections_that_the_database_has_closed_are_not_handed_out(
    people: People, database: Database, database_url: str
) -> None:
    """After the database was restarted the first visitor must see a page, not an error."""
    mine = UUID((await people()).account_id)
    async with database.tenant(mine) as one, database.tenant(mine) as two:
        pids = [(await transaction_of(tx))[0] for tx in (one, two)]
    await Owner(database_url).fetch("select pg_terminate_backend(pid) from unnest($1::int[]) pid", pids)
    async with asyncio.timeout(20):
        while await Owner(database_url).fetch("select 1 from pg_stat_activity where pid = any($1::int[])", pids):
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.05)  # the end of the connection is read from its socket
    for _ in pids:
        assert (await block(database, mine))[0] not in pids
