"""Migrations: safe from several processes at once, and the tables that statements name are the ones that are there."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from backend.db import migrate
from backend.db.tables import metadata
from tests.support import postgres
from tests.support.cli import flowpilot
from tests.support.flow import Owner


async def test_four_processes_migrating_at_once_make_one_schema(cluster_url: str, worker_id: str) -> None:
    name = f"fresh_{worker_id}"
    url = await postgres.empty_database(cluster_url, name)
    try:
        assert await migrate.current(url) is None
        done = await asyncio.gather(*(migrate.upgrade(url) for _ in range(4)))
        assert sorted(done, key=str) == sorted(
            [(None, migrate.head()), *[(migrate.head(), migrate.head())] * 3], key=str
        )
        assert await migrate.upgrade(url) == (migrate.head(), migrate.head())
        assert await migrate.current(url) == migrate.head()
    finally:
        await postgres.drop_database(cluster_url, name)


@pytest.mark.slow
async def test_databases_of_a_new_cluster_may_migrate_at_once(tmp_path: Path) -> None:
    """Roles are the cluster's: all want to make them, and a lock of one database does not hold the others."""
    with postgres.cluster() as fresh:
        urls = [await postgres.empty_database(fresh, name) for name in ("one", "two", "three")]
        at_once = (asyncio.to_thread(flowpilot, "migrate", data_dir=tmp_path, database_url=url) for url in urls)
        assert [(a.code, a.err) for a in await asyncio.gather(*at_once) if a.code] == []


async def test_every_column_that_statements_name_exists(database_url: str) -> None:
    rows = await Owner(database_url).fetch(
        "SELECT table_name AS name, column_name AS column FROM information_schema.columns WHERE table_schema = 'public'"
    )
    there = {(row["name"], row["column"]) for row in rows}
    named = {(table.name, column.name) for table in metadata.tables.values() for column in table.c}
    assert named <= there, sorted(named - there)


async def test_history_refuses_to_be_rewritten_by_the_server(database_url: str) -> None:
    connection = await asyncpg.connect(database_url, server_settings={"role": "flowpilot_app"})
    try:
        for statement in (
            "UPDATE account_event SET seq = 0",
            "DELETE FROM handoff_timeline",
            "TRUNCATE handoff CASCADE",
        ):
            try:
                await connection.execute(statement)
            except asyncpg.InsufficientPrivilegeError:
                continue
            raise AssertionError(f"the server may: {statement}")
    finally:
        await connection.close()
