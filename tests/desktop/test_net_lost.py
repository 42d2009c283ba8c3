"""Never lost: whatever happens on the way to the server, what is shown in the end is what waits, each told once."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

import httpx
import pytest

from desktop.core.controller import Controller
from desktop.net.session import Session
from desktop.net.socket import WebSocket, WebSocketConnector
from tests.conftest import Http
from tests.desktop.rig import Recorder, app_at
from tests.support.flow import API, act, claimed, escalated
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.tcp_proxy import TcpProxy

People = Callable[..., Awaitable[Crew]]
WITHIN_S = 40.0
"""A dead link is noticed within 25 s; the rest is for a busy machine."""


@pytest.fixture
async def crew(people: People) -> Crew:
    return await people()


@pytest.fixture
async def way(server: Server) -> AsyncIterator[TcpProxy]:
    async with TcpProxy(("127.0.0.1", server.port)) as proxy:
        yield proxy


def drawn(seed: int) -> random.Random:
    """The same on each run."""
    return random.Random(seed)  # noqa: S311 - nothing secret


def url(way: TcpProxy) -> str:
    return f"http://127.0.0.1:{way.port}"


async def whole(seen: Recorder, senior: httpx.AsyncClient) -> None:
    """What the window shows is what waits at the server, and no toast is left of anything else."""

    async def waiting() -> list[str]:
        page = (await senior.get(f"{API}/handoffs", params={"status": "pending", "limit": 200})).json()
        return [item["id"] for item in page["items"]]

    truth = await waiting()
    await seen.until(lambda: [row.id for row in seen.queue.rows if row.outcome is None] == truth, WITHIN_S)
    await seen.until(lambda: set(seen.toasts) <= {*truth, "digest"}, WITHIN_S)
    assert seen.tray is not None
    assert seen.tray.count == len(truth)
    alerted = [toast_id for toast_id, variant in seen.toast_log if variant == "new"]
    assert len(alerted) == len(set(alerted)), "an escalation was told twice"


async def busy_hour(http: Http, crew: Crew, count: int, chance: random.Random) -> None:
    """So many escalations, some of which are claimed, handed back, withdrawn."""
    junior, other = http(crew.technician), http(crew.second_engineer)
    for number in range(count):
        made = (await escalated(junior, f"Problem {number}"))["id"]
        match chance.randrange(4):
            case 0:
                await claimed(other, made)
            case 1:
                await claimed(other, made)
                assert (await act(other, made, "release")).status_code == 200
            case 2:
                assert (await act(junior, made, "withdraw")).status_code == 200


async def live(seen: Recorder, times: int = 1) -> None:
    await seen.until(lambda: len(seen.marked("live")) >= times and seen.state() == "connected", WITHIN_S)


async def test_a_broken_link(http: Http, crew: Crew, way: TcpProxy) -> None:
    async with app_at(url(way), crew.engineer.token) as (seen, _):
        await live(seen)
        for times in (2, 3):
            way.cut()
            await busy_hour(http, crew, 2, drawn(times))
            await live(seen, times)
            await whole(seen, http(crew.engineer))


async def test_sleep_leaves_a_socket_that_looks_open(http: Http, crew: Crew, way: TcpProxy) -> None:
    """Nothing passes through the old connection any more, and nobody says so; a new one is made at once."""
    async with app_at(url(way), crew.engineer.token) as (seen, controller):
        await live(seen)
        lost = (await escalated(http(crew.technician), "Before the sleep"))["id"]
        await seen.until(lambda: lost in seen.toasts, WITHIN_S)
        way.stall()
        await claimed(http(crew.second_engineer), lost)
        await busy_hour(http, crew, 3, drawn(1))
        old = set(way.links)
        began = asyncio.get_running_loop().time()
        controller.woke_up()
        await asyncio.sleep(0)
        for link in old:
            way.links.discard(link)
        way.heal()
        await live(seen, 2)
        await whole(seen, http(crew.engineer))
        assert asyncio.get_running_loop().time() - began < 20, "it waited for the dead socket"
        assert lost not in seen.toasts


@pytest.mark.slow
async def test_a_link_on_which_nothing_comes_any_more_is_noticed(http: Http, crew: Crew, way: TcpProxy) -> None:
    """Half open: what the app sends goes out, nothing comes back. Heartbeats that stay away tell."""
    async with app_at(url(way), crew.engineer.token) as (seen, _):
        await live(seen)
        way.half_close("down")
        began = asyncio.get_running_loop().time()
        await busy_hour(http, crew, 2, drawn(2))
        await seen.until(lambda: seen.state() != "connected", WITHIN_S)
        assert asyncio.get_running_loop().time() - began < WITHIN_S
        way.heal()
        await live(seen, 2)
        await whole(seen, http(crew.engineer))


@pytest.mark.slow
async def test_a_day_without_network_and_250_events(http: Http, crew: Crew, way: TcpProxy) -> None:
    async with app_at(url(way), crew.engineer.token) as (seen, controller):
        await live(seen)
        way.refuse()
        await seen.until(lambda: seen.state() == "reconnecting", WITHIN_S)
        await busy_hour(http, crew, 130, drawn(250))
        page = (await http(crew.engineer).get(f"{API}/events", params={"after": 0, "limit": 500})).json()
        assert page["head"] >= 250
        way.heal()
        began = asyncio.get_running_loop().time()
        controller.woke_up()
        await live(seen, 2)
        await whole(seen, http(crew.engineer))
        assert asyncio.get_running_loop().time() - began < 20
        variants = [variant for _, variant in seen.toast_log]
        assert variants.count("digest") == 1, "one summary, not a hundred toasts"
        assert variants.count("new") <= 3


@pytest.mark.slow
async def test_any_trouble_in_any_order(http: Http, crew: Crew, way: TcpProxy) -> None:
    chance = drawn(20261127)

    async def trouble(controller: Controller) -> None:
        match chance.randrange(5):
            case 0:
                way.cut()
            case 1:
                way.cut_after(chance.randrange(200, 6000), "down")
            case 2:
                way.delay(0.05)
            case 3:
                controller.woke_up()
            case 4:
                controller.network_changed()

    async with app_at(url(way), crew.engineer.token) as (seen, controller):
        await live(seen)
        for _ in range(12):
            await trouble(controller)
            await busy_hour(http, crew, 1, chance)
        way.heal()
        controller.woke_up()
        await whole(seen, http(crew.engineer))
        frames = [str(fields["seq"]).zfill(6) for fields in seen.marked("frame")]
        assert frames == sorted(set(frames)), "an event was applied twice, or out of order"


async def test_a_close_that_is_cut_short_leaves_no_socket_open(crew: Crew, way: TcpProxy) -> None:
    """The peer does not answer the goodbye, and the app does not wait for it."""
    stream = await WebSocketConnector(Session(url(way), crew.engineer.token), None).connect()
    await stream.receive()
    way.stall()
    closing = asyncio.create_task(stream.close())
    await asyncio.sleep(0.05)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    assert cast("WebSocket", stream)._connection.transport.is_closing()
