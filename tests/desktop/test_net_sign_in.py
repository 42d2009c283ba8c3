"""The app's side of signing in, against the real server: the port for the answer, the tokens, what goes wrong."""

import asyncio
import contextlib
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
import trustme

from backend.contract.events import CLOSE_TOKEN
from desktop.core.ports import (
    ApiError,
    CertificateError,
    NotAServerError,
    SignedOutError,
    SocketClosedError,
    UnreachableError,
)
from desktop.net.api import HttpApi
from desktop.net.keeper import TokenKeeper, Tokens
from desktop.net.loopback import CONNECTED, FAILED, REFUSED, Loopback, listening
from desktop.net.oauth import AuthServer, TooOldError
from desktop.net.session import Session
from desktop.net.socket import WebSocketConnector
from desktop.pairing import DeniedError, ExpiredError, pairing, sign_in_error
from tests.conftest import Http, StartServer
from tests.support.flow import API, Owner
from tests.support.pairing import hidden, paired
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.tcp_proxy import TcpProxy
from tests.support.web import Forms

STATE, ISSUER = "s" * 32, "http://127.0.0.1:8000"


@pytest.fixture
async def crew(people: Callable[..., Awaitable[Crew]]) -> Crew:
    return await people()


@contextlib.asynccontextmanager
async def ear() -> AsyncIterator[tuple[Loopback, httpx.AsyncClient]]:
    async with listening(STATE, ISSUER) as one, httpx.AsyncClient(trust_env=False, timeout=10) as browser:
        yield one, browser


def good(**changed: str) -> dict[str, str]:
    return {"code": "c" * 43, "state": STATE, "iss": ISSUER} | changed


# -- the port for the answer ---------------------------------------------------------------------------------------


async def test_the_browsers_answer_is_taken_once_and_its_page_waits_for_the_truth() -> None:
    async with ear() as (one, browser):
        asked = asyncio.create_task(browser.get(one.redirect_uri, params=good()))
        assert (await one.answer())["code"] == "c" * 43
        assert not asked.done()
        again = await browser.get(one.redirect_uri, params=good(code="d" * 43))
        assert again.status_code == 404
        one.show(CONNECTED)
        page = await asked
    assert page.status_code == 200
    assert f'data-testid="device-result">{CONNECTED}' in page.text
    assert "script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


async def test_strangers_are_told_nothing_and_use_nothing_up() -> None:
    async with ear() as (one, browser):
        for method, path, parameters, headers in (
            ("GET", "/callback", good(state="x" * 32), {}),
            ("GET", "/callback", {"code": "c"}, {}),
            ("GET", "/callback", good(iss="http://evil.example"), {}),
            ("GET", "/callback", {"state": STATE, "iss": ISSUER}, {}),
            ("GET", "/", good(), {}),
            ("GET", "/favicon.ico", {}, {}),
            ("POST", "/callback", good(), {}),
            ("HEAD", "/callback", good(), {}),
            ("GET", "/callback", good(), {"Host": "rebound.evil.example"}),
        ):
            address = one.redirect_uri.removesuffix("/callback") + path
            answer = await browser.request(method, address, params=parameters, headers=headers)
            assert answer.status_code == 404, (method, path, parameters)
        twice = await browser.get(f"{one.redirect_uri}?code=a&code=b&state={STATE}&iss={ISSUER}")
        assert twice.status_code == 404
        taken = asyncio.create_task(browser.get(one.redirect_uri, params=good()))
        assert await one.answer() == good()
        one.show(CONNECTED)
        assert (await taken).status_code == 200


async def test_a_page_that_probes_without_end_is_not_heard_any_more() -> None:
    async with ear() as (one, browser):
        for _ in range(205):
            await browser.get(one.redirect_uri, params=good(state="guess"))
        assert (await browser.get(one.redirect_uri, params=good())).status_code == 404


async def test_a_connection_that_sends_nothing_or_too_much_harms_nobody() -> None:
    async with ear() as (one, browser):
        port = int(one.redirect_uri.split(":")[2].split("/")[0])
        _, silent = await asyncio.open_connection("127.0.0.1", port)
        _, loud = await asyncio.open_connection("127.0.0.1", port)
        loud.write(b"GET /" + b"x" * 200_000)
        taken = asyncio.create_task(browser.get(one.redirect_uri, params=good()))
        await one.answer()
        one.show(CONNECTED)
        assert (await taken).status_code == 200
        silent.close()
        loud.close()


