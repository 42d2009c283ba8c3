"""A web proxy as some shops have them: plain requests pass, WebSocket does not.

It stands before a server (give its own address as the server's), or is set as the proxy for any name, which then leads
to the same server. `upgrades`: `refuse` answers 403, `mute` lets the handshake through and swallows every frame,
`pass` lets all through. `forbids` answers 401 to everything with a page of its own, as a captive portal does.
"""

import asyncio
import contextlib
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from tests.support.listener import end_listening

_PAGE: Final = b"<html><body>Blocked by the web filter</body></html>"


class WebProxy:
    """Listens on `port`, on loopback."""

    def __init__(self, target: str, upgrades: Literal["refuse", "mute", "pass"] = "refuse") -> None:
        parts = urlsplit(target)
        self._target = parts.hostname or "", parts.port or 80
        self.upgrades = upgrades
        self.forbids = False
        self.asked: list[str] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        await end_listening(self._server)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await self._one(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request of each connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        method, target, _version = first.split(" ")
        self.asked.append(f"{method} {target if method == 'CONNECT' else urlsplit(target).path}")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        upgrade = "upgrade" in headers
        if self.forbids:
            return await _answer(writer, "401 Unauthorized")
        if method == "CONNECT" and self.upgrades == "pass":
            return await self._tunnel(reader, writer)
        if method == "CONNECT" or (upgrade and self.upgrades == "refuse"):
            return await _answer(writer, "403 Forbidden")
        parts = urlsplit(target)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        kept = [line for line in lines if line and not line.lower().startswith(("connection:", "proxy-"))]
        kept.append(f"Connection: {'Upgrade' if upgrade else 'close'}")
        upstream, out = await asyncio.open_connection(*self._target)
        try:
            out.write("\r\n".join([f"{method} {path} HTTP/1.1", *kept, "", ""]).encode("latin-1"))
            out.write(await reader.readexactly(int(headers.get("content-length", 0))))
            if upgrade and self.upgrades == "mute":
                writer.write(await upstream.readuntil(b"\r\n\r\n"))
                await reader.read()
            elif upgrade:
                await asyncio.gather(_pump(reader, out), _pump(upstream, writer))
            else:
                await _pump(upstream, writer)
        finally:
            out.transport.abort()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, out = await asyncio.open_connection(*self._target)
        try:
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await asyncio.gather(_pump(reader, out), _pump(upstream, writer))
        finally:
            out.transport.abort()


async def _answer(writer: asyncio.StreamWriter, status: str) -> None:
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(_PAGE)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + _PAGE)
    await writer.drain()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await source.read(65_536):
            sink.write(chunk)
            await sink.drain()
    sink.close()
