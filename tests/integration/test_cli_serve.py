"""`serve` and `demo` as an operator lives with them: starts, stops, crashes, and starts again on the same data."""

import asyncio
import os
import signal
import subprocess
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from backend.db.embedded import EmbeddedPostgres
from tests.support import postgres
from tests.support.cli import command_line, flowpilot
from tests.support.server import Server

OWNER = ("--name", "Northwind MSP", "--owner-email", "olga@northwind.example", "--owner-name", "Olga Owner")


def me(server: Server, token: str) -> int:
    return httpx.get(
        f"{server.url}/api/v1/me", headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=30
    ).status_code


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_the_nth_start_after_kill_9_serves_the_same_data_on_the_same_port(tmp_path: Path, workers: int) -> None:
    server = Server(None, tmp_path / "data", workers=workers).start()
    try:
        flowpilot("account", "create", *OWNER, data_dir=server.data_dir)
        token = flowpilot("token", "create", "--email", "olga@northwind.example", data_dir=server.data_dir).out.strip()
        for _ in range(2):
            server.kill9()
            server.start()
            assert me(server, token) == 200
    finally:
        server.stop()


def test_a_stop_signal_ends_server_and_database_cleanly(tmp_path: Path) -> None:
    server = Server(None, tmp_path / "data").start()
    assert server.stop() == 0
    assert not (server.data_dir / "postgres" / "postmaster.pid").exists()
    assert "Traceback" not in server.logs


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that runs its own database."""
    server = Server(None, tmp_path_factory.mktemp("lone") / "data", from_scratch=True).start()
    yield server
    server.stop()


def test_a_second_server_on_the_same_data_is_refused_and_hurts_nothing(lone: Server) -> None:
    answer = flowpilot("serve", "--port", "0", data_dir=lone.data_dir)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == f"flowpilot: the data directory {lone.data_dir} is in use by process {lone.pid}\n"
    assert httpx.get(f"{lone.url}/readyz", trust_env=False, timeout=30).status_code == 200


def test_commands_work_beside_a_running_server_without_a_database_of_ones_own(lone: Server) -> None:
    assert flowpilot("account", "create", *OWNER, data_dir=lone.data_dir, from_scratch=True).code == 0
    token = flowpilot(
        "token", "create", "--email", "olga@northwind.example", data_dir=lone.data_dir, from_scratch=True
    ).out.strip()
    assert me(lone, token) == 200
    doctor = flowpilot("doctor", data_dir=lone.data_dir, from_scratch=True)
    assert (doctor.code, "bound by row-level security" in doctor.out) == (0, True)
    assert lone.alive


@pytest.mark.slow
async def test_several_servers_may_start_at_once_on_a_new_database(cluster_url: str, tmp_path: Path) -> None:
    url = await postgres.empty_database(cluster_url, f"fresh_{uuid.uuid4().hex}")
    servers = [Server(url, tmp_path / name, from_scratch=True) for name in ("one", "two")]
    try:
        await asyncio.gather(*(asyncio.to_thread(server.start) for server in servers))
    finally:
        for server in servers:
            server.kill9()
        await postgres.drop_database(cluster_url, url.partition("@/")[2].partition("?")[0])


@pytest.mark.slow
def test_a_server_started_before_its_database_waits_and_then_serves(tmp_path: Path) -> None:
    database = EmbeddedPostgres(tmp_path / "db", sync=False)
    database.start()
    database.stop()
    server = Server(database.url, tmp_path / "data", from_scratch=True)
    waiting = threading.Thread(target=server.start)
    waiting.start()
    try:
        assert server.said("waiting for the database", timeout=60)
        database.start()
        waiting.join(60)
        assert httpx.get(f"{server.url}/readyz", trust_env=False, timeout=30).status_code == 200
    finally:
        server.stop()
        database.stop()


def test_a_server_on_a_database_of_its_own_makes_its_data_directory_and_shows_no_secret_to_others(
    tmp_path: Path,
) -> None:
    """What it keeps outside the database (the audit log's anchors) needs the directory, whoever gave the secret key."""
    data_dir = tmp_path / "not" / "yet"
    secret = "postgresql://somebody:very-secret@127.0.0.1:1/x"
    with subprocess.Popen(
        command_line("serve", "--port", "0"),
        stderr=subprocess.PIPE,
        text=True,
        env={"FLOWPILOT_DATABASE_URL": secret, "FLOWPILOT_DATA_DIR": str(data_dir), "FLOWPILOT_DB_WAIT_S": "30"}
        | {"FLOWPILOT_SECRET_KEY": "0123456789abcdef" * 3},
    ) as process:
        assert process.stderr is not None
        assert "waiting" in process.stderr.readline()
        assert data_dir.is_dir()
        assert b"very-secret" not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
        process.terminate()


@pytest.mark.slow
def test_a_server_whose_database_was_killed_serves_again_by_itself(tmp_path: Path) -> None:
    server = Server(None, tmp_path / "data").start()
    try:
        flowpilot("account", "create", *OWNER, data_dir=server.data_dir)
        token = flowpilot("token", "create", "--email", "olga@northwind.example", data_dir=server.data_dir).out.strip()
        os.kill(int((server.data_dir / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        assert server.said("PostgreSQL runs again", timeout=60)
        assert me(server, token) == 200
    finally:
        assert server.stop() == 0


@pytest.mark.slow
def test_the_demo_says_how_to_sign_in_and_comes_back_with_its_data(tmp_path: Path) -> None:
    demo = Server(None, tmp_path / "demo", arguments=("demo", "--no-tray"), from_scratch=True).start()
    try:
        assert demo.said("Ctrl-C ends the demo", timeout=60)
        assert demo.said("Senior engineer", timeout=1)
        assert demo.said("Nobody is e-mailed", timeout=1), "else its alarm of half a minute later reads like a fault"
        demo.restart()
        assert demo.said("Ctrl-C ends the demo", timeout=60)
        page = httpx.get(f"{demo.url}/sign-in", trust_env=False, timeout=30)
        assert page.status_code == 200
    finally:
        assert demo.stop() == 0
