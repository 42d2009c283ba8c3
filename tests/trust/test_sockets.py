"""Hostile clients at the event stream's door: whatever they send, the other sockets hear what they should.

Origins, the person's own limit, floods and frames that are too large: tests/integration/test_event_log.py and
test_receipts.py.
"""

import asyncio
import base64
import contextlib
import os
import random
import struct
import zlib
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
from websockets.asyncio.client import connect

from tests.conftest import Http
from tests.integration.test_event_log import room_again
from tests.support.flow import escalated
from tests.support.people import Crew, Member
from tests.support.server import Server
from tests.support.stream import PATH, EventClient, bearer, listening, stream_url

People = Callable[..., Awaitable[Crew]]
ROUNDS: Final = 400 if os.environ.get("FUZZ") == "long" else 40
MASK: Final = b"\x01\x02\x03\x04"
FIN, RSV1, TEXT, BINARY, CLOSE, PING = 0x80, 0x40, 0x1, 0x2, 0x8, 0x9


def frame(first: int, payload: bytes, *, masked: bool = True, length: int | None = None) -> bytes:
    """One frame; `length` is what it says of itself where that is not the truth."""
    said, bit = len(payload) if length is None else length, 0x80 if masked else 0
    if said < 126:
        size = bytes([bit | said])
    else:
        size = bytes([bit | 126]) + struct.pack("!H", said) if said < 2**16 else bytes([bit | 127]) + said.to_bytes(8)
    body = bytes(one ^ MASK[place % 4] for place, one in enumerate(payload)) if masked else payload
    return bytes([first]) + size + (MASK if masked else b"") + body


def bomb() -> bytes:
    """A frame of some kilobytes that would be ten megabytes."""
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(b'{"type":"resume","after":0}' + b" " * 10_000_000) + packer.flush(zlib.Z_SYNC_FLUSH)
    return frame(FIN | RSV1 | TEXT, packed[:-4])


ATTACKS: Final[dict[str, bytes]] = {
    "no mask": frame(FIN | TEXT, b"{}", masked=False),
    "bad UTF-8": frame(FIN | TEXT, b'{"type":"\xff\xfe"}'),
    "half a character": frame(FIN | TEXT, b"\xe2\x82"),
    "an unknown kind of frame": frame(FIN | 0x3, b"x"),
    "reserved bits": frame(FIN | 0x30 | TEXT, b"{}"),
    "a compressed bomb": bomb(),
    "the end of nothing": frame(FIN, b"x"),
    "a beginning within a beginning": frame(TEXT, b"{") + frame(TEXT, b"{"),
    "a long ping": frame(FIN | PING, b"x" * 126),
    "half a ping": frame(PING, b"x"),
    "a close of one byte": frame(FIN | CLOSE, b"x"),
    "a close with a wrong code": frame(FIN | CLOSE, struct.pack("!H", 999)),
    "a terabyte announced": frame(FIN | TEXT, b"x", length=2**40),
    "a negative length": frame(FIN | TEXT, b"x", length=2**63 - 1),
    "pieces that add up to too much": frame(TEXT, b"x" * 40_000) + frame(FIN, b"x" * 40_000),
    "fragments without end": frame(TEXT, b"") + frame(0, b"") * 5_000,
    "binary": frame(FIN | BINARY, b"\x00\x01"),
    "deep JSON": frame(FIN | TEXT, b"[" * 30_000),
    "no JSON": frame(FIN | TEXT, b"hello"),
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
}


