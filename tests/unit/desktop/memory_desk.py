"""The whole of the rules on one desk: the small server's own state and stream, without a socket between.

`Wire` is the way there. It can be cut, lose, repeat and swap frames; requests can find nobody.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import msgspec
from starlette.responses import Response
from starlette.websockets import WebSocketDisconnect

from backend.contract.events import TrialAlert
from backend.contract.handoffs import ClaimResult, Handoff, QueuePage
from backend.contract.people import Me
from desktop.core.alerting import Alerting
from desktop.core.controller import Controller, Ports
from desktop.core.last_known import Shelf
from desktop.core.ports import ApiError, RefusedError, SignedOutError, SocketClosedError, Sounds, UnreachableError
from desktop.core.views import ProbeStep
from tests.desktop.rig import Recorder
from tests.support.fake_server import FakeServer

_T = TypeVar("_T")


class Clock:
    """Time that the test moves; the loop's own moves by itself."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.start = datetime.now(UTC)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def elapsed(self) -> float:
        return self.monotonic() + self.ahead

    def now(self) -> datetime:
        return datetime.now(UTC)


class _Connection:
    """One stream, seen from the server as its WebSocket and from the app as its socket."""

    def __init__(self, token: str) -> None:
        self.headers = {"authorization": f"Bearer {token}"}
        self.refused = False
        self.up: asyncio.Queue[str | None] = asyncio.Queue()
        self.down: asyncio.Queue[str | SocketClosedError] = asyncio.Queue()
        self.spoil: Callable[[list[str]], list[str]] = lambda frames: frames
        self.opened = asyncio.Event()
        self.over = False
        self.far: float | None = 0.041

    # the server's side

    async def accept(self) -> None:
        self.opened.set()

    async def send_denial_response(self, _answer: Response) -> None:
        self.refused = True
        self.opened.set()

    async def send_text(self, text: str) -> None:
        for frame in self.spoil([text]):
            self.down.put_nowait(frame)

    async def receive_text(self) -> str:
        text = await self.up.get()
        if text is None:
            raise WebSocketDisconnect(1000)
        return text

    async def close(self, code: int = 1000) -> None:
        """From either side."""
        self.over = True
        self.down.put_nowait(SocketClosedError(code))
        self.up.put_nowait(None)

    # the app's side

    async def send(self, text: str) -> None:
        if self.over:
            raise SocketClosedError(1006)
        self.up.put_nowait(text)

    async def receive(self) -> str:
        frame = await self.down.get()
        if isinstance(frame, SocketClosedError):
            raise frame
        return frame

    async def echo(self) -> float:
        if self.over:
            raise SocketClosedError(1006)
        if self.far is None:
            await asyncio.Event().wait()
        return self.far or 0.0


