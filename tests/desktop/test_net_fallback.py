"""Behind a proxy that refuses WebSocket the tray does its whole work by requests, and goes back by itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from desktop.core import trial
from desktop.core.views import ProbeStep
from desktop.net import fallback
from desktop.net.api import HttpApi
from desktop.net.fallback import FallbackConnector
from desktop.net.probe import Probe
from desktop.net.proxy import SYSTEM, ProxyChoice
from desktop.net.session import Session
from desktop.net.socket import WebSocketConnector
from tests.conftest import Http
from tests.desktop.rig import app_at
from tests.support.flow import claimed, escalated, log_of, open_session
from tests.support.http_proxy import WebProxy
from tests.support.pairing import paired
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import Forms, until_it_reads

People = Callable[..., Awaitable[Crew]]
WITHIN_S = 30.0


@pytest.fixture
async def crew(people: People) -> Crew:
    return await people()


@pytest.fixture
async def proxy(server: Server) -> AsyncIterator[WebProxy]:
    async with WebProxy(server.url) as one:
        yield one


@pytest.mark.parametrize("upgrades", ["refuse", "mute"])
async def test_a_proxy_without_websocket_costs_nothing_but_the_stream(
    upgrades: str, http: Http, crew: Crew, proxy: WebProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallback, "GREETING_S", 1.0)  # mute: nothing ever comes, however long it is waited for
    proxy.upgrades = upgrades  # type: ignore[assignment] # one of them
    junior, other = http(crew.technician), http(crew.second_engineer)
    async with app_at(proxy.url, crew.engineer.token) as (seen, _):
        await seen.until(lambda: seen.state() == "connected", WITHIN_S)
        first = (await escalated(junior, "First"))["id"]
        await seen.until(lambda: first in seen.toasts and seen.rows() == [first], WITHIN_S)
        second = (await escalated(junior, "Second"))["id"]
        await seen.until(lambda: second in seen.toasts, WITHIN_S)
        await claimed(other, first)
        await seen.until(lambda: set(seen.toasts) == {second}, WITHIN_S)
        async with asyncio.timeout(WITHIN_S):
            while len(await shown(http, crew)) < 2:  # noqa: ASYNC110 - the server is another process
                await asyncio.sleep(0.1)
        assert seen.toast_log == [(first, "new"), (second, "new")]
        assert sorted(await shown(http, crew)) == sorted([first, second]), "each told once"


async def test_the_connection_test_tells_that_the_live_link_goes_by_long_poll(
    http: Http, crew: Crew, proxy: WebProxy
) -> None:
    await escalated(http(crew.technician))
    session = Session(proxy.url, crew.engineer.token)
    api = HttpApi(session, None)
    try:
        connector = FallbackConnector(WebSocketConnector(session, None), api)
        last = [steps async for steps in Probe(proxy.url, api, connector, None, SYSTEM).run()][-1]
    finally:
        await api.close()
    assert [(step.name, step.state) for step in last[3:]] == [("Live link", "good"), ("Push echo", "good")]
    assert last[3].words.startswith("By long poll: something on the way refuses the event stream, ")


async def test_the_test_notification_goes_there_and_back_by_requests(crew: Crew, proxy: WebProxy) -> None:
    async with app_at(proxy.url, crew.engineer.token) as (seen, controller):
        await seen.until(lambda: seen.state() == "connected", WITHIN_S)
        told: list[tuple[ProbeStep, ...]] = []
        controller.trial.listener = lambda steps, running: None if running else told.append(steps)
        controller.test_notification()
        async with asyncio.timeout(WITHIN_S):
            while not told:  # noqa: ASYNC110 - the listener is a plain call
                await asyncio.sleep(0.05)
        assert [(step.name, step.state) for step in told[0]] == [(name, "good") for name in trial.NAMES]
        assert told[0][3].words.startswith("The server has it: shown, ")
        assert seen.toast_log == [("test", "test")], "once"


async def shown(http: Http, crew: Crew) -> list[str]:
    told = [e["data"] for e in await log_of(http(crew.admin)) if e["kind"] == "handoff.delivery"]
    return [d["handoff_id"] for d in told if d["state"] == "shown" and d["channel"] == "desktop"]


async def test_a_proxy_for_the_whole_web_that_tunnels_nothing(http: Http, crew: Crew, proxy: WebProxy) -> None:
    choice = ProxyChoice("manual", proxy.url)
    async with app_at("http://flow.test", crew.engineer.token, proxy=choice) as (seen, _):
        await seen.until(lambda: seen.state() == "connected", WITHIN_S)
        made = (await escalated(http(crew.technician)))["id"]
        await seen.until(lambda: made in seen.toasts, WITHIN_S)
    assert "CONNECT flow.test:80" in proxy.asked


async def test_the_stream_comes_back_without_a_gap_or_a_second_toast(http: Http, crew: Crew, proxy: WebProxy) -> None:
    junior = http(crew.technician)
    async with app_at(proxy.url, crew.engineer.token, back_s=0.5) as (seen, controller):
        await seen.until(lambda: seen.state() == "connected", WITHIN_S)
        made = [(await escalated(junior, "By request"))["id"]]
        await seen.until(lambda: made[0] in seen.toasts, WITHIN_S)
        told = controller.vitals
        assert told.connection.endswith("by requests: something on the way refuses the event stream")
        controller.check_up()
        await until(lambda: told.round_trip_s is not None)
        assert told.me is not None
        assert told.me.device is None, "signed in with a personal access token"
        proxy.upgrades = "pass"
        await seen.until(lambda: len(seen.marked("live")) == 2 and seen.state() == "connected", WITHIN_S)
        assert "requests" not in told.connection
        controller.check_up()
        await until(lambda: told.round_trip_s is not None)
        assert told.connection.endswith(" ms")
        made.append((await escalated(junior, "By stream"))["id"])
        await seen.until(lambda: made[1] in seen.toasts, WITHIN_S)
        assert seen.toast_log == [(each, "new") for each in made]
        frames = [fields["seq"] for fields in seen.marked("frame")]
        assert frames == list(range(1, len(frames) + 1)), "every event once, over both ways"


async def test_do_not_disturb_is_told_by_requests_too(http: Http, server: Server, crew: Crew, proxy: WebProxy) -> None:
    """A junior reads it before escalating, and afterwards why nothing was shown; the mail goes on from there."""
    path = f"/pilot/{await open_session(http(crew.technician))}?dialog=escalate"
    async with Forms(server) as forms, app_at(proxy.url, crew.engineer.token) as (seen, controller):
        await forms.sign_in(crew.technician)
        await seen.until(lambda: seen.state() == "connected", WITHIN_S)
        await until_it_reads(forms, path, "Erin, on the desktop")
        controller.do_not_disturb(30)
        await until_it_reads(forms, path, "Erin, do not disturb until")
        held = (await escalated(http(crew.technician)))["id"]
        async with asyncio.timeout(WITHIN_S):
            while not await suppressed(http, crew, held):  # noqa: ASYNC110 - the server is another process
                await asyncio.sleep(0.1)
        assert await suppressed(http, crew, held) == ["do not disturb"]
        controller.do_not_disturb("off")
        await seen.until(lambda: held in seen.toasts, WITHIN_S)
        await until_it_reads(forms, path, "Erin, on the desktop")


async def suppressed(http: Http, crew: Crew, handoff_id: str) -> list[str]:
    told = [e["data"] for e in await log_of(http(crew.admin)) if e["kind"] == "handoff.delivery"]
    return [d["detail"] for d in told if d["handoff_id"] == handoff_id and d["state"] == "suppressed"]


async def until(condition: Callable[[], bool]) -> None:
    """Of plain values, which announce nothing."""
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.02)


async def test_a_captive_portal_signs_nobody_out(crew: Crew, proxy: WebProxy) -> None:
    """A page of somebody else that says 401 is no word of the server: the sign-in must survive it."""
    proxy.forbids = True
    async with app_at(proxy.url, crew.engineer.token) as (seen, controller):
        await seen.until(lambda: len(proxy.asked) >= 2, WITHIN_S)
        assert seen.state() == "connecting"
        proxy.forbids = False
        controller.retry()
        await seen.until(lambda: seen.state() == "connected", WITHIN_S)
    assert seen.marked("signed_out") == []


async def test_a_sign_in_that_ends_is_noticed_by_requests_too(
    http: Http, server: Server, crew: Crew, proxy: WebProxy
) -> None:
    tokens = await paired(server, crew.engineer, http())
    async with app_at(proxy.url, tokens["access_token"]) as (seen, _):
        await seen.until(lambda: seen.state() == "connected", WITHIN_S)
        form = {"client_id": "flowpilot-tray", "token": tokens["refresh_token"]}
        assert (await http().post("/oauth/revoke", data=form)).status_code == 200
        await seen.until(lambda: seen.state() == "signed_out", WITHIN_S)
