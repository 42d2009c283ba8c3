"""The embedded PostgreSQL: whoever installs FlowPilot without a database must never meet one that does not start."""

import asyncio
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from backend.db.embedded import DataDirInUse, EmbeddedError, EmbeddedPostgres, attach_or_start
from backend.db.embedded_process import is_ready
from tests.support.holder import Holder, wait_gone

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the embedded PostgreSQL runs on Linux and macOS")


def ask(url: str, statement: str) -> object:
    async def work() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(work())


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "data"
    with EmbeddedPostgres(folder, sync=False) as server:
        ask(server.url, "CREATE TABLE kept AS SELECT 7 AS value")
    return folder


@pytest.fixture
def data_dir(made_once: Path, tmp_path: Path) -> Iterator[Path]:
    """A data directory with a cluster in it, under pytest's folder, which for root is closed to everybody else."""
    folder = tmp_path / "data"
    subprocess.run(["cp", "-a", str(made_once), str(folder)], check=True)
    yield folder
    shutil.rmtree(folder)


def test_a_stopped_database_comes_back_with_its_rows(data_dir: Path) -> None:
    for _ in range(2):
        with EmbeddedPostgres(data_dir) as server:
            assert ask(server.url, "SELECT value FROM kept") == 7
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


def test_nobody_but_the_owner_reaches_the_socket_and_no_port_is_opened(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        assert ask(server.url, "SHOW listen_addresses") == ""
        assert (data_dir / "run").stat().st_mode & 0o777 == 0o700
        assert (data_dir / "postgres.log").stat().st_mode & 0o077 == 0


def test_killing_the_parent_ends_the_database_and_each_next_start_works(data_dir: Path) -> None:
    for turn in range(3):
        with Holder(data_dir) as holder:
            holder.kill9()
            # At once, while the old server may still be on its way out.
            with EmbeddedPostgres(data_dir) as server:
                assert server.pid != holder.postgres_pid
                ask(server.url, f"INSERT INTO kept VALUES ({turn}) RETURNING value")
                assert ask(server.url, "SELECT count(*) FROM kept") == turn + 2


def test_a_killed_parent_does_not_leave_a_database_running(data_dir: Path) -> None:
    with Holder(data_dir) as holder:
        holder.kill9()
        wait_gone(holder.postgres_pid)


def test_a_power_cut_loses_nothing_and_the_next_start_works(data_dir: Path) -> None:
    with Holder(data_dir) as holder:
        url = EmbeddedPostgres(data_dir).url
        ask(url, "INSERT INTO kept VALUES (8) RETURNING value")
        os.kill(holder.postgres_pid, signal.SIGKILL)
        holder.kill9()
    assert (data_dir / "postgres" / "postmaster.pid").exists()
    with EmbeddedPostgres(data_dir) as server:
        assert ask(server.url, "SELECT count(*) FROM kept") == 2


def test_a_server_that_something_killed_comes_back_by_itself(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    with EmbeddedPostgres(data_dir) as server:
        ask(server.url, "INSERT INTO kept VALUES (9) RETURNING value")
        first = server.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while server.pid == first or not is_ready(data_dir / "postgres", server.pid):
            assert time.monotonic() < deadline, "it stayed away"
            select.select([], [], [], 0.02)
        assert ask(server.url, "SELECT count(*) FROM kept") == 2
    assert "ended unexpectedly" in caplog.text
    assert not (data_dir / "postgres" / "postmaster.pid").exists(), "a stop is a stop, also after a return"


def test_something_that_is_no_database_is_left_alone_and_named(data_dir: Path) -> None:
    (data_dir / "postgres" / "PG_VERSION").unlink()
    with pytest.raises(EmbeddedError, match="holds something that is no database: move it away"):
        EmbeddedPostgres(data_dir, sync=False).start()
    assert (data_dir / "postgres" / "base").is_dir()


def test_a_pid_file_whose_number_belongs_to_somebody_else_now_hurts_neither(data_dir: Path) -> None:
    owner = (data_dir / "postgres").stat()
    with subprocess.Popen(["sleep", "60"], user=owner.st_uid if os.geteuid() == 0 else None, cwd="/") as bystander:
        stale = data_dir / "postgres" / "postmaster.pid"
        stale.write_text(f"{bystander.pid}\n{data_dir / 'postgres'}\n1\n5432\n{data_dir / 'run'}\n\n\nready   \n")
        os.chown(stale, owner.st_uid, owner.st_gid)
        with EmbeddedPostgres(data_dir) as server:
            assert ask(server.url, "SELECT 1") == 1
        assert bystander.poll() is None
        bystander.kill()


def test_a_second_server_on_the_same_data_is_refused_by_the_number_of_the_first(data_dir: Path) -> None:
    with Holder(data_dir) as holder:
        with pytest.raises(DataDirInUse, match=f"in use by process {holder.pid}$"):
            EmbeddedPostgres(data_dir).start()
        with attach_or_start(data_dir) as url:
            assert ask(url, "SELECT value FROM kept") == 7, "the refused start must not hurt the running server"


def test_a_command_beside_a_server_uses_that_server_and_leaves_it_running(data_dir: Path) -> None:
    with Holder(data_dir) as holder:
        for _ in range(2):
            with attach_or_start(data_dir) as url:
                assert ask(url, "SELECT value FROM kept") == 7
        os.kill(holder.postgres_pid, 0)


def test_a_command_beside_another_command_waits_for_its_turn(data_dir: Path) -> None:
    with Holder(data_dir, "command") as holder:
        answers: list[object] = []

        def second() -> None:
            with attach_or_start(data_dir) as url:
                answers.append(ask(url, "SELECT value FROM kept"))

        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.5)
        assert answers == [], "it would lose its server in the middle of its work"
        holder.let_go()
        thread.join(30)
    assert answers == [7]


def test_a_first_start_that_was_cut_off_leaves_nothing_half_made(data_dir: Path) -> None:
    shutil.rmtree(data_dir / "postgres")
    (data_dir / "postgres.new").mkdir()
    (data_dir / "postgres.new" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(data_dir, sync=False) as server:
        assert ask(server.url, "SELECT current_database()") == "flowpilot"
    assert not (data_dir / "postgres.new").exists()


def test_data_of_another_major_version_is_refused_in_words(data_dir: Path) -> None:
    (data_dir / "postgres" / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedError, match="was made by PostgreSQL 15 and this version carries"):
        EmbeddedPostgres(data_dir).start()


def test_a_refused_start_frees_the_data_directory(data_dir: Path) -> None:
    version = (data_dir / "postgres" / "PG_VERSION").read_text()
    (data_dir / "postgres" / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedError):
        EmbeddedPostgres(data_dir).start()
    (data_dir / "postgres" / "PG_VERSION").write_text(version)
    with EmbeddedPostgres(data_dir) as server:
        assert ask(server.url, "SELECT 1") == 1


def test_what_postgresql_says_about_a_bad_start_reaches_the_person(data_dir: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"did not start: .*max_connections"):
        EmbeddedPostgres(data_dir, options=[("max_connections", "none")]).start()
