"""The database a command works on: the named one, or the embedded one of the data directory."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Iterator
from typing import Final

import asyncpg

from backend.commands.console import say
from backend.commands.errors import CommandError
from backend.db.embedded import attach_or_start
from backend.db.engine import Database
from backend.db.migrate import current, serves, upgrade
from backend.db.url import asyncpg_url, masked
from backend.settings import Settings, data_directory

_ATTEMPT_TIMEOUT_S: Final = 5.0
_SAY_EVERY_S: Final = 5.0

# The server answered and said no: waiting changes nothing.
_HOPELESS: Final = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)
# Not there, or not there yet: refused, unreachable, unknown name, starting up, too many connections.
_DOWN: Final = (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.PostgresError, asyncpg.InterfaceError)


@contextlib.contextmanager
def command_database_url(settings: Settings) -> Iterator[str]:
    """Give the URL of a reachable, migrated database for the time of one short command."""
    if settings.database_url:
        asyncio.run(wait_for_database(settings.database_url, wait_s=0))
        if not serves(asyncio.run(current(settings.database_url))):
            raise CommandError("the database is not up to date: run `flowpilot migrate`")
        yield settings.database_url
        return
    with attach_or_start(settings.data_dir) as url:
        asyncio.run(upgrade(url))
        yield url


def refuse_without_database() -> None:
    """Raise CommandError where there is no database to find anyone in: a mistyped --data-dir must not become one."""
    data_dir = data_directory()
    # Asked before the settings are read, since reading them makes the directory.
    named = data_dir.is_dir() and Settings.from_environment().database_url
    if named or os.environ.get("FLOWPILOT_DATABASE_URL", "").strip() or (data_dir / "postgres").exists():
        return
    raise CommandError(
        f"there is no database in {data_dir}: correct --data-dir, or begin with `flowpilot account create`"
    )


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """Open the database for one command."""
    database = await Database.open(url, pool_size=1)
    try:
        yield database
    finally:
        await database.close()


async def wait_for_database(url: str, *, wait_s: float, tells: bool = True) -> None:
    """Return when the database takes connections; gives up after `wait_s`; `tells` people that it waits.

    Raises CommandError at once where waiting is in vain: wrong password, no such database.
    """
    begun = time.monotonic()
    said = begun - _SAY_EVERY_S
    while True:
        try:
            connection = await asyncpg.connect(asyncpg_url(url), timeout=_ATTEMPT_TIMEOUT_S)
        except _HOPELESS as error:
            raise CommandError(f"the database {masked(url)} does not let us in: {error}") from error
        except _DOWN as error:
            reason, now = _reason(error), time.monotonic()
            if now - begun >= wait_s:
                raise CommandError(_gave_up(url, reason, wait_s)) from error
            if tells and now - said >= _SAY_EVERY_S:
                said = now
                left = wait_s - (now - begun)
                say(f"waiting for the database {masked(url)} ({reason}), giving up in {left:.0f} s")
            await asyncio.sleep(min(0.5, wait_s))
        else:
            await connection.close()
            return


async def bring_up_to_date(url: str) -> tuple[str | None, str | None]:
    """Migrate and answer the revisions before and after; a refusal of the database becomes one plain sentence."""
    try:
        return await upgrade(url)
    except Exception as error:
        refusal = _driver_error(error)
        if refusal is None:
            raise
        raise CommandError(f"the database {masked(url)} could not be migrated: {_reason(refusal)}") from error


def _driver_error(error: BaseException | None) -> BaseException | None:
    """Return what the database itself said, from under the layers that wrapped it."""
    while error is not None and not isinstance(error, asyncpg.PostgresError | OSError):
        error = error.__cause__
    return error


def _gave_up(url: str, reason: str, wait_s: float) -> str:
    after = f" for {wait_s:.0f} s" if wait_s else ""
    return (
        f"the database {masked(url)} did not answer{after} ({reason}): start it, correct FLOWPILOT_DATABASE_URL, "
        "or wait longer with FLOWPILOT_DB_WAIT_S"
    )


def _reason(error: BaseException) -> str:
    """Return one line for people; some of these errors have no text of their own."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, TimeoutError):
        return "no answer"
    return (str(error).splitlines() or [type(error).__name__])[0]
