"""The event stream where WebSocket cannot pass: `GET /events?wait=` spoken as the stream's own frames.

To the link this is a socket like any other: a greeting, events after each `resume`, heartbeats, a reset. So the same
reader keeps the same promises, and going over to the real stream and back repeats and loses nothing.
"""

import asyncio
import time
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from backend.contract.events import (
    CLOSE_NOT_ALLOWED,
    CLOSE_TOKEN,
    Heartbeat,
    Hello,
    Holding,
    Receipt,
    Reset,
    Resume,
    TrialAlert,
)
from desktop.core.ports import CLOSE_ABNORMAL, ApiError, RefusedError, SignedOutError, SocketClosedError
from desktop.net.api import HttpApi

HOLDING: Final = Holding().type
WAIT_S: Final = 10
"""Shorter than the server allows (25 s): each answer is also the heartbeat by which a dead link is noticed."""


class PollStream:
    """`desktop.core.ports.Socket` over requests. Use `PollStream.open`. `leave` ends it from within the app."""

    def __init__(self, api: HttpApi, hello: Hello) -> None:
        self._api = api
        self._frames: deque[str] = deque([_text(hello)])
        self._epoch = hello.epoch
        self._after = 0
        self._holding = Holding()
        self._over: asyncio.Future[SocketClosedError] = asyncio.get_running_loop().create_future()
        self._asking: asyncio.Task[None] | None = None
        self._test: TrialAlert | None = None
        self._receipts: asyncio.Queue[Receipt] = asyncio.Queue()
        self._telling = asyncio.get_running_loop().create_task(self._tell())
        self._ready = asyncio.Event()
        self._ready.set()

    @classmethod
    async def open(cls, api: HttpApi) -> "PollStream":
        """Ask who we are and where the log stands. Raises `ApiError`."""
        me = await api.me()
        page, server_time = await api.events(after=0, limit=1, present=False)
        return cls(
            api,
            Hello(
                epoch=page.epoch,
                head=page.head,
                heartbeat_s=WAIT_S,
                server_time=server_time or datetime.now(UTC),
                user=me.user,
                takes=[HOLDING],  # goes as a part of the request, which a server of before passes over
            ),
        )

    async def send(self, text: str) -> None:
        """A frame of the client's: `resume` asks from there, `receipt` is posted, `ack` is for sockets only.

        `holding` goes along with each request; the one that waits is asked anew with it.
        """
        if self._over.done():
            raise self._over.result()
        frame: dict[str, Any] = msgspec.json.decode(text)
        match frame.pop("type"):
            case "resume":
                resume = msgspec.convert(frame, Resume)
                self._after, self._epoch = resume.after, resume.epoch or self._epoch
                self._begin()
            case "holding":
                self._holding = msgspec.convert(frame, Holding)
                if self._asking is not None and not self._asking.done():
                    self._begin()
            case "receipt":
                self._receipts.put_nowait(msgspec.convert(frame, Receipt))

    async def receive(self) -> str:
        """The next frame; raises `SocketClosedError`."""
        while not self._frames:
            if self._over.done():
                raise self._over.result()
            self._ready.clear()
            await self._ready.wait()
        return self._frames.popleft()

    async def echo(self) -> float:
        """How long the shortest request takes."""
        began = time.monotonic()
        try:
            await self._api.me()
        except ApiError as exc:
            raise _ended(exc) from exc
        return time.monotonic() - began

    async def close(self) -> None:
        """End what is under way."""
        self.leave(SocketClosedError(CLOSE_ABNORMAL, "left"))
        tasks = [task for task in (self._asking, self._telling) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def leave(self, why: SocketClosedError) -> None:
        """Whoever receives hears this next."""
        if not self._over.done():
            self._over.set_result(why)
            self._ready.set()

    def _begin(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
        self._asking = asyncio.get_running_loop().create_task(self._ask())

    async def _ask(self) -> None:
        """Page after page, from where the last one ended."""
        wait = 0
        while True:
            after = self._after
            try:
                page, _ = await self._api.events(after=after, epoch=self._epoch, wait=wait, holding=self._holding)
            except ApiError as exc:
                self.leave(_ended(exc))
                return
            if page.reset:
                self._put(_text(Reset(epoch=page.epoch, head=page.head, reason="the log cannot serve this position")))
                return
            for event in page.events:
                self._after = msgspec.json.decode(event, type=_Place).seq
                self._put(bytes(event).decode())
            if page.test is not None and (self._test is None or self._test.id != page.test.id):
                self._test = page.test  # another process of the server may bring it a second time
                self._put(_text(page.test))
            if not page.events:
                self._put(_text(Heartbeat(head=page.head)))
            wait = WAIT_S if self._after >= page.head else 0

    async def _tell(self) -> None:
        """One receipt after the other; one that cannot be told ends the stream, and goes out again on the next."""
        while True:
            receipt = await self._receipts.get()
            test = self._test
            try:
                if test is not None and receipt.handoff_id == test.id:
                    await self._api.tell_test(test.id, receipt)
                    self._put(_text(replace(test, state=receipt.state, at=datetime.now(UTC))))
                else:
                    await self._api.tell(receipt)
            except ApiError as exc:
                self.leave(_ended(exc))
                return

    def _put(self, frame: str) -> None:
        self._frames.append(frame)
        self._ready.set()


class _Place(msgspec.Struct):
    seq: int


def _text(frame: Hello | Heartbeat | Reset | TrialAlert) -> str:
    return msgspec.json.encode(frame).decode()


def _ended(exc: ApiError) -> SocketClosedError:
    """As the real stream would have ended."""
    match exc:
        case SignedOutError():
            return SocketClosedError(CLOSE_TOKEN, "the sign-in has ended")
        case RefusedError(status=403):
            return SocketClosedError(CLOSE_NOT_ALLOWED, "not allowed")
        case _:
            return SocketClosedError(CLOSE_ABNORMAL, str(exc))