async def test_the_port_is_open_to_this_computer_alone_and_only_while_it_is_needed() -> None:
    async with ear() as (one, _):
        port = int(one.redirect_uri.split(":")[2].split("/")[0])
        with socket.socket() as other, pytest.raises(OSError, match="refused"):
            other.connect(("127.0.0.2", port))
    with socket.socket() as late, pytest.raises(OSError, match="refused"):
        late.connect(("127.0.0.1", port))


async def test_a_try_that_is_given_up_tells_the_browser_so() -> None:
    async with httpx.AsyncClient(trust_env=False) as browser:
        async with listening(STATE, ISSUER) as one:
            asked = asyncio.create_task(browser.get(one.redirect_uri, params=good()))
            await one.answer()
        assert FAILED in (await asked).text


# -- from the window to the tokens ---------------------------------------------------------------------------------


class Person:
    """A browser in which somebody decides."""

    def __init__(self, browser: Forms, decision: str) -> None:
        self._browser = browser
        self._decision = decision
        self.page = ""
        self.code = ""
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, url: str) -> bool:
        self._tasks.append(asyncio.create_task(self._decide(url)))
        return True

    async def _decide(self, url: str) -> None:
        page = await self._browser.get(url)
        self.code = page.text
        if not self._decision:
            return
        answer = await self._browser.post("/oauth/authorize", **hidden(page.text), decision=self._decision)
        self.page = (await self._browser.http.get(answer.headers["location"])).text

    async def done(self) -> None:
        await asyncio.gather(*self._tasks)


async def test_yes_brings_tokens_and_the_page_says_so_at_last(server: Server, crew: Crew, http: Http) -> None:
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        person = Person(browser, "approve")
        async with pairing(AuthServer(server.url, None, "test"), person) as attempt:
            await attempt.open()
            tokens = await attempt.wait()
        await person.done()
    assert attempt.code in person.code, "app and page show the same code"
    assert CONNECTED in person.page
    assert (await http(tokens.access_token).get(f"{API}/me")).json()["user"]["id"] == crew.engineer.id
    assert tokens.access_token not in repr(tokens)
    assert tokens.refresh_token not in repr(tokens)


async def test_no_is_said_in_the_browser_and_in_the_window(server: Server, crew: Crew) -> None:
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        person = Person(browser, "deny")
        async with pairing(AuthServer(server.url, None, "test"), person) as attempt:
            await attempt.open()
            with pytest.raises(DeniedError):
                await attempt.wait()
        await person.done()
    assert REFUSED in person.page


async def test_nobody_answers_and_the_code_expires(server: Server, crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop.pairing.REQUEST_LIFE_S", 0.1)
    async with Forms(server) as browser, pairing(AuthServer(server.url, None, "test"), Person(browser, "")) as attempt:
        with pytest.raises(ExpiredError):
            await attempt.wait()


# -- what goes wrong before anything is sent -----------------------------------------------------------------------


@contextlib.asynccontextmanager
async def answering(body: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            host = next(line for line in head.decode().split("\r\n") if line.lower().startswith("host:"))[5:].strip()
            sent = body.replace(b"ISSUER", f"{'https' if tls else 'http'}://{host}".encode())
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(sent) + sent)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def metadata(minimum: str, issuer: str = "ISSUER") -> bytes:
    told = {"issuer": issuer, "code_challenge_methods_supported": ["S256"], "flowpilot_minimum_app_version": minimum}
    return json.dumps(told).encode()


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"<html>a router</html>", NotAServerError, "This is not a FlowPilot server."),
        (b"[]", NotAServerError, "This is not a FlowPilot server."),
        (metadata("0.1", issuer="https://other.example"), NotAServerError, "This is not a FlowPilot server."),
        (metadata("99.2"), TooOldError, "This server needs version 99.2 or later."),
    ],
)
async def test_what_is_no_server_for_this_app_is_said(body: bytes, kind: type[ApiError], words: str) -> None:
    async with answering(body) as address:
        with pytest.raises(kind) as wrong:
            await AuthServer(address, None, "test").discover()
        assert sign_in_error(wrong.value) == words


