"""A real receiver of webhooks on loopback, by HTTP or HTTPS, that answers as it is told."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from tests.support.listener import end_listening

WAIT_S = 40.0


@dataclass(frozen=True, slots=True)
class Received:
    """One request; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document

    @property
    def id(self) -> str:
        return self.headers["flowpilot-webhook-id"]

    def signed_with(self, secret: str) -> bool:
        """What docs/webhooks.md tells receivers to do."""
        signed = self.headers["flowpilot-timestamp"].encode() + b"." + self.body
        expected = "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected, self.headers["flowpilot-signature"])


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `hang`: none at all. `drip`: its bytes come that many seconds apart. `endless`: it never ends."""

    status: int = 200
    body: bytes = b"ok"
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/plain"),)
    hang: bool = False
    drip: float = 0.0
    endless: bool = False
    raw: bytes | None = None


class Receiver:
    """Use as `async with Receiver() as receiver`. `replies` go first, in turn; then `choose` decides, else `always`."""

    def __init__(self, tls: ssl.SSLContext | None = None, *, always: Reply | None = None) -> None:
        self.requests: list[Received] = []
        self.replies: deque[Reply] = deque()
        self.always = always or Reply()
        self.choose: Callable[[Received], Reply] | None = None
        self.written = 0
        self.port = 0
        self._tls = tls
        self._grew = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}/hook"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        await end_listening(self._server)
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def got(self, number: int) -> list[Received]:
        """Wait until this many requests have come; answers all so far."""
        async with asyncio.timeout(WAIT_S), self._grew:
            await self._grew.wait_for(lambda: len(self.requests) >= number)
        return list(self.requests)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._take(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.close()
            with contextlib.suppress(Exception):
                writer.transport.abort()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        one = Received(head[0].split(" ")[1], headers, body)
        reply = self.replies.popleft() if self.replies else self.choose(one) if self.choose else self.always
        async with self._grew:
            self.requests.append(one)
            self._grew.notify_all()
        if reply.hang:
            await asyncio.Event().wait()
        await self._answer(writer, reply)

    async def _answer(self, writer: asyncio.StreamWriter, reply: Reply) -> None:
        length = () if reply.endless else (("Content-Length", str(len(reply.body))),)
        lines = [f"HTTP/1.1 {reply.status} Answer", *(f"{n}: {v}" for n, v in (*reply.headers, *length)), "", ""]
        answer = reply.raw if reply.raw is not None else "\r\n".join(lines).encode() + reply.body
        if reply.drip:
            for byte in answer:
                writer.write(bytes((byte,)))
                await writer.drain()
                await asyncio.sleep(reply.drip)
        writer.write(b"" if reply.drip else answer)
        await writer.drain()
        while reply.endless:
            writer.write(b"x" * 65_536)
            await writer.drain()
            self.written += 65_536
