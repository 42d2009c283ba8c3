"""A proxy that spoils the way between two real programs: delay, stall, cut after byte N, half-close, lost replies.

    async with TcpProxy(("127.0.0.1", smtp_port)) as proxy:    # or a unix socket's path
        proxy.delay(0.2)                    # each chunk, both ways
        proxy.stall()                       # nothing passes any more, connections stand
        proxy.cut_after(900, "up")          # the connection ends when that many bytes have gone to the server
        proxy.heal()

`PgProxy` also understands enough of PostgreSQL's protocol to let a statement reach the server and lose its reply.
"""

import asyncio
import contextlib
import re
import shutil
import socket
import struct
import tempfile
from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import parse_qs, quote, urlsplit

from tests.support.listener import end_listening

Direction = Literal["up", "down"]
Target = tuple[str, int] | str
_CHUNK: Final = 65_536
_SOCKET: Final = ".s.PGSQL.5432"


class _Link:
    """One client's connection and ours to the server."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client, self.server = client, server
        self.passed: dict[Direction, int] = {"up": 0, "down": 0}

    def cut(self) -> None:
        """End both sides at once, with a reset where the transport knows one."""
        for side in (self.client, self.server):
            end = side.get_extra_info("socket")
            if end is not None and end.family != socket.AF_UNIX:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            side.transport.abort()


class TcpProxy:
    """Listens on a port of its own on loopback (`port`) and passes everything on to `target` until told otherwise."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.port = 0
        self.links: set[_Link] = set()
        self._server: asyncio.Server | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self._delay_s = 0.0
        self._limit: tuple[int, Direction] | None = None
        self._half: Direction | None = None
        self._refuses = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await self._listen()
        return self

    async def _listen(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        await end_listening(self._server)
        self.heal()
        self.cut()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    # --- orders ---

    def delay(self, seconds: float) -> None:
        """Each chunk waits this long."""
        self._delay_s = seconds

    def stall(self) -> None:
        """Nothing passes any more; connections stand, new ones too."""
        self._flows.clear()

    def cut(self) -> None:
        """End every connection; new ones are welcome."""
        for link in tuple(self.links):
            link.cut()

    def cut_after(self, count: int, direction: Direction) -> None:
        """End each connection when `count` bytes have gone `up` (to the server) or `down`."""
        self._limit = (count, direction)

    def half_close(self, direction: Direction) -> None:
        """Swallow what goes this way, so that the receiving side hears nothing and the sending side notices nothing."""
        self._half = direction

    def refuse(self) -> None:
        """End every connection, new ones at once."""
        self._refuses = True
        self.cut()

    def heal(self) -> None:
        """Pass everything on again."""
        self._delay_s, self._limit, self._half, self._refuses = 0.0, None, None, False
        self._flows.set()

    # --- the work ---

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._refuses:
            writer.transport.abort()
            return
        try:
            upstream, out = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, out)
        self.links.add(link)
        try:
            ways = [self._pump(link, reader, out, "up"), self._pump(link, upstream, writer, "down")]
            pumps = [asyncio.create_task(way) for way in ways]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            self.links.discard(link)
            for side in (writer, out):
                side.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.target, str):
            return await asyncio.open_unix_connection(self.target)
        return await asyncio.open_connection(*self.target)

    async def _pump(
        self, link: _Link, source: asyncio.StreamReader, sink: asyncio.StreamWriter, direction: Direction
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await source.read(_CHUNK):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                await self._flows.wait()
                if self._half == direction:
                    continue
                chunk = self._look(link, chunk, direction)
                if self._limit is not None and direction == self._limit[1]:
                    left = self._limit[0] - link.passed[direction]
                    if left <= len(chunk):
                        sink.write(chunk[: max(left, 0)])
                        with contextlib.suppress(ConnectionError):
                            await sink.drain()
                        link.cut()
                        return
                link.passed[direction] += len(chunk)
                sink.write(chunk)
                await sink.drain()

    def _look(self, _link: _Link, chunk: bytes, _direction: Direction) -> bytes:
        return chunk


class PgProxy(TcpProxy):
    """Between a server and PostgreSQL. `lose_reply_to` lets a statement commit and takes its reply away.

    One link is cut once per order, at the moment when the database has answered that it is ready again: the statement
    was carried out and committed then, and whoever sent it cannot know.
    """

    def __init__(self, database_url: str) -> None:
        self._url = urlsplit(database_url)
        host = parse_qs(self._url.query)["host"][0]
        super().__init__(f"{host}/{_SOCKET}")
        self.lost = asyncio.Event()
        self.carried_out: list[str] = []
        """The statements that have gone to the server, each as often as it went."""
        self._folder = Path(tempfile.mkdtemp(prefix="fp-proxy-"))
        self._pattern: re.Pattern[bytes] | None = None
        self._skip = 0
        self._statements: dict[tuple[_Link, bytes], bytes] = {}
        self._rest: dict[tuple[_Link, Direction], bytes] = {}
        self._waiting: set[_Link] = set()
        self._started: set[_Link] = set()

    async def _listen(self) -> asyncio.Server:
        # A unix socket, as the embedded database has: no one asks for TLS there.
        return await asyncio.start_unix_server(self._serve, self._folder / _SOCKET)

    async def __aexit__(self, *_: object) -> None:
        await super().__aexit__()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def url(self) -> str:
        """The database's address by way of the proxy."""
        return f"postgresql://{self._url.username}@{self._url.path}?host={quote(str(self._folder))}"

    def lose_reply_to(self, pattern: str, *, skip: int = 0) -> None:
        """Of the next statement that the pattern is found in, or of the one after `skip` more."""
        self.lost.clear()
        self._pattern, self._skip = re.compile(pattern.encode(), re.IGNORECASE), skip

    def lose_nothing(self) -> None:
        """Take an order back that was not met."""
        self._pattern = None

    def _look(self, link: _Link, chunk: bytes, direction: Direction) -> bytes:
        data = self._rest.pop((link, direction), b"") + chunk
        if direction == "up" and link not in self._started:
            self._started.add(link)  # the start-up message has no type byte
            return chunk
        while len(data) >= 5:  # a type byte and a length
            size = int.from_bytes(data[1:5], "big") + 1
            if len(data) < size:
                break
            kind, body, data = data[:1], data[5:size], data[size:]
            if direction == "up":
                self._sent(link, kind, body)
            elif kind == b"Z" and link in self._waiting:
                self._waiting.discard(link)
                self.lost.set()
                link.cut()
                return b""
        self._rest[link, direction] = data
        return b"" if direction == "down" and link in self._waiting else chunk

    def _sent(self, link: _Link, kind: bytes, body: bytes) -> None:
        if kind == b"P":
            name, statement = body.split(b"\0", 2)[:2]
            self._statements[link, name] = statement
        elif kind == b"Q":
            self._match(link, body)
        elif kind == b"B":
            self._match(link, self._statements.get((link, body.split(b"\0", 2)[1]), b""))

    def _match(self, link: _Link, statement: bytes) -> None:
        self.carried_out.append(statement.decode())
        if self._pattern is None or not self._pattern.search(statement):
            return
        if self._skip:
            self._skip -= 1
            return
        self._pattern = None
        self._waiting.add(link)
