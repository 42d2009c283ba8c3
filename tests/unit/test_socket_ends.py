"""How a socket ends: a client that leaves is no error, a fault of ours is never taken for one that left."""

import logging
from typing import Any, cast
from uuid import UUID

import pytest
from starlette.websockets import WebSocket

from backend.db.hint_postgres import PostgresLine
from backend.db.wakeup import Wakeup
from backend.feed.hub import FeedHub
from backend.feed.link import Link
from backend.feed.ports import Audience
from backend.feed.socket import EventSockets
from backend.identity.caller import Caller
from backend.identity.service import IdentityService
from backend.sessions.stream import LivePages

NOBODY = UUID(int=7)
CALLER = Caller(
    account_id=NOBODY,
    user_id=NOBODY,
    name="Sam Senior",
    email="sam@x.example",
    role="engineer",
    account_name="Northwind MSP",
    timezone="UTC",
    credential_id=NOBODY,
    kind="token",
)


class BrokenHub:
    """Fails as a slip of ours would."""

    told: object = None

    async def open(self, _account_id: UUID) -> None:
        raise RuntimeError("a slip of ours")


class QuietHub:
    """A log with nothing in it."""

    head, epoch, told = 0, "e", None

    async def open(self, _account_id: UUID) -> "QuietHub":
        return self

    def close(self, _feed: "QuietHub") -> None:
        """Nothing to give back."""


class Nobody:
    """Knows of no audience."""

    async def arrived(self, *_: object) -> None:
        """Forget it."""

    async def left(self, *_: object) -> None:
        """Forget it."""


class Wire:
    """The server's side of a connection: keeps what was sent, fails like a closed transport when told to."""

    def __init__(self, *, closed: bool) -> None:
        self.closed, self.sent = closed, list[dict[str, Any]]()

    async def receive(self) -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(self, message: Any) -> None:
        if self.closed and message["type"] == "websocket.send":
            raise RuntimeError("Unexpected ASGI message 'websocket.send', after sending 'websocket.close'.")
        self.sent.append(message)


async def served(hub: object, *, closed: bool) -> Wire:
    """One connection served to its end."""
    wire = Wire(closed=closed)
    socket = WebSocket({"type": "websocket", "headers": [], "path": "/"}, wire.receive, wire.send)
    await socket.accept()
    sockets = EventSockets(
        cast("FeedHub", hub),
        cast("IdentityService", None),
        cast("Audience", Nobody()),
        Wakeup(PostgresLine("", {})),
        LivePages(),
    )
    await sockets._serve(Link(socket, CALLER, "desktop"))
    return wire


async def test_a_fault_of_ours_is_logged_as_one_and_closes_the_socket(caplog: pytest.LogCaptureFixture) -> None:
    """Swallowed, it would be a client that reconnects for ever and a log that says nothing."""
    wire = await served(BrokenHub(), closed=False)
    assert [(r.levelname, r.exc_info is not None) for r in caplog.records] == [("ERROR", True)]
    assert "a slip of ours" in caplog.text
    assert wire.sent[-1] == {"type": "websocket.close", "code": 1011, "reason": "internal error"}


async def test_a_transport_that_was_closed_under_a_frame_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await served(QuietHub(), closed=True)
    assert not caplog.records
