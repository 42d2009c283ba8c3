"""Without a server the last queue can be read, as it was then; nothing is claimed, nor kept to be claimed later."""

import stat
from pathlib import Path

import pytest

from desktop.platform.queue_file import QueueFile
from tests.desktop.rig import Recorder, app_at, serving
from tests.support.fake_server import LEE
from tests.unit.desktop.test_last_known import KEPT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.json"


def mode(path: Path) -> int | None:
    """Who may read the file; null: there is none."""
    return stat.S_IMODE(path.stat().st_mode) if path.exists() else None


async def test_the_last_queue_is_there_at_the_next_start_and_cannot_be_claimed(path: Path) -> None:
    async with serving() as server:
        async with app_at(server.url, "dana", shelf=QueueFile(path)) as (seen, controller):
            first, second = server.escalate("First"), server.escalate("Second", priority="urgent")
            await seen.until(lambda: seen.state() == "connected" and seen.rows() == [second, first])
            controller.select(first)
            await seen.until(lambda: seen.detail is not None and seen.detail.handoff is not None)
        assert mode(path) == 0o600
        await server.stop()
        async with app_at(server.url, "dana", shelf=QueueFile(path)) as (seen, controller):
            await seen.until(lambda: seen.rows() == [second, first])
            await seen.until(lambda: seen.state() != "connected")
            assert seen.queue.loaded
            assert seen.queue.connection.last_update is not None, "drawn with the time at which it was true"
            controller.select(first)
            await seen.until(lambda: seen.detail is not None and seen.detail.handoff is not None)
            assert seen.detail is not None
            assert (seen.detail.stale, seen.detail.error) == (True, None)
            controller.claim(first, "window")
            await seen.until(lambda: seen.marked("claim"))
            assert seen.marked("claim")[0]["outcome"] == "offline"
            assert seen.toast_log == [], "what is old alerts nobody"
            await server.start()
            controller.retry()
            await seen.until(lambda: seen.state() == "connected" and server.handoffs[first]["status"] == "pending")
            assert not [asked for asked in server.requests if asked.endswith("/claim")], "nothing was kept for later"


async def test_what_was_claimed_meanwhile_goes_when_the_server_is_back(path: Path) -> None:
    async with serving() as server:
        async with app_at(server.url, "dana", shelf=QueueFile(path)) as (seen, _):
            handoff_id = server.escalate()
            await seen.until(lambda: seen.state() == "connected" and seen.rows() == [handoff_id])
        server.claim(handoff_id, LEE)
        async with app_at(server.url, "dana", shelf=QueueFile(path)) as (seen, _):
            await seen.until(lambda: seen.state() == "connected" and seen.rows() == [])
        assert seen.toast_log == []


@pytest.mark.parametrize("how", ["revoked", "signed out", "role"])
async def test_it_goes_with_the_sign_in(path: Path, how: str) -> None:
    async with serving() as server:
        async with app_at(server.url, "dana", shelf=QueueFile(path)) as (seen, _):
            handoff_id = server.escalate()
            await seen.until(lambda: seen.state() == "connected" and seen.rows() == [handoff_id])
        assert mode(path) is not None
        if how == "signed out":
            async with app_at(server.url, None, shelf=QueueFile(path)) as (seen, _):
                await seen.until(lambda: seen.state() == "signed_out")
        else:
            async with app_at(server.url, "dana", shelf=QueueFile(path)) as (seen, _):
                await seen.until(lambda: seen.state() == "connected")
                del server.users["dana"]
                await server.drop(4403 if how == "role" else 4401)
                await seen.until(lambda: seen.state() in {"signed_out", "role_changed"})
        assert mode(path) is None
        assert seen.rows() == []


async def test_another_persons_queue_is_nobody_elses(path: Path) -> None:
    async with serving() as server:
        async with app_at(server.url, "dana", shelf=QueueFile(path)) as (seen, _):
            handoff_id = server.escalate()
            await seen.until(lambda: seen.state() == "connected" and seen.rows() == [handoff_id])
        server.handoffs.clear()
        seen = Recorder()
        async with app_at(server.url, "lee", shelf=QueueFile(path), seen=seen):
            await seen.until(lambda: seen.state() == "connected" and seen.rows() == [])
        async with app_at("http://127.0.0.1:1", "lee", shelf=QueueFile(path)) as (seen, _):
            await seen.until(lambda: hasattr(seen.queue, "rows"))
            assert seen.rows() == [], "nor another server's"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"server":"x"}', b"\xff"])
def test_a_file_that_cannot_be_read_is_none(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert QueueFile(path).load() is None
    assert not path.exists()


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shelf = QueueFile(tmp_path / "missing" / "queue.json")
    for _ in range(3):
        shelf.keep(KEPT)
    shelf.wipe()
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
        "the queue is not kept for when there is no server: No such file or directory"
    ]
