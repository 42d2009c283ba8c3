"""Hints by PostgreSQL's NOTIFY, over a connection of their own."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from backend.db.hint_line import LineLostError, Wire

CHANNEL: Final = "flowpilot_hint"
_AWAY: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the driver's state when the connection was cut in the middle of a statement
)


class PostgresLine:
    """Every process listens on one channel of the database that all of them have anyway."""

    name = "postgres"
    where = "PostgreSQL"

    def __init__(self, url: str, server_settings: Mapping[str, str]) -> None:
        self._url = url
        self._settings = dict(server_settings)

    @asynccontextmanager
    async def connected(self, heard: Callable[[str], None], stir: Callable[[], None]) -> AsyncIterator[Wire]:
        """One connection that listens and tells."""
        try:
            connection = await asyncpg.connect(self._url, server_settings=self._settings, timeout=10)
            try:
                connection.add_termination_listener(lambda _connection: stir())
                await connection.add_listener(CHANNEL, lambda _c, _pid, _channel, payload: heard(str(payload)))
                yield _PostgresWire(connection)
            finally:
                connection.terminate()
        except _AWAY as error:
            raise LineLostError(str(error) or type(error).__name__) from error


class _PostgresWire:
    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def send(self, payload: str) -> None:
        await self._connection.execute("select pg_notify($1, $2)", CHANNEL, payload, timeout=5)

    async def check(self) -> None:
        await self._connection.fetchval("select 1", timeout=5)