@dataclass
class Wire:
    """`desktop.core.ports.Api` and `Connector`, and what goes wrong with both."""

    server: FakeServer
    token: str = "dana"
    away: bool = False
    error: ApiError | None = None
    lost: ApiError | SocketClosedError | None = None
    spoil: Callable[[list[str]], list[str]] | None = None
    tests: bool = True
    late: bool = False
    open: _Connection | None = None
    _serving: set["asyncio.Task[None]"] = field(default_factory=set)

    async def connect(self) -> _Connection:
        await asyncio.sleep(0)
        if self.lost is not None:
            raise self.lost
        if self.away:
            raise UnreachableError("away", sent=False)
        made = _Connection(self.token)
        if self.spoil is not None:
            made.spoil = self.spoil
        task = asyncio.get_running_loop().create_task(self.server._stream(cast("Any", made)))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        await made.opened.wait()
        if made.refused:
            raise SignedOutError
        self.open = made
        return made

    async def cut(self, code: int = 1006) -> None:
        """The stream ends."""
        if self.open is not None:
            await self.open.close(code)

    async def stop(self) -> None:
        """No stream is served any more."""
        for task in tuple(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def me(self) -> Me:
        user = self._reach()
        self.server.requests.append("GET /me")
        return msgspec.convert(self.server.me(user), Me)

    async def queue(self) -> QueuePage:
        self._reach()
        items = [self.server.row(key) for key, value in self.server.handoffs.items() if value["status"] == "pending"]
        return msgspec.convert(
            {"items": items, "next_cursor": None, "seq": 0 if self.late else self.server.head}, QueuePage
        )

    async def handoff(self, handoff_id: str) -> Handoff:
        self._reach()
        self.server.requests.append(f"GET /handoffs/{handoff_id}")
        if handoff_id not in self.server.handoffs:
            raise RefusedError(404, "not_found", "There is no such thing")
        return msgspec.convert(self.server.whole(handoff_id), Handoff)

    async def claim(self, handoff_id: str) -> ClaimResult:
        user = self._reach()
        self.server.requests.append(f"POST /handoffs/{handoff_id}/claim")
        return _answer(self.server._answer_claim(handoff_id, user), ClaimResult)

    async def release(self, handoff_id: str, note: str) -> Handoff:
        self.server.release(handoff_id, self._reach(), note)
        return msgspec.convert(self.server.whole(handoff_id), Handoff)

    async def test_notification(self) -> TrialAlert:
        self._reach()
        now = datetime.now(UTC)
        if self.tests and self.open is not None:
            sent = {"type": "test", "id": "t-1", "asked_at": now.isoformat(), "state": "sent", "at": now.isoformat()}
            await self.open.send_text(json.dumps(sent))
        return TrialAlert(id="t-1", asked_at=now, state="asked", at=now)

    def _reach(self) -> dict[str, str]:
        if self.error is not None:
            raise self.error
        if self.away:
            raise UnreachableError("away", sent=False)
        user = self.server.users.get(self.token)
        if user is None:
            raise SignedOutError
        return user


def _answer(response: Response, kind: type[_T]) -> _T:
    found = json.loads(bytes(response.body))
    if response.status_code >= 400:
        raise RefusedError(response.status_code, found["code"], found["detail"], found)
    return msgspec.convert(found, kind)


class Watcher:
    """Hears what becomes of the sign-in."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.reason = ""

    def signed_in(self) -> None:
        self.heard.append("signed in")

    def refused(self) -> None:
        self.heard.append("refused")

    def unreachable(self, reason: str) -> None:
        self.heard.append("unreachable")
        self.reason = reason


@dataclass
class Desk:
    """One app at work."""

    server: FakeServer
    wire: Wire
    seen: Recorder
    controller: Controller
    watcher: Watcher
    clock: Clock

    async def live(self, times: int = 1) -> None:
        """Until all is known, for the so many-th time."""
        await self.seen.until(lambda: len(self.seen.marked("live")) >= times)

    async def until(self, condition: Callable[[], Any]) -> None:
        """Until true."""
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110 - asked of plain values that announce nothing
                await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def desk(
    *,
    server: FakeServer | None = None,
    token: str = "dana",  # noqa: S107 - a name of the small server
    shelf: Shelf | None = None,
    sounds: Sounds | None = None,
    alerting: Alerting | None = None,
    signed_in: bool = True,
    watched: bool = True,
    spoil: Callable[[list[str]], list[str]] | None = None,
) -> AsyncIterator[Desk]:
    """An app that is started; not yet live."""
    server = server or FakeServer()
    wire, seen, watcher, clock = Wire(server, token, spoil=spoil), Recorder(), Watcher(), Clock()
    controller = Controller(
        server.url,
        Ports(
            api=wire,
            connector=wire,
            toasts=seen,
            browser=seen,
            screen=seen,
            clock=clock,
            trace=seen,
            watcher=watcher if watched else None,
            sounds=sounds,
            shelf=shelf,
        ),
        alerting,
    )
    controller.start(signed_in=signed_in)
    try:
        yield Desk(server, wire, seen, controller, watcher, clock)
    finally:
        await controller.stop()
        await wire.stop()


def claims(one: Desk) -> list[object]:
    return [mark["outcome"] for mark in one.seen.marked("claim")]


async def selected(one: Desk, handoff_id: str) -> None:
    one.controller.select(handoff_id)
    await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.handoff is not None)


async def hops(one: Desk) -> list[tuple[str, str]]:
    empty: tuple[ProbeStep, ...] = ()
    one.controller.trial.steps = empty
    for _ in range(2):
        one.controller.test_notification()
    await one.until(lambda: one.controller.trial.steps and not one.controller.trial.running)
    return [(step.name, step.state) for step in one.controller.trial.steps]
