"""Migrations: safe from several processes at once, and the tables that statements name are the ones that are there."""

import asyncio
import logging
from pathlib import Path

import asyncpg
import pytest

from backend.db import migrate
from backend.db.tables import metadata
from tests.support import postgres
from tests.support.cli import flowpilot
from tests.support.flow import Owner
from tests.support.server import Server


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
        nobody = "SELECT (SELECT count(*) FROM app_user) + (SELECT count(*) FROM access_token)"
        assert await Owner(url).value(nobody) == 0, "nobody can sign in before an operator has made an account"
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


async def test_a_migration_gives_way_to_the_servers_work_and_begins_again(
    cluster_url: str, worker_id: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """People escalate while it runs: it must neither fail for good nor keep them waiting behind it."""
    name = f"busy_{worker_id}"
    url = await postgres.empty_database(cluster_url, name)
    monkeypatch.setattr(migrate, "_LOCK_WAIT_MS", 200)
    caplog.set_level(logging.INFO, migrate.log.name)
    busy = await asyncpg.connect(url)
    try:
        await busy.execute("create table alembic_version (version_num varchar(32) primary key)")
        work = busy.transaction()
        await work.start()
        await busy.execute("lock table alembic_version in share mode")
        migrating = asyncio.create_task(migrate.upgrade(url))
        async with asyncio.timeout(60):
            while "gave way" not in caplog.text:  # noqa: ASYNC110 - a log line has no event
                await asyncio.sleep(0.02)
        await work.rollback()
        assert await migrating == (None, migrate.head())
    finally:
        await busy.close()
        await postgres.drop_database(cluster_url, name)


async def test_a_server_goes_on_where_a_newer_one_has_migrated(
    cluster_url: str, worker_id: str, tmp_path: Path
) -> None:
    """In an upgrade the schema comes first: a load balancer that was told `not ready` would take every server out."""
    name = f"newer_{worker_id}"
    url = await postgres.worker_database(cluster_url, name)
    server = Server(url, tmp_path / "server")
    try:
        await Owner(url).fetch("update alembic_version set version_num = '9999'")
        assert await migrate.upgrade(url) == ("9999", "9999")
        await asyncio.to_thread(server.start)
        assert "newer than this program's" in server.logs
        told = await asyncio.to_thread(flowpilot, "doctor", data_dir=tmp_path / "server", database_url=url)
        assert "upgrade this machine too" in told.out
    finally:
        await asyncio.to_thread(server.stop)
        await postgres.drop_database(cluster_url, name)
