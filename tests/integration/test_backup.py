"""A backup is worth what a restore makes of it: a server that goes on with everything, and clients that notice."""

import asyncio
import io
import stat
import tarfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.conftest import Http
from tests.support.cli import Answer, flowpilot
from tests.support.people import Crew
from tests.support.server import Server

pytestmark = pytest.mark.slow


async def command(*arguments: str, data_dir: Path, url: str | None = None) -> Answer:
    return await asyncio.to_thread(flowpilot, *arguments, data_dir=data_dir, database_url=url, timeout=120)


async def test_a_restored_server_goes_on_with_everything_under_a_new_epoch(
    database_url: str, people: Callable[..., Awaitable[Crew]], http: Http, tmp_path: Path
) -> None:
    """A shop that lost its machine: the hand-off waits again, people sign in, clients know that history changed."""
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    session = (await junior.post("/api/v1/ai-sessions", json={"title": "VPN", "problem": "It drops."})).json()
    new = {"reason": "I am out of ideas here", "need": "Somebody who knows the firewall"}
    made = (await junior.post(f"/api/v1/ai-sessions/{session['id']}/handoff", json=new)).json()
    before = (await senior.get("/api/v1/events?after=0")).json()
    file = tmp_path / "monday.fpbackup"
    written = await command("backup", str(file), data_dir=tmp_path / "old", url=database_url)
    assert (written.code, written.err) == (0, "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    back = await command("restore", str(file), data_dir=tmp_path / "new")
    assert (back.code, back.err) == (0, "")
    server = Server(None, tmp_path / "new", environment={"FLOWPILOT_WORKER": "off"})
    await asyncio.to_thread(server.start)
    try:
        senior = http(crew.engineer, at=server)
        waiting = (await senior.get("/api/v1/handoffs?status=pending")).json()
        assert [row["id"] for row in waiting["items"]] == [made["id"]]
        after = (await senior.get("/api/v1/events?after=0")).json()
        assert after["head"] == before["head"]
        assert after["epoch"] != before["epoch"]
        assert (await senior.post(f"/api/v1/handoffs/{made['id']}/claim")).json()["outcome"] == "claimed"
    finally:
        await asyncio.to_thread(server.stop)
    again = await command("restore", str(file), data_dir=tmp_path / "new")
    assert again.code == 2
    assert "holds a database already" in again.err


async def test_what_is_there_is_never_written_over_and_what_is_spoilt_never_restored(
    database_url: str, tmp_path: Path
) -> None:
    """Somebody restores in a hurry, with the wrong file or into the wrong place: nothing may be lost by that."""
    file = tmp_path / "empty.fpbackup"
    written = await command("backup", str(file), data_dir=tmp_path / "old", url=database_url)
    assert (written.code, written.err) == (0, "")
    kept = _bytes(file)
    again = await command("backup", str(file), data_dir=tmp_path / "old", url=database_url)
    assert (again.code, "is there already" in again.err) == (2, True)
    assert _bytes(file) == kept
    full = await command("restore", str(file), data_dir=tmp_path / "new", url=database_url)
    assert (full.code, "the database is not empty" in full.err) == (2, True)
    for spoil, sentence in (
        ("end", "no backup of FlowPilot"),
        ("dump", "is damaged"),
        ("revision", "a newer FlowPilot"),
    ):
        answer = await command("restore", str(_spoilt(file, spoil)), data_dir=tmp_path / spoil)
        assert (answer.code, sentence in answer.err) == (2, True), answer.err
        assert not (tmp_path / spoil / "postgres").exists()


def _bytes(file: Path) -> bytes:
    return file.read_bytes()


def _spoilt(file: Path, spoil: str) -> Path:
    bad = file.with_name(f"{spoil}.fpbackup")
    if spoil == "end":
        bad.write_bytes(file.read_bytes()[:100])
        return bad
    with tarfile.open(file) as old, tarfile.open(bad, "w") as new:
        for member in old.getmembers():
            source = old.extractfile(member)
            assert source is not None
            data = source.read()
            if spoil == "revision" and member.name == "manifest.json":
                data = data.replace(b'"revision": "', b'"revision": "9')
            if spoil == "dump" and member.name == "database.dump":
                data = data[:-1] + bytes([data[-1] ^ 1])
            member.size = len(data)
            new.addfile(member, io.BytesIO(data))
    return bad