async def test_a_server_that_does_not_answer_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(UnreachableError) as wrong:
            await AuthServer(f"http://127.0.0.1:{taken.getsockname()[1]}", None, "test").discover()
    assert sign_in_error(wrong.value).startswith("That server did not answer. Check the address, or your network.")


async def test_a_certificate_of_nobodys_is_said_and_nothing_is_sent() -> None:
    theirs, ours = trustme.CA(), trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    theirs.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    ours.configure_trust(trusting)
    async with answering(metadata("0.1"), context) as address:
        with pytest.raises(CertificateError) as wrong:
            await AuthServer(address, trusting, "test").discover()
    assert sign_in_error(wrong.value).startswith("The certificate could not be verified: ")


# -- staying signed in ---------------------------------------------------------------------------------------------


class Kept:
    """A keyring; `broken` ones hold nothing."""

    def __init__(self) -> None:
        self.tokens: list[str] = []

    async def save(self, token: str) -> None:
        self.tokens.append(token)


async def device(server: Server, crew: Crew, http: Http) -> str:
    token: str = (await paired(server, crew.engineer, http()))["refresh_token"]
    return token


async def test_a_lost_reply_and_hours_of_sleep_do_not_sign_anybody_out(
    server: Server, crew: Crew, http: Http, database_url: str
) -> None:
    """The server has answered, the line was cut, the lid was closed: the next morning it goes on."""
    token, kept = await device(server, crew, http), Kept()
    async with TcpProxy(("127.0.0.1", server.port)) as proxy:
        auth = AuthServer(f"http://127.0.0.1:{proxy.port}", None, "test")
        keeper = TokenKeeper(token, auth.renew, kept.save)
        proxy.cut_after(1, "down")
        with pytest.raises(UnreachableError):
            await keeper.bearer()
        owner = Owner(database_url)
        assert await owner.value("SELECT next_hash IS NOT NULL FROM device"), "the server had answered"
        await owner.fetch("UPDATE device_token SET expires_at = expires_at - interval '9 hours'")
        proxy.heal()
        first = await keeper.bearer()
        second = await keeper.bearer(refused=first)
        await keeper.stop()
    assert first != second
    assert len(set(kept.tokens)) == 2
    assert (await http(second).get(f"{API}/me")).status_code == 200


async def test_many_who_ask_at_once_cost_one_renewal() -> None:
    calls = 0

    async def renew(token: str) -> Tokens:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        return Tokens(access_token=f"a{calls}", refresh_token=f"{token}+", expires_in=900)

    keeper = TokenKeeper("r", renew, Kept().save)
    assert set(await asyncio.gather(*(keeper.bearer() for _ in range(50)))) == {"a1"}
    assert set(await asyncio.gather(*(keeper.bearer(refused="a1") for _ in range(50)))) == {"a2"}
    assert calls == 2
    await keeper.stop()


async def test_it_renews_by_itself_before_the_end_and_after_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    renewed = asyncio.Event()

    async def renew(token: str) -> Tokens:
        renewed.set()
        return Tokens(access_token=f"a{token}", refresh_token=f"{token}+", expires_in=900)

    monkeypatch.setattr("desktop.net.keeper.LOOK_S", 0.01)
    first = Tokens(access_token="a", refresh_token="r", expires_in=0.5)
    keeper = TokenKeeper("r", renew, Kept().save, first=first)
    keeper.start()
    assert await keeper.bearer() == "a"
    async with asyncio.timeout(30):
        await renewed.wait()
    renewed.clear()
    asleep = time.time() + 3_600
    monkeypatch.setattr("desktop.net.keeper.time.time", lambda: asleep)
    async with asyncio.timeout(30):
        await renewed.wait()
    await keeper.stop()


async def test_a_new_token_is_used_only_after_it_is_kept() -> None:
    """Ended in between, the kept one is still good at the server; used before, it would look like a stolen copy."""
    order: list[str] = []
    go = asyncio.Event()

    async def save(token: str) -> None:
        await go.wait()
        order.append(f"kept {token}")

    async def renew(token: str) -> Tokens:
        order.append(f"used {token}")
        return Tokens(access_token=token, refresh_token=f"{token}+", expires_in=900)

    keeper = TokenKeeper("r", renew, save)
    access = await keeper.bearer()
    second = asyncio.create_task(keeper.bearer(refused=access))
    await asyncio.sleep(0)
    go.set()
    await second
    await keeper.stop()
    assert order == ["used r", "kept r+", "used r+", "kept r++"]


