"""Server processes woken by NATS: at once while it lives, within seconds while it does not, and never stopped."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from backend.commands.doctor import _broker
from backend.db.hint_nats import NatsServers
from backend.settings import Settings
from tests.conftest import Http, StartServer
from tests.support.flow import escalated
from tests.support.nats_server import NatsServer
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.stream import listening

People = Callable[..., Awaitable[Crew]]
WITHIN_S = 60.0


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[NatsServer]:
    one = NatsServer(tmp_path)
    yield one
    one.end()


async def figure(server: Server, name: str) -> float:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        lines = (await client.get(f"{server.url}/metrics")).text.splitlines()
    return next(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"flowpilot_{name}"))


async def until(true: Callable[[float], bool], server: Server, name: str) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not true(await figure(server, name)):  # noqa: ASYNC110 - another process's figure
            await asyncio.sleep(0.05)


async def line_is(up: bool, *servers: Server) -> None:
    for server in servers:
        await until(lambda now: now == up, server, 'hint_line_up{bus="nats"}')


async def test_whoever_asks_another_process_reads_what_was_committed_though_no_hint_came(
    people: People, start_server: StartServer, http: Http, nats: NatsServer
) -> None:
    here, there = [await start_server(FLOWPILOT_EVENT_BUS=nats.url, FLOWPILOT_WORKER="off") for _ in range(2)]
    crew = await people()
    async with listening(there, crew.engineer):  # so that the account's log is in that process's memory, freshly read
        handoff = await escalated(http(crew.technician, at=here))
        page = (await http(crew.engineer, at=there).get("/api/v1/events")).json()
    assert [event["data"]["handoff_id"] for event in page["events"]] == [handoff["id"]]


async def test_events_cross_by_nats_and_without_it(
    people: People, start_server: StartServer, http: Http, nats: NatsServer, tmp_path: Path
) -> None:
    """A broker that is down may cost seconds; it may not cost an escalation, an event or a start."""
    # Nobody listens on that port yet.
    here, there = [await start_server(FLOWPILOT_EVENT_BUS=nats.url, FLOWPILOT_WORKER="off") for _ in range(2)]
    crew = await people()
    junior = http(crew.technician, at=here)
    settings = Settings(data_dir=tmp_path, event_bus=nats.url)
    finding = await asyncio.to_thread(_broker, settings)
    assert (finding.state, "hush" in finding.text) == ("WRONG", False)
    assert f"NATS at 127.0.0.1:{nats.port}" in finding.text

    async with listening(there, crew.engineer) as client:
        await client.resume(0)
        await escalated(junior)
        assert (await client.event())["seq"] == 1, "found by looking"

        await nats.start()
        await line_is(True, here, there)
        assert (await asyncio.to_thread(_broker, settings)).state == "ok"
        heard = await figure(there, "hints_heard_total")
        await escalated(junior)
        assert (await client.event())["seq"] == 2
        await until(lambda now: now > heard, there, "hints_heard_total")  # the event may have been found by looking

        nats.kill9()
        await line_is(False, here, there)
        await escalated(junior)
        assert (await client.event())["seq"] == 3
        assert await figure(here, "hints_lost_total") > 0

        await nats.start()
        await line_is(True, here, there)
        again = await figure(there, "hints_heard_total")
        await escalated(junior)
        assert (await client.event())["seq"] == 4
        await until(lambda now: now > again, there, "hints_heard_total")
    for server in (here, there):
        assert "hints between processes are lost, NATS at 127.0.0.1" in server.logs
        assert f"go over NATS at 127.0.0.1:{nats.port} again" in server.logs
        assert "hush" not in server.logs
        assert "Traceback" not in server.logs


async def test_a_wrong_password_is_told_by_doctor_and_stops_nothing(nats: NatsServer, tmp_path: Path) -> None:
    await nats.start()
    settings = Settings(data_dir=tmp_path, event_bus=nats.url.replace("hush%2Fhush%401", "wrong-secret"))
    finding = await asyncio.to_thread(_broker, settings)
    assert finding.state == "WRONG"
    assert "Authorization Violation" in finding.text
    assert "wrong-secret" not in finding.text


def test_addresses_are_read_with_their_sign_in_and_shown_without() -> None:
    both = NatsServers.parse("nats://u:p%40ss@one.example, nats://[::1]:5222")
    assert (both.hosts, both.user, both.password, both.token) == (("one.example:4222", "[::1]:5222"), "u", "p@ss", None)
    token = NatsServers.parse("tls://s3cret@one.example")
    assert (token.token, token.user, token.encrypted) == ("s3cret", None, True)
    assert "s3cret" not in repr(token)
    assert "p@ss" not in repr(both)
