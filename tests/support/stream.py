"""A client of the event stream, as strict as the contract lets a client be."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.people import Member
from tests.support.server import Server

PATH = "/api/v1/events/stream"
WITHIN_S = 60.0
"""No promise of speed: long enough for a busy machine, short enough that a lost frame fails the test."""


def stream_url(server: Server) -> str:
    """The address of the event stream."""
    return server.url.replace("http://", "ws://") + PATH


def bearer(who: Member | str) -> dict[str, str]:
    """The desktop's header."""
    return {"Authorization": f"Bearer {who.token if isinstance(who, Member) else who}"}


class EventClient:
    """One socket. Checks each event frame: order, no gap, no repetition, `prev` right."""

    def __init__(self, connection: ClientConnection, hello: dict[str, Any]) -> None:
        self.connection = connection
        self.hello = hello
        self.cursor = -1
        self.heads: list[int] = []
        self.events: list[dict[str, Any]] = []

    async def send(self, **frame: Any) -> None:
        """Send one frame."""
        await self.connection.send(json.dumps(frame))

    async def resume(self, after: int | None = None, epoch: str | None = None) -> Self:
        """Ask for everything after a position; without one, from the head that the server told."""
        self.cursor = self.hello["head"] if after is None else after
        frame = {"type": "resume", "after": self.cursor, **({"epoch": epoch} if epoch else {})}
        await self.send(**frame)
        return self

    async def frame(self, within: float = WITHIN_S) -> dict[str, Any]:
        """The next frame of any type."""
        async with asyncio.timeout(within):
            text = await self.connection.recv()
        assert isinstance(text, str)
        assert len(text.encode()) <= 65_536
        frame: dict[str, Any] = json.loads(text)
        return frame

    async def other(self, kind: str, within: float = WITHIN_S) -> dict[str, Any]:
        """The next frame of this type; heartbeats before it are passed over."""
        while True:
            frame = await self.frame(within)
            if frame["type"] == kind:
                return frame
            assert frame["type"] == "heartbeat", frame

    async def event(self, kind: str | None = None, within: float = WITHIN_S) -> dict[str, Any]:
        """The next event (of this kind); asserts that nothing is missing, repeated or out of order before it."""
        async with asyncio.timeout(within):
            while True:
                frame = await self.frame(within)
                if frame["type"] == "heartbeat":
                    self.heads.append(frame["head"])
                    continue
                assert frame["type"] == "event", frame
                assert frame["seq"] == self.cursor + 1, f"expected {self.cursor + 1}, got {frame['seq']}"
                assert frame["prev"] == self.cursor, "`prev` is the last position told to this client"
                self.cursor = frame["seq"]
                self.events.append(frame)
                if kind is None or frame["kind"] == kind:
                    return frame

    async def until(self, seq: int, within: float = WITHIN_S) -> list[dict[str, Any]]:
        """All events up to a position."""
        async with asyncio.timeout(within):
            while self.cursor < seq:
                await self.event(within=within)
        return self.events

    async def closed(self, within: float = WITHIN_S) -> tuple[int, list[dict[str, Any]]]:
        """Wait for the server to close; answers the close code and the frames before it."""
        frames: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(within):
                while True:
                    frames.append(json.loads(await self.connection.recv()))
        except ConnectionClosed as end:
            return (end.rcvd.code if end.rcvd else 1006), frames


@contextlib.asynccontextmanager
async def listening(
    server: Server, who: Member | str | None = None, *, headers: Mapping[str, str] | None = None
) -> AsyncIterator[EventClient]:
    """Connect and read `hello`."""
    sent = {**(bearer(who) if who is not None else {}), **(headers or {})}
    async with connect(
        stream_url(server),
        additional_headers=sent,
        proxy=None,
        compression=None,
        open_timeout=WITHIN_S,
        close_timeout=1,
    ) as connection:
        async with asyncio.timeout(WITHIN_S):
            hello = json.loads(await connection.recv())
        assert hello["type"] == "hello"
        yield EventClient(connection, hello)
