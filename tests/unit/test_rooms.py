"""Telling many sockets at once: each hears each event once and in order, and one that does not read holds nobody up."""

import asyncio
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

import msgspec
import pytest
from starlette.websockets import WebSocket
from websockets.frames import Frame, Opcode

from backend.db.engine import Database
from backend.feed.hub import AccountFeed
from backend.feed.link import Link
from backend.feed.log import LogEntry, LogPosition
from backend.feed.rooms import AT_ONCE, HEARTBEAT_S, Rooms
from backend.http.frames import EXTENSION, text_frame
from backend.identity.caller import Caller


class Client:
    """The server's side of a connection: takes frames at once, or only when it is waited for."""

    def __init__(self) -> None:
        self.reads = True
        self.readable = asyncio.Event()
        self.heard: list[dict[str, Any]] = []
        extensions = {EXTENSION: self.put}
        self.socket = WebSocket(
            {"type": "websocket", "headers": [], "path": "/", "extensions": extensions}, self.receive, self.send
        )

    async def receive(self) -> dict[str, Any]:
        return {"type": "websocket.connect"}

    def put(self, frame: bytes) -> bool:
        if self.reads:
            self.heard.append(msgspec.json.decode(frame[4:] if frame[1] == 126 else frame[2:]))
        return self.reads

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.send":
            if not self.reads:
                await self.readable.wait()
            self.heard.append(msgspec.json.decode(message["text"]))

    @property
    def seqs(self) -> list[int]:
        return [frame["seq"] for frame in self.heard if frame["type"] == "event"]


class House:
    """A room of clients on one feed, without a database."""

    def __init__(self) -> None:
        async def refresh(_feed: AccountFeed) -> None:
            """Nothing newer."""

        self.feed = AccountFeed(uuid4(), cast("Database", None), refresh)
        self.feed._position = LogPosition("e", 0, 1)
        self.rooms = Rooms()
        self.clients: list[Client] = []
        self.links: list[Link] = []

    async def enter(self, count: int) -> None:
        for _ in range(count):
            client = Client()
            await client.socket.accept()
            link = Link(client.socket, cast("Caller", UUID(int=1)), "desktop")
            link.attach()
            link._reader = None  # the test reads nothing, so there is nobody to end
            self.rooms.enter(link, self.feed)
            self.rooms.resumed(link, self.feed, 0, "e")
            self.clients.append(client)
            self.links.append(link)

    def happens(self) -> None:
        head = self.feed.head + 1
        self.feed._ring.append(LogEntry(head, "handoff.updated", datetime.now(UTC), f'{{"filler":"{"x" * 200}"}}'))
        self.feed._position = LogPosition("e", head, 1)
        self.rooms.told(self.feed)

    async def until_told(self) -> None:
        async with asyncio.timeout(30):
            while any(link.cursor != self.feed.head for link in self.links):  # noqa: ASYNC110 - plain state
                await asyncio.sleep(0)


async def test_a_room_of_many_hears_everything_once_while_more_happens() -> None:
    house = House()
    await house.enter(AT_ONCE * 2 + 7)
    house.happens()
    await asyncio.sleep(0)
    assert 0 < sum(bool(client.heard) for client in house.clients) < len(house.clients), "requests get their turn too"
    house.happens()
    house.happens()
    await house.until_told()
    assert {tuple(client.seqs) for client in house.clients} == {(1, 2, 3)}
    await house.rooms.stop()


async def test_who_does_not_read_goes_on_at_their_own_pace_and_holds_nobody_up() -> None:
    house = House()
    await house.enter(3)
    slow = house.clients[1]
    slow.reads = False
    for _ in range(4):
        house.happens()
    assert [client.seqs for client in house.clients] == [[1, 2, 3, 4], [], [1, 2, 3, 4]]
    await asyncio.sleep(0)
    house.happens()
    slow.reads = True
    slow.readable.set()
    await house.until_told()
    assert slow.seqs == [1, 2, 3, 4, 5], "nothing twice, though it was being told when more came"
    house.happens()
    assert slow.seqs[-1] == 6, "and from then on with all others"
    await house.rooms.stop()


async def test_a_position_named_while_being_told_is_the_one_that_counts() -> None:
    house = House()
    await house.enter(1)
    (client,), (link,) = house.clients, house.links
    client.reads = False
    for _ in range(3):
        house.happens()
    await asyncio.sleep(0)
    house.rooms.resumed(link, house.feed, 2, "e")
    client.reads = True
    client.readable.set()
    await house.until_told()
    assert client.seqs == [1, 3], "the frame that was under way, then what follows the named position"
    await house.rooms.stop()


async def test_who_hears_nothing_hears_the_head_once_in_a_while() -> None:
    house = House()
    await house.enter(HEARTBEAT_S)
    house.rooms._beats += HEARTBEAT_S
    await house.rooms._beat()
    assert [client.heard for client in house.clients] == [[{"type": "heartbeat", "head": 0}]] * HEARTBEAT_S
    await house.rooms._beat()
    assert {len(client.heard) for client in house.clients} == {1}, "not with every beat"


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_frame_of_any_length_is_what_the_protocol_asks_for(size: int) -> None:
    text = "ä" * (size // 2) + "x" * (size % 2)
    assert text_frame(text) == Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
