"""The server is killed as by a power cut while juniors escalate: whatever was answered 201 reaches the senior once."""

import asyncio
import contextlib
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from backend.db.embedded import attach_or_start
from tests.conftest import Http, StartServer
from tests.support.flow import escalate, log_of, open_session
from tests.support.people import Crew, Member
from tests.support.server import Server
from tests.support.stream import EventClient, listening

KILLS = 3
AFTER_EACH = 8
"""Escalations answered with 201 between two kills."""


class Senior:
    """A client that resumes from its cursor for as long as it lives, as the tray app does."""

    def __init__(self, server: Server, who: Member) -> None:
        self.events: list[dict[str, object]] = []
        self._server, self._who = server, who
        self._cursor = 0
        self._epoch: str | None = None
        self._enough: tuple[int, asyncio.Event] = (0, asyncio.Event())

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            with contextlib.suppress(OSError, ConnectionClosed, InvalidHandshake, TimeoutError, EOFError):
                async with listening(self._server, self._who) as client:
                    if self._epoch is None:
                        self._epoch = client.hello["epoch"]
                    await client.resume(self._cursor, self._epoch)
                    await self._follow(client)
            await asyncio.sleep(0.05)

    async def _follow(self, client: EventClient) -> None:
        while True:
            event = await client.event(within=60)
            self._cursor = client.cursor
            self.events.append(event)
            if len(self.created) == self._enough[0]:
                self._enough[1].set()

    @property
    def created(self) -> list[str]:
        """The handoffs it was alerted of, in order; what the worker adds to them later is left out."""
        return [event["data"]["handoff_id"] for event in self.events if event["kind"] == "handoff.created"]  # type: ignore[index]  # JSON objects

    async def has(self, n: int) -> None:
        """Wait for the n-th alert."""
        self._enough = (n, asyncio.Event())
        if len(self.created) < n:
            async with asyncio.timeout(60):
                await self._enough[1].wait()


class Junior:
    """Escalates without pause. `answered` holds what got 201; a broken request is asked again with its own key."""

    def __init__(self, client: httpx.AsyncClient, name: str, sessions: list[str], told: asyncio.Semaphore) -> None:
        self.answered: list[str] = []
        self._told = told
        self._client, self._name, self._sessions = client, name, sessions

    async def run(self) -> None:
        """Escalate every session; a request whose answer was lost is repeated until it has one."""
        for n, session_id in enumerate(self._sessions):
            while True:
                try:
                    answer = await escalate(self._client, session_id, key=f"{self._name}-{n}")
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
                    continue
                if answer.status_code == 503:
                    await asyncio.sleep(0.05)
                    continue
                assert answer.status_code in {200, 201}, answer.text
                self.answered.append(answer.json()["id"])
                self._told.release()
                break


async def killed_again_and_again(
    server: Server, crew: Crew, client: httpx.AsyncClient, kill: Callable[[], Awaitable[None]]
) -> None:
    """The story itself, for either database."""
    sessions = [await open_session(client, f"Session {n}") for n in range(2 * KILLS * AFTER_EACH)]
    told = asyncio.Semaphore(0)
    juniors = [Junior(client, f"junior{n}", sessions[n::2], told) for n in range(2)]
    senior = Senior(server, crew.engineer)
    async with asyncio.TaskGroup() as tasks:
        ear = tasks.create_task(senior.run())
        work = [tasks.create_task(junior.run()) for junior in juniors]
        for _ in range(KILLS):
            async with asyncio.timeout(60):
                for _ in range(AFTER_EACH):
                    await told.acquire()
            await kill()
            await asyncio.to_thread(server.start)
        await asyncio.gather(*work)
        await senior.has(len(sessions))
        ear.cancel()
    answered = {handoff_id for junior in juniors for handoff_id in junior.answered}
    assert len(answered) == len(sessions), "each session has one handoff, however often it was asked for"
    assert sorted(senior.created) == sorted(answered), "every 201 reached the senior exactly once"
    assert [event["seq"] for event in senior.events] == list(range(1, len(senior.events) + 1))
    log = await log_of(client)
    assert [e["seq"] for e in log] == list(range(1, len(log) + 1)), "the log has no gap"
    assert [e["kind"] for e in log].count("handoff.created") == len(sessions)
    heard, stands = [[(e["seq"], e["kind"], e["data"]) for e in events] for events in (senior.events, log)]
    assert heard == stands[: len(heard)], "what was heard is what stands"
    queue = (await client.get("/api/v1/handoffs", params={"limit": 200})).json()
    assert {row["id"] for row in queue["items"]} == answered
    assert queue["seq"] >= len(log)


async def test_every_201_survives_kill_9_and_reaches_the_senior_once_in_order(
    people: Callable[..., Awaitable[Crew]], start_server: StartServer, http: Http
) -> None:
    server = await start_server()
    crew = await people()
    await killed_again_and_again(
        server, crew, http(crew.technician, at=server), lambda: asyncio.to_thread(server.kill9)
    )


@pytest.mark.skipif(sys.platform == "win32", reason="the embedded PostgreSQL runs on Linux and macOS")
async def test_the_same_with_the_embedded_database_that_dies_with_the_server(
    tmp_path: Path, people_in: Callable[[str], Awaitable[Crew]]
) -> None:
    server = Server(None, tmp_path / "data")
    await asyncio.to_thread(server.start)
    try:
        with attach_or_start(server.data_dir) as url:
            crew = await people_in(url)
        headers = {"Authorization": f"Bearer {crew.technician.token}"}
        async with httpx.AsyncClient(base_url=server.url, headers=headers, trust_env=False, timeout=30) as client:
            await killed_again_and_again(server, crew, client, lambda: asyncio.to_thread(server.kill9))
    finally:
        await asyncio.to_thread(server.stop)
        shutil.rmtree(server.data_dir, ignore_errors=True)
