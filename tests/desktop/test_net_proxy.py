"""A shop behind a proxy: HTTP goes through the one that the environment names, and never to reach this computer."""

import asyncio
import base64

import pytest

from desktop.core.ports import UnreachableError
from desktop.net.api import HttpApi
from desktop.net.session import Session
from tests.desktop.rig import serving


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


async def test_the_proxy_of_the_environment_gets_the_request_and_its_password(no_proxies: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(proxy, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        no_proxies.setenv("https_proxy", f"http://shop:p%40ss@127.0.0.1:{port}")
        api = HttpApi(Session("https://flow.test", "fp_secret"), None)
        with pytest.raises(UnreachableError) as refused:
            await api.me()
        await api.close()
    [request] = asked
    assert request.startswith("CONNECT flow.test:443 ")
    assert base64.b64encode(b"shop:p@ss").decode() in request
    assert "fp_secret" not in request, "the token is for the server, inside the tunnel"
    assert not refused.value.sent


async def test_this_computer_is_reached_without_the_proxy(no_proxies: pytest.MonkeyPatch) -> None:
    no_proxies.setenv("http_proxy", "http://127.0.0.1:9")
    async with serving() as server:
        api = HttpApi(Session(server.url, "dana"), None)
        assert (await api.me()).user.name == "Dana Reyes"
        await api.close()
