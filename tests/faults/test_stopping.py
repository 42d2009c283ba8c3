"""The server is told to end while everything around it hangs: it ends by itself, in time, and says what it left."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from backend.commands.ending import LEAVING_S, SERVING_S
from backend.db.embedded import STOP_AT_ONCE_S, STOP_TIMEOUT_S
from backend.db.engine import Database
from tests.support.flow import API, escalated, open_session
from tests.support.listener import end_listening
from tests.support.people import Crew, Member
from tests.support.server import Server
from tests.support.stream import PATH
from tests.support.tcp_proxy import PgProxy

People = Callable[..., Awaitable[Crew]]
MACHINE_S = 5.0
"""What a busy machine may add to a bound that is kept by timers."""
TRIES = 3
"""All bounds together leave two seconds before the program is cut off; a busy machine may take them for once."""


def deaf_socket(server: Server, who: Member) -> socket.socket:
    """An event stream whose client reads nothing from its greeting on, and so never answers a close either."""
    one = socket.create_connection(("127.0.0.1", server.port))
    one.sendall(
        f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {who.token}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert one.recv(12) == b"HTTP/1.1 101"
    return one


@contextlib.asynccontextmanager
async def mute_mail_server() -> AsyncIterator[tuple[int, asyncio.Event]]:
    """Takes connections and never says a word; the event is set by the first."""
    came, held = asyncio.Event(), set[asyncio.StreamWriter]()

    async def swallow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.add(writer)
        came.set()

    listening = await asyncio.start_server(swallow, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1], came
    finally:
        await end_listening(listening)
        for writer in held:
            writer.transport.abort()


@pytest.mark.slow
async def test_a_stop_ends_in_time_while_database_mail_server_and_clients_all_hang(
    people: People, database: Database, database_url: str, tmp_path: Path
) -> None:
    """Whoever restarts a server in trouble must not have to kill it: nothing else listens on its port meanwhile."""
    crew = await people()
    for number in range(TRIES):
        code, took, logs = await stopped_while_all_hangs(crew, database_url, tmp_path / f"server{number}")
        if code == 0 and took < SERVING_S + MACHINE_S:
            break
    assert code == 0, logs
    assert took < SERVING_S + MACHINE_S
    assert "could not say that nobody is connected here within" in logs
    assert "fault in the program" not in logs


async def stopped_while_all_hangs(crew: Crew, database_url: str, folder: Path) -> tuple[int, float, str]:
    """A server's exit code, how long its stop took in seconds, and what it wrote."""
    async with mute_mail_server() as (port, mail_began), PgProxy(database_url) as wire:
        settings = {"FLOWPILOT_SMTP_URL": f"smtp://127.0.0.1:{port}", "FLOWPILOT_EMAIL_AFTER_S": "0"}
        server = Server(wire.url, folder, environment=settings)
        await asyncio.to_thread(server.start)
        headers = {"Authorization": f"Bearer {crew.technician.token}"}
        async with httpx.AsyncClient(base_url=server.url, headers=headers, trust_env=False, timeout=60) as junior:
            await escalated(junior)
            async with asyncio.timeout(60):
                await mail_began.wait()
            session = await open_session(junior, "Another")
            deaf = [await asyncio.to_thread(deaf_socket, server, who) for who in (crew.engineer, crew.second_engineer)]
            with contextlib.ExitStack() as stack:
                for one in deaf:
                    stack.enter_context(one)
                wire.stall()
                waiting = [
                    asyncio.create_task(junior.get(f"{API}/events", params={"after": 1, "wait": 25})),
                    asyncio.create_task(junior.post(f"{API}/ai-sessions/{session}/handoff", json={"reason": "Now"})),
                ]
                await asyncio.sleep(0.2)
                began = time.monotonic()
                code = await asyncio.to_thread(server.stop)
                took = time.monotonic() - began
                await asyncio.gather(*waiting, return_exceptions=True)
    return code, took, server.logs


@pytest.mark.slow
def test_a_thread_that_never_ends_holds_up_no_stop_and_is_named(database_url: str, tmp_path: Path) -> None:
    """One that waits for a name server or a network disk would keep the process until that answers, or for ever."""
    plan = {"FP_FAULT_PLAN": json.dumps({"stuck": 0.5})}
    server = Server(database_url, tmp_path / "server", environment=plan, program="tests.support.faulty_server")
    server.start()
    assert server.stop() == 1, "a stop that left something behind does not call itself a success"
    assert "Timeout" in server.logs
    assert "hang_for_ever" in server.logs, "whoever reads the log must find what it was"


def test_a_database_may_take_its_time_and_a_service_manager_still_kills_nobody() -> None:
    unit = Path(__file__).parents[2] / "packaging" / "server" / "flowpilot.service"
    assert f"TimeoutStopSec={SERVING_S + LEAVING_S:.0f}" in unit.read_text()
    assert STOP_TIMEOUT_S + STOP_AT_ONCE_S < LEAVING_S
