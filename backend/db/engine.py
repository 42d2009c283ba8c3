"""The server's connections: always as the non-owner role, always bound to one account per transaction.

Two ways to the same database: SQLAlchemy for what is rare, asyncpg's own pool for the hot path (claim, escalate, queue,
event log), which calls one function per request and so needs no explicit transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from backend.db.background import in_time
from backend.db.hint_nats import NatsLine
from backend.db.hint_postgres import PostgresLine
from backend.db.turns import Turns
from backend.db.url import asyncpg_url, sqlalchemy_url
from backend.db.wakeup import Wakeup

RUNTIME: Final[dict[str, str]] = {
    "role": "flowpilot_app",  # owns nothing, bound by row-level security; RESET ALL comes back to it
    "timezone": "UTC",
    "application_name": "flowpilot",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "10s",  # a frozen process must not hold a handoff's row for long
    "statement_timeout": "30s",
}

TRANSACTION_S: Final = 12
"""A transaction that lasts longer, in seconds, is ended with its connection: longer than any wait for a lock."""
_BOUNDS_TRANSACTIONS: Final = (17, 0)

RECYCLE_S: Final = 300
"""A connection older than this, in seconds, is made anew: firewalls on the way to a database forget idle ones."""

_CLOSE_S: Final = 1.5
_SET_ACCOUNT = sa.text("select set_config('app.account_id', :account, true)")


class _Shared(NamedTuple):
    """A transaction that the blocks of one task share."""

    database: "Database"
    account_id: UUID
    task: "asyncio.Task[Any] | None"
    connection: AsyncConnection


_shared: ContextVar[_Shared | None] = ContextVar("flowpilot_shared_transaction", default=None)


def _still_open(connection: Any, _record: object, _proxy: object) -> None:
    """Hand no connection out that the database has closed. The driver knows: asking over it costs three round trips."""
    if connection.driver_connection.is_closed():
        raise sa.exc.DisconnectionError


async def _keep_session(_connection: Any) -> None:
    """Replaces asyncpg's reset query at each release: hot calls leave nothing behind, their settings are local."""


