"""`serve --workers N`: a process of several that dies costs its clients a reconnect, and nobody an event."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import WebSocketException

from benchmarks.usage import family
from tests.conftest import Http, StartServer
from tests.support.flow import claimed, escalated
from tests.support.people import Crew, Member
from tests.support.server import Server
from tests.support.stream import WITHIN_S, listening

pytestmark = pytest.mark.slow
People = Callable[..., Awaitable[Crew]]


def workers_of(server: Server) -> set[int]:
    return {pid for pid in family(server.pid) if b"spawn_main" in command_line(pid)}


def command_line(pid: int) -> bytes:
    """Nothing, when it has ended since it was listed."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


async def follows(server: Server, who: Member, total: int, ready: asyncio.Semaphore) -> tuple[list[int], int]:
    """Read the log from its beginning, by as many sockets as it takes; the positions, and how often it was cut."""
    seen: list[int] = []
    cuts = 0
    while len(seen) < total:
        try:
            async with listening(server, who) as client:
                await client.resume(seen[-1] if seen else 0)
                ready.release()
                while len(seen) < total:
                    seen.append((await client.event())["seq"])
        except (WebSocketException, OSError, EOFError):
            cuts += 1
            await asyncio.sleep(0.1)
    return seen, cuts


def files_of(pid: int) -> int:
    """How many files the process has open; each of its connections is one."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


async def test_a_killed_process_of_several_loses_nothing(people: People, start_server: StartServer, http: Http) -> None:
    server = await start_server(workers=2, FLOWPILOT_WORKER="off")
    crew = await people()
    junior, senior = http(crew.technician, at=server), http(crew.engineer, at=server)
    ready = asyncio.Semaphore(0)
    readers = [asyncio.create_task(follows(server, one, 12, ready)) for one in crew.everyone for _ in range(2)]
    for _ in readers:
        async with asyncio.timeout(WITHIN_S):
            await ready.acquire()
    before = workers_of(server)
    assert len(before) == 2
    victim = max(before, key=files_of)  # which of them takes a connection is up to the system
    for n in range(6):  # each an escalation and a claim
        if n == 2:
            os.kill(victim, signal.SIGKILL)
        async with asyncio.timeout(WITHIN_S):
            while True:
                try:
                    handoff = await escalated(junior)
                    await claimed(senior, handoff["id"])
                    break
                except httpx.TransportError:  # the process that had this connection
                    await asyncio.sleep(0.1)
    async with asyncio.timeout(WITHIN_S):
        found = await asyncio.gather(*readers)
    assert {tuple(seen) for seen, _ in found} == {tuple(range(1, 13))}, "in order, without gap or repetition"
    assert sum(cuts for _, cuts in found) > 0, "the dead process had clients"
    async with asyncio.timeout(WITHIN_S):
        while len(workers_of(server) - {victim}) < 2:  # noqa: ASYNC110 - another process's children
            await asyncio.sleep(0.1)
