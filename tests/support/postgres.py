"""A real PostgreSQL for the tests: one cluster per run, one database per xdist worker, cloned from a migrated template.

Tests commit for real; rows are deleted between them. Rolling back instead would hide faults of row-level security.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg

from backend.db.embedded import EmbeddedPostgres
from backend.db.migrate import upgrade

TEMPLATE = "flowpilot_template"
_ONE_AT_A_TIME = 4_711  # advisory lock key of the test cluster
_DEADLOCKS = 5
_FAST_AND_LOOSE = (
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("max_connections", "400"),
    ("shared_buffers", "64MB"),
    ("autovacuum", "off"),
)
# One round trip. Foreign keys and triggers are off for this one transaction: the order of the tables does not matter.
# A server that runs on takes its locks in another order: so all tables are taken first and none is waited for, else one
# of the two is ended as a deadlock after a second. What an earlier test holds for long is waited for table by table.
_EMPTY = """
do $$
declare
    t regclass;
    every constant text := (select string_agg(oid::regclass::text, ', ') from pg_class
        where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'alembic_version');
begin
    for attempt in 1..50 loop
        begin
            execute format('lock table %s in exclusive mode nowait', every);
            exit;
        exception when lock_not_available then
            perform pg_sleep(0.02);
        end;
    end loop;
    perform set_config('session_replication_role', 'replica', true);
    for t in select oid from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
             and relname <> 'alembic_version'
    loop
        execute format('delete from %s', t);
    end loop;
end $$
"""


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """Run a throw-away cluster; gives the URL of its first database, to be handed to `worker_database`."""
    folder = Path(tempfile.mkdtemp(prefix="fp-test-"))
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(folder, options=_FAST_AND_LOOSE, sync=False) as server:
            yield server.url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def worker_database(cluster_url: str, name: str) -> str:
    """Make the database `name` from the migrated template, which the first to come makes; returns its URL."""
    admin = await asyncpg.connect(_named(cluster_url, "postgres"))
    try:
        await admin.execute("SELECT pg_advisory_lock($1)", _ONE_AT_A_TIME)
        if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", TEMPLATE):
            await admin.execute(f"DROP DATABASE IF EXISTS {TEMPLATE}_new WITH (FORCE)")  # left by one that failed
            await admin.execute(f"CREATE DATABASE {TEMPLATE}_new")
            await upgrade(_named(cluster_url, f"{TEMPLATE}_new"))
            await admin.execute(f"ALTER DATABASE {TEMPLATE}_new RENAME TO {TEMPLATE}")
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    finally:
        await admin.close()
    return _named(cluster_url, name)


async def empty_database(cluster_url: str, name: str) -> str:
    """Make a database that was never migrated; returns its URL."""
    admin = await asyncpg.connect(_named(cluster_url, "postgres"))
    try:
        await admin.execute(f"CREATE DATABASE {name}")
    finally:
        await admin.close()
    return _named(cluster_url, name)


async def drop_database(cluster_url: str, name: str) -> None:
    """Remove a database and everyone connected to it."""
    admin = await asyncpg.connect(_named(cluster_url, "postgres"))
    try:
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    finally:
        await admin.close()


async def delete_rows(url: str) -> None:
    """Delete every row as the owner; a test that left a transaction open fails here by name of the table."""
    for _ in range(_DEADLOCKS):  # the worker of a server that runs on takes its locks in another order
        with contextlib.suppress(asyncpg.DeadlockDetectedError):
            return await _delete_rows(url)
    return await _delete_rows(url)


async def _delete_rows(url: str) -> None:
    owner = await asyncpg.connect(url, server_settings={"lock_timeout": "10s"})
    try:
        await owner.execute(_EMPTY)
    finally:
        await owner.close()


def _named(url: str, database: str) -> str:
    return url.replace("@/flowpilot?", f"@/{database}?", 1)