async def _bound(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Bound whole transactions, where the server can (PostgreSQL 17 and newer).

    The driver prepares a statement in two steps. A process that freezes between them leaves a session that the server
    takes for active though it waits for its client: neither the limit for idle transactions nor the one for statements
    ends it, and it keeps its locks for as long as the process is frozen (seen: a handoff's row, for minutes).
    """
    if connection.get_server_version()[:2] >= _BOUNDS_TRANSACTIONS:
        await connection.execute(f"set transaction_timeout = '{TRANSACTION_S}s'")


@contextmanager
def _drivers_own_errors() -> Iterator[None]:
    """SQLAlchemy puts shutdowns, deadlocks and cancelled statements into one general class; callers tell them apart."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        inside = error.orig.__cause__ if error.orig is not None else None
        if isinstance(inside, asyncpg.PostgresError | asyncpg.InternalClientError):
            raise inside from error
        raise


class Database:
    """One database, opened once per process. `wakeup` tells readers after a commit that there is something new."""

    def __init__(
        self,
        url: str,
        engine: AsyncEngine,
        pool: "asyncpg.Pool[asyncpg.Record]",
        wakeup: Wakeup,
        *,
        calls: Turns,
        transactions: Turns,
    ) -> None:
        self._url = url
        self._calls = calls
        self._transactions = transactions
        self._engine = engine
        self.pool = pool
        self.wakeup = wakeup

    @classmethod
    async def open(cls, url: str, *, pool_size: int = 10, event_bus: str = "postgres") -> Self:
        """Connect to a migrated database. Raises OSError or asyncpg.PostgresError when it does not answer.

        `event_bus` is the setting: `postgres`, or NATS addresses. One that does not answer is no error, then or later.
        """
        pool = await asyncpg.create_pool(
            asyncpg_url(url),
            min_size=1,
            max_size=pool_size,
            server_settings=RUNTIME,
            command_timeout=30,
            init=_bound,
            reset=_keep_session,
        )

        async def connect() -> "asyncpg.Connection[asyncpg.Record]":
            connection = await asyncpg.connect(asyncpg_url(url), server_settings=RUNTIME, command_timeout=30)
            await _bound(connection)
            return connection

        engine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_recycle=RECYCLE_S,
            async_creator=connect,
        )
        event.listen(engine.sync_engine, "checkout", _still_open)
        line = PostgresLine(asyncpg_url(url), RUNTIME) if event_bus == "postgres" else NatsLine(event_bus)
        wakeup = Wakeup(line)
        wakeup.start()
        return cls(url, engine, pool, wakeup, calls=_turns(pool_size), transactions=_turns(2 * pool_size))

    async def close(self) -> None:
        """Give all connections back. Open transactions end first, those of a database that has frozen do not."""
        await in_time(self.wakeup.stop(), what="end the exchange of hints", within_s=_CLOSE_S)
        if not await in_time(self.pool.close(), what="close the connections of the hot path", within_s=_CLOSE_S):
            self.pool.terminate()
        await in_time(self._engine.dispose(), what="close the connections to the database", within_s=_CLOSE_S)

    @asynccontextmanager
    async def tenant(self, account_id: UUID) -> AsyncIterator[AsyncConnection]:
        """One transaction in which exactly this account's rows exist; committed when the block ends without error."""
        shared = _shared.get()
        with _drivers_own_errors():
            if shared is not None and shared[:3] == (self, account_id, asyncio.current_task()):
                yield shared.connection
                return
            async with self._transactions.of(account_id), self._engine.begin() as connection:
                await connection.execute(_SET_ACCOUNT, {"account": str(account_id)})
                yield connection

    @asynccontextmanager
    async def together(self, account_id: UUID) -> AsyncIterator[None]:
        """Make one transaction of all `tenant` blocks of this account that this task enters inside.

        For a page that asks many services: it begins and commits once. Only for reading, as what the blocks write is
        committed at the end of this one. Other tasks, those started inside too, have their own.
        """
        async with self.tenant(account_id) as connection:
            token = _shared.set(_Shared(self, account_id, asyncio.current_task(), connection))
            try:
                yield
            finally:
                _shared.reset(token)

    @asynccontextmanager
    async def before_account(self) -> AsyncIterator[AsyncConnection]:
        """One transaction without an account: no tenant row is visible, only the reviewed look-up functions work."""
        with _drivers_own_errors():
            async with self._engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def as_owner(self) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
        """One transaction as the role that owns the tables, which may rewrite history. For the demo's clock only."""
        connection = await asyncpg.connect(asyncpg_url(self._url), timeout=10)
        try:
            async with connection.transaction():
                yield connection
        finally:
            await connection.close()

    async def call(self, statement: str, *arguments: object, of: UUID | None = None) -> asyncpg.Record | None:
        """One statement of the hot path on the asyncpg pool; its function sets the account itself.

        `of` is the account whose turn it takes; None for look-ups before there is one, and for work of all accounts.
        """
        if of is None:
            return await self.pool.fetchrow(statement, *arguments)
        async with self._calls.of(of):
            return await self.pool.fetchrow(statement, *arguments)

    async def call_many(self, statement: str, *arguments: object, of: UUID | None = None) -> list[asyncpg.Record]:
        """Like `call`, for all rows."""
        if of is None:
            return await self.pool.fetch(statement, *arguments)
        async with self._calls.of(of):
            return await self.pool.fetch(statement, *arguments)


def _turns(connections: int) -> Turns:
    """Accounts' turns on so many connections: two stay for look-ups of who somebody is, and one account has most."""
    places = max(1, connections - 2)
    return Turns(places, max(1, places * 3 // 4))