async def test_a_stream_outlives_its_token_and_ends_with_the_sign_in(
    server: Server, crew: Crew, http: Http, database_url: str
) -> None:
    token = await device(server, crew, http)
    auth = AuthServer(server.url, None, "test")
    keeper = TokenKeeper(token, auth.renew, Kept().save)
    session = Session(server=server.url, keeper=keeper)
    old = await keeper.bearer()
    await Owner(database_url).fetch("UPDATE device_token SET expires_at = now() + interval '4 seconds'")
    stream = await WebSocketConnector(session, None).connect()
    assert '"hello"' in str(await stream.receive())
    await keeper.bearer(refused=old)
    heartbeat = await asyncio.wait_for(stream.receive(), 15)
    assert '"heartbeat"' in str(heartbeat), "it lives on past the end of the token that it was opened with"
    await auth.revoke(keeper.refresh_token)
    with pytest.raises(SocketClosedError) as closed:
        async with asyncio.timeout(9):  # a stream that lived on would bring the next heartbeat, after 10 s
            await stream.receive()
    assert closed.value.code == CLOSE_TOKEN
    await stream.close()
    with pytest.raises(SignedOutError):
        await WebSocketConnector(session, None).connect()
    await keeper.stop()


async def test_a_stream_whose_token_ran_out_asleep_is_opened_again_and_nobody_is_signed_out(
    server: Server, crew: Crew, http: Http, database_url: str
) -> None:
    token = await device(server, crew, http)
    keeper = TokenKeeper(token, AuthServer(server.url, None, "test").renew, Kept().save)
    session = Session(server=server.url, keeper=keeper)
    connector, api = WebSocketConnector(session, None), HttpApi(session, None)
    stream = await connector.connect()
    await stream.receive()
    # What the server does at the end of a token that was not renewed in time.
    await Owner(database_url).fetch("UPDATE device_token SET expires_at = now()")
    assert (await api.me()).user.id == crew.engineer.id, "a call renews, and is sent again"
    await stream.close()
    await Owner(database_url).fetch("UPDATE device_token SET expires_at = now()")
    again = await connector.connect()
    assert '"hello"' in str(await again.receive())
    await again.close()
    await api.close()
    await keeper.stop()


async def test_a_token_that_runs_out_under_a_stream_is_a_broken_line_and_no_sign_out(
    server: Server, crew: Crew, http: Http, database_url: str
) -> None:
    token = await device(server, crew, http)
    keeper = TokenKeeper(token, AuthServer(server.url, None, "test").renew, Kept().save)
    session = Session(server=server.url, keeper=keeper)
    await keeper.bearer()
    await Owner(database_url).fetch("UPDATE device_token SET expires_at = now() + interval '4 seconds'")
    stream = await WebSocketConnector(session, None).connect()
    assert '"hello"' in str(await stream.receive())
    with pytest.raises(SocketClosedError) as closed:  # before the first heartbeat, which comes after 10 s
        await asyncio.wait_for(stream.receive(), 9)
    assert closed.value.code != CLOSE_TOKEN, "that code would sign the computer out"
    await stream.close()
    again = await WebSocketConnector(session, None).connect()
    assert '"hello"' in str(await again.receive())
    await again.close()
    await keeper.stop()


async def test_a_server_that_is_away_signs_nobody_out(start_server: StartServer, crew: Crew, http: Http) -> None:
    server = await start_server()
    token = (await paired(server, crew.engineer, http(at=server)))["refresh_token"]
    keeper = TokenKeeper(token, AuthServer(server.url, None, "test").renew, Kept().save)
    await asyncio.to_thread(server.stop)
    with pytest.raises(UnreachableError):
        await keeper.bearer()
    await asyncio.to_thread(server.start)
    assert (await http(await keeper.bearer(), at=server).get(f"{API}/me")).status_code == 200
    await keeper.stop()
