"""Bringing a database up to date, safely from several processes at once."""

import logging
from pathlib import Path

import asyncpg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from backend.db.url import sqlalchemy_url

log = logging.getLogger(__name__)

LOCK = 7_305_110_412
"""Advisory lock key: one process migrates, the others wait and find nothing to do."""


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


def _run(connection: sa.Connection) -> tuple[str | None, str | None]:
    before = MigrationContext.configure(connection).get_current_revision()
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return before, MigrationContext.configure(connection).get_current_revision()


async def upgrade(url: str) -> tuple[str | None, str | None]:
    """Migrate the database of `url` (postgresql://…) to the newest version as the URL's own role.

    Answers the revision before and after; equal when there was nothing to do. Raises what the driver raises.
    """
    engine = create_async_engine(sqlalchemy_url(url), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            # Session-level lock, held over the migrations' own transactions.
            await connection.execute(sa.text("select pg_advisory_lock(:key)"), {"key": LOCK})
            await connection.commit()
            try:
                try:
                    before, after = await connection.run_sync(_run)
                except asyncpg.UniqueViolationError as error:
                    # Roles belong to the whole cluster, locks to one database: another one made them a moment earlier.
                    if "pg_authid" not in str(error):
                        raise
                    await connection.rollback()
                    before, after = await connection.run_sync(_run)
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
