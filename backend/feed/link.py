"""One open socket as the event stream sees it, and the ways in which it ends.

LinkEnd
├── GoneError       the client has left, or the transport was closed under a frame
├── TooSlowError    the client does not read
├── FloodingError   the client sends faster than any client of ours
├── ProtocolFault   the client sent what the protocol does not know
└── NotSameError    the client sent a token that does not hold, or is another sign-in's
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from backend.contract.vocabulary import Channel
from backend.http.frames import PutFrame, put_frame_of
from backend.identity.caller import Caller

SEND_WITHIN_S: Final = 10.0
FRAMES_AT_ONCE: Final = 600
"""A desktop that comes back sends a receipt for each of the events that a replay may hold (500), then acks."""
FRAMES_PER_S: Final = 10.0


class LinkEnd(Exception):  # noqa: N818 - an ending, most of them no error
    """Why a socket ended."""


class GoneError(LinkEnd):
    """The client has left."""


class TooSlowError(LinkEnd):
    """The client does not read."""


class FloodingError(LinkEnd):
    """The client sends more than it may."""


class ProtocolFault(LinkEnd):
    """The client sent what the protocol does not know; told to it in the close frame."""


class NotSameError(LinkEnd):
    """The client sent a token that does not hold, or is another sign-in's."""


@dataclass(slots=True)
class Allowance:
    """A token bucket: `burst` at once, `per_s` on the long run. Times are in seconds of any steady clock."""

    burst: int = FRAMES_AT_ONCE
    per_s: float = FRAMES_PER_S
    left: float = FRAMES_AT_ONCE
    at: float = 0.0

    def take(self, now: float) -> bool:
        """One more; False when there was nothing left."""
        self.left = min(float(self.burst), self.left + (now - self.at) * self.per_s)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass(eq=False, slots=True)
class Link:
    """One open socket. `cursor` is the last position told to the client; None while it has to ask first.

    Events go to it in one of two ways, never both: `put` by whoever has news for all, as long as the client reads; and
    a task of its own (`busy`) that waits for the client, or for the database, until it has caught up.
    `tests` are the test notifications sent over it, with the time at which each was asked for.
    """

    socket: WebSocket
    caller: Caller
    channel: Channel
    id: UUID = field(default_factory=uuid4)
    cursor: int | None = None
    epoch: str | None = None
    replay_to: int = 0
    named: int = 0
    """How often the client has named its position."""
    busy: asyncio.Task[None] | None = None
    fault: Exception | None = None
    """Why the task ended the socket."""
    put_at: int = 0
    """The beat in which something was last put."""
    allowance: Allowance = field(default_factory=Allowance)
    tests: dict[str, datetime] = field(default_factory=dict)
    _put: PutFrame | None = field(init=False)
    _reader: asyncio.Task[Any] | None = None

    def __post_init__(self) -> None:
        """Find the way on which frames are put."""
        self._put = put_frame_of(self.socket.scope)

    def attach(self) -> None:
        """Remember who reads this socket: the task that calls."""
        self._reader = asyncio.current_task()

    def detach(self) -> None:
        """Nobody reads it any more, so nobody is to be told that it ends."""
        self._reader = None

    def put(self, frame: bytes) -> bool:
        """Write a whole frame at once; False when the client does not take it now. A client that is gone takes all."""
        if self._put is None:
            return False
        try:
            return self._put(frame)
        except OSError:  # whoever reads it hears of the end next
            return True

    def end(self, fault: Exception) -> None:
        """Let the reading task end the socket, for this reason."""
        self.fault = fault
        if self._reader is not None:
            self._reader.cancel()

    async def send(self, text: str) -> None:
        """Send one frame; TooSlowError when the client does not read, GoneError when it is not there."""
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                await self.socket.send_text(text)
        except TimeoutError as error:
            raise TooSlowError from error
        except (WebSocketDisconnect, RuntimeError) as error:
            # After the handshake, frame and server know one RuntimeError only: the socket was closed meanwhile.
            raise GoneError from error

    async def receive(self) -> Message:
        """The client's next frame; FloodingError when they come too fast, GoneError at the end."""
        message = await self.socket.receive()
        if message["type"] == "websocket.disconnect":
            raise GoneError
        if not self.allowance.take(time.monotonic()):
            raise FloodingError
        return message

    async def close(self, code: int, reason: str = "") -> None:
        """Close it; one that is closed already stays so."""
        with contextlib.suppress(RuntimeError, TimeoutError, WebSocketDisconnect):
            async with asyncio.timeout(1):
                await self.socket.close(code, reason)
