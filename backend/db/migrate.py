"""Bringing a database up to date, safely from several processes at once."""

import asyncio
import logging
import random
from pathlib import Path
from typing import Final

import asyncpg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from backend.db.url import sqlalchemy_url

log = logging.getLogger(__name__)

LOCK = 7_305_110_412
"""Advisory lock key: one process migrates, the others wait and find nothing to do."""
_LOCK_WAIT_MS: Final = 2_000
_ATTEMPTS: Final = 40
_LONGEST_PAUSE_S: Final = 3.0
_LOST_A_LOCK: Final = {"40P01", "55P03"}
"""deadlock_detected, lock_not_available"""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def head() -> str:
    """The newest revision that this program knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:  # pragma: no cover - the package ships its migrations
        raise RuntimeError("no migrations in this installation")
    return revision


def knows(revision: str) -> bool:
    """Whether this program can bring a database of that revision up to date."""
    return any(one.revision == revision for one in ScriptDirectory.from_config(_config()).walk_revisions())


def is_newer(revision: str | None) -> bool:
    """Whether a newer program has migrated the database. This one works on it all the same, until it is replaced.

    That is what makes an upgrade without an interruption: see "Upgrading" in docs/operations.md for what it asks of
    migrations.
    """
    return revision is not None and revision.isdecimal() and int(revision) > int(head())


def serves(revision: str | None) -> bool:
    """Whether this program may work on a database of that revision: its own, or a newer one."""
    return revision == head() or is_newer(revision)


def _run(connection: sa.Connection) -> tuple[str | None, str | None]:
    before = MigrationContext.configure(connection).get_current_revision()
    if is_newer(before):
        log.warning("the database is at %s, newer than this program's %s: left as it is", before, head())
        return before, before
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return before, MigrationContext.configure(connection).get_current_revision()


async def _patiently(connection: AsyncConnection) -> tuple[str | None, str | None]:
    """Migrate beside a server at work: what loses against its transactions is rolled back whole and begins again.

    A lock that does not come soon is given up likewise: whoever asks for the table meanwhile waits behind it.
    """
    begun = await connection.run_sync(lambda c: MigrationContext.configure(c).get_current_revision())
    await connection.rollback()
    for attempt in range(_ATTEMPTS):
        try:
            _, after = await connection.run_sync(_run)
        except Exception as error:
            await connection.rollback()
            if attempt == _ATTEMPTS - 1 or not _passes(error):
                raise
            log.info("the migration gave way to the server's work (%s); it begins again", type(error).__name__)
            await asyncio.sleep(min(0.2 * 2**attempt, _LONGEST_PAUSE_S) * random.uniform(0.5, 1))  # noqa: S311 - a pause
        else:
            return begun, after
    raise RuntimeError("there is at least one attempt")  # pragma: no cover


def _passes(error: Exception) -> bool:
    """Whether another attempt may come through."""
    if isinstance(error, asyncpg.UniqueViolationError):
        # Roles belong to the whole cluster, locks to one database: another one made them a moment earlier.
        return "pg_authid" in str(error)
    return getattr(getattr(error, "orig", error), "sqlstate", None) in _LOST_A_LOCK


async def upgrade(url: str) -> tuple[str | None, str | None]:
    """Migrate the database of `url` (postgresql://…) to the newest version as the URL's own role.

    Answers the revision before and after; equal when there was nothing to do, and when a newer program has been here.
    Raises what the driver raises.
    """
    engine = create_async_engine(sqlalchemy_url(url), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            # Session-level lock, held over the migrations' own transactions.
            await connection.execute(sa.text("select pg_advisory_lock(:key)"), {"key": LOCK})
            await connection.commit()
            try:
                await connection.execute(sa.text(f"set lock_timeout = {_LOCK_WAIT_MS}"))
                await connection.commit()
                before, after = await _patiently(connection)
                await connection.commit()
            finally:
                await connection.rollback()
                await connection.execute(sa.text("select pg_advisory_unlock(:key)"), {"key": LOCK})
                await connection.commit()
    finally:
        await engine.dispose()
    if before != after:
        log.info("database migrated from %s to %s", before or "empty", after)
    return before, after


async def current(url: str) -> str | None:
    """The revision that the database of `url` is at, or None when it was never migrated."""
    engine = create_async_engine(sqlalchemy_url(url), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(lambda c: MigrationContext.configure(c).get_current_revision())
    finally:
        await engine.dispose()
