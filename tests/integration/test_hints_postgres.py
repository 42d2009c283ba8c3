"""Hints by the database itself, when it goes away under them."""

import asyncpg
import pytest

from backend.db.engine import RUNTIME
from backend.db.hint_line import LineLostError
from backend.db.hint_postgres import PostgresLine
from backend.db.url import asyncpg_url


@pytest.mark.parametrize(
    "said",
    [
        ConnectionResetError("reset by peer"),
        TimeoutError(),
        asyncpg.CannotConnectNowError("the database system is shutting down"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_the_driver_says_of_a_cut_connection_is_a_lost_line(
    worker_database_url: str, said: Exception
) -> None:
    """Else an operator reads of a fault in the program each time that the database is restarted."""
    with pytest.raises(LineLostError):
        await _cut(PostgresLine(asyncpg_url(worker_database_url), RUNTIME), said)


async def _cut(line: PostgresLine, said: Exception) -> None:
    async with line.connected(lambda _: None, lambda: None) as wire:
        await wire.check()
        raise said