async def shaken(
    server: Server, who: Member, offer: str = ""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    """A bare connection after its handshake, with what the server answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    lines = [
        f"GET {PATH} HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(b'0123456789abcdef').decode()}",
        "Sec-WebSocket-Version: 13",
        *(f"{name}: {value}" for name, value in bearer(who).items()),
        *([f"Sec-WebSocket-Extensions: {offer}"] if offer else []),
    ]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    assert " 101 " in head, head
    return reader, writer, head


async def attacked(server: Server, who: Member, sent: bytes) -> None:
    """Send it and hang up: what the server says to it is its own affair."""
    _reader, writer, _ = await shaken(server, who)
    with contextlib.suppress(ConnectionError):
        writer.write(sent)
        await writer.drain()
    writer.close()


async def test_no_frame_that_anybody_can_send_touches_another_socket(
    people: People, http: Http, server: Server
) -> None:
    crew = await people()
    chance = random.Random(7)  # noqa: S311 - the same bytes in each run
    noise = [bytes(chance.randrange(256) for _ in range(chance.randrange(1, 200))) for _ in range(ROUNDS)]
    before = len(server.logs)
    async with listening(server, crew.admin) as other:
        await other.resume()
        for name, sent in ATTACKS.items():
            reader, writer, _ = await shaken(server, crew.engineer)
            with contextlib.suppress(ConnectionError):
                writer.write(sent)
                await writer.drain()
            if name not in {"half a ping", "fragments without end", "a terabyte announced"}:
                async with asyncio.timeout(30):
                    with contextlib.suppress(ConnectionError):
                        while (heard := await reader.read(65_536)) and b"\x88" not in heard:
                            pass  # the greeting, then a close frame or the end
            writer.close()
        for piece in noise:
            await attacked(server, crew.engineer, piece)
        handoff = await escalated(http(crew.technician))
        assert (await other.event("handoff.created"))["data"]["id"] == handoff["id"]
    said = server.logs[before:]
    assert "Traceback" not in said, said[-2_000:]
    async with asyncio.timeout(60):
        await room_again(server, crew)  # nothing of it counts as an open connection


async def test_compression_is_not_spoken_so_that_nothing_small_becomes_large(people: People, server: Server) -> None:
    crew = await people()
    _, writer, head = await shaken(server, crew.engineer, offer="permessage-deflate; client_max_window_bits")
    writer.close()
    assert "permessage-deflate" not in head.lower()


TWICE_READ: Final[dict[str, bytes]] = {
    "two lengths": b"Content-Length: 4\r\nContent-Length: 40",
    "a length and chunks": b"Content-Length: 40\r\nTransfer-Encoding: chunked",
    "chunks under another name": b"Transfer-Encoding: xchunked\r\nContent-Length: 40",
    "a length in words": b"Content-Length: 0x28",
    "a negative length": b"Content-Length: -4",
    "a name with a space": b"Content-Length : 40",
    "a line that goes on": b"X: y\r\n Content-Length: 40",
}


async def test_a_request_that_a_proxy_could_read_otherwise_is_refused_whole(server: Server) -> None:
    """What the one takes for a body and the other for the next request would be somebody else's answer."""
    for name, header in TWICE_READ.items():
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        smuggled = b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        writer.write(b"POST /sign-in HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n" + smuggled)
        async with asyncio.timeout(30):
            heard = await reader.read(65_536)
        writer.close()
        assert heard.startswith(b"HTTP/1.1 400 "), f"{name}: {heard[:200]!r}"
        assert heard.count(b"HTTP/1.1 ") == 1, name


@pytest.fixture(scope="module")
def impatient(serve_module: Callable[..., Server]) -> Server:
    return serve_module(FLOWPILOT_REQUEST_WITHIN_S="1", FLOWPILOT_SOCKETS_PER_ADDRESS="3", FLOWPILOT_WORKER="off")


async def test_a_request_that_does_not_come_whole_in_time_is_hung_up_on(people: People, impatient: Server) -> None:
    """A thousand clients that send a byte now and then would take every place of the server."""
    crew = await people()
    begun = (b"", b"GET /healthz HT", b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab")
    slow = [await asyncio.open_connection("127.0.0.1", impatient.port) for _ in range(30)]
    for place, (_, writer) in enumerate(slow):
        writer.write(begun[place % len(begun)])
    async with listening(impatient, crew.engineer) as other:
        async with asyncio.timeout(30):
            for reader, writer in slow:
                while await reader.read(4_096):
                    pass
                writer.close()
        await asyncio.sleep(1.2)
        await other.resume()
        with pytest.raises(TimeoutError):  # an open event stream is no slow request
            await other.closed(within=0.3)


async def test_one_address_cannot_take_all_sockets(people: People, impatient: Server) -> None:
    crew = await people()
    async with contextlib.AsyncExitStack() as stack:

        async def come(who: Member, address: str) -> EventClient:
            headers = {**bearer(who), "X-Forwarded-For": address}
            link = connect(stream_url(impatient), additional_headers=headers, proxy=None)
            return EventClient(await stack.enter_async_context(link), {})

        for who in (crew.engineer, crew.second_engineer, crew.admin):
            await (await come(who, "203.0.113.7")).frame()
        assert (await (await come(crew.owner, "203.0.113.7")).closed())[0] == 4429
        await (await come(crew.owner, "203.0.113.8")).frame()
