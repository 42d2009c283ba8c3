"""The live session page: server-sent events with the session's version as their id.

`message`, `step`, `fact` and `task` carry one that is new or changed, `removed` the kind and id of one taken out,
`session` status and version, `presence` who else has the page open.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from backend.contract.people import Person
from backend.db.wakeup import EVERYONE, Wakeup
from backend.http.at_once import AtOnce
from backend.http.respond import encode
from backend.identity.caller import Caller
from backend.sessions.presence import SessionPresence
from backend.sessions.service import Changes, SessionService

_QUIET_S: Final = 10.0
"""With no hint, look this often: hints may be lost."""


class Replies(Protocol):
    """The assistant's replies, which stand above this layer; given in by the composition root."""

    def topic(self, session_id: str) -> str:
        """Wake-up topic of a reply that grows."""

    async def news(self, caller: Caller, session_id: str, seen: object) -> tuple[object, list[tuple[str, object]]]:
        """(what to give next time, (event, data) in order). `seen` is None the first time."""


STREAMS_PER_USER: Final = 12
"""As many as event sockets: a person with more pages open than this has a program running away."""


class LivePages:
    """The open streams of this process: counted by user, ended with their sign-ins by whoever watches over those."""

    def __init__(self) -> None:
        self._open = AtOnce(STREAMS_PER_USER, "live pages of this user open")
        self._listening: dict[_Hints, Caller] = {}

    def response(self, user_id: UUID, events: AsyncIterator[bytes]) -> StreamingResponse:
        """The stream as an answer that counts while it is sent; refuses one too many with `too_many_requests`."""
        self._open.take(user_id)
        return _Counted(events, lambda: self._open.give(user_id))

    @contextmanager
    def listening(self, caller: Caller, hints: "_Hints") -> Iterator[None]:
        """While the block runs, `hints` hear of the end of the caller's sign-in."""
        self._listening[hints] = caller
        try:
            yield
        finally:
            del self._listening[hints]

    def sign_ins(self) -> set[UUID]:
        """Those by which pages are open."""
        return {caller.credential_id for caller in self._listening.values()}

    def end(self, ended: Container[UUID], now: datetime) -> None:
        """End the pages of these sign-ins, and of credentials that have run out."""
        for hints, caller in self._listening.items():
            if caller.over(now) or caller.credential_id in ended:
                hints.end()


class _Counted(StreamingResponse):
    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], ended: Callable[[], None]) -> None:
        super().__init__(events, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended()


def _frame(event: str, version: int, data: object) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (version, event.encode(), encode(data))


def _frames(changes: Changes) -> list[bytes]:
    frames = [_frame("removed", changes.version, one) for one in changes.removed]
    frames += [_frame("task", changes.version, task) for task in changes.tasks]
    frames += [_frame("fact", changes.version, fact) for fact in changes.facts]
    frames += [_frame("step", changes.version, step) for step in changes.steps]
    frames += [_frame("message", changes.version, message) for message in changes.messages]
    frames.append(_frame("session", changes.version, {"status": changes.status, "version": changes.version}))
    return frames


class _Hints:
    """What woke a stream: something stored, or only a reply that grows."""

    def __init__(self, session_id: str, growing: str) -> None:
        self.woken = asyncio.Event()
        self.stored = True
        self.over = False
        self._all = {session_id, EVERYONE}
        self._growing = growing

    def hear(self, topic: str) -> None:
        """A topic was touched."""
        if topic in self._all:
            self.stored = True
        elif topic != self._growing:
            return
        self.woken.set()

    def end(self) -> None:
        """The sign-in has ended, and the stream with it, however much there is to tell."""
        self.over = True
        self.woken.set()


@dataclass(frozen=True, slots=True)
class Sources:
    """What a live page is read from."""

    sessions: SessionService
    pages: LivePages
    presence: SessionPresence
    replies: Replies
    wakeup: Wakeup


class _Watch:
    """One open page: what it has been told, and that it counts as open while it is."""

    def __init__(self, sources: Sources, caller: Caller, session_id: str, after: int) -> None:
        self._from = sources
        self._who = caller
        self._session = session_id
        self._after = after
        self._others: list[Person] = []
        self._vouched = 0.0
        self._reply: object = None
        self.visit: UUID | None = None

    async def look(self) -> list[bytes]:
        """The frames of whatever is new."""
        frames: list[bytes] = []
        if self.visit is None:
            self.visit = await self._from.presence.arrive(self._who, self._session)
            self._vouched = time.monotonic()
        elif time.monotonic() - self._vouched >= _QUIET_S:
            await self._from.presence.stay(self._who, self.visit)
            self._vouched = time.monotonic()
        changes = await self._from.sessions.changes(self._who, self._session, self._after)
        if changes.version > self._after:
            self._after = changes.version
            frames = _frames(changes)
        others = await self._from.presence.here(self._who, self._session)
        if others != self._others:
            self._others = others
            frames.append(_frame("presence", self._after, {"people": others}))
        return frames

    def leave(self) -> None:
        """The page has gone, which counted as open if it ever did."""
        if self.visit is not None:
            self._from.presence.leave(self._who, self._session, self.visit)

    async def replies(self) -> list[bytes]:
        """The frames of a reply that is written. They carry no id: who comes again hears it from its beginning."""
        self._reply, news = await self._from.replies.news(self._who, self._session, self._reply)
        return [b"event: %s\ndata: %s\n\n" % (event.encode(), encode(data)) for event, data in news]


async def session_events(sources: Sources, caller: Caller, session_id: str, after: int) -> AsyncIterator[bytes]:
    """Everything after a version, then live until the client leaves or its sign-in ends.

    Which reply stands there is read before this returns: one that fails while the answer is on its way is told.
    """
    watch = _Watch(sources, caller, session_id, after)
    return _told(sources, caller, session_id, watch, await watch.replies())


async def _told(
    sources: Sources, caller: Caller, session_id: str, watch: _Watch, first: list[bytes]
) -> AsyncIterator[bytes]:
    hints = _Hints(session_id, sources.replies.topic(session_id))
    unsubscribe = sources.wakeup.subscribe(hints.hear)
    looking: asyncio.Future[list[bytes]] | None = None
    try:
        with sources.pages.listening(caller, hints):
            yield b"".join([b"retry: 2000\n\n", *first])
            while not hints.over:
                hints.woken.clear()
                # Shielded: a client that leaves must not cancel a query and cost the pool a connection.
                if hints.stored:
                    hints.stored = False
                    looking = asyncio.ensure_future(watch.look())
                    for frame in await asyncio.shield(looking):
                        yield frame
                for frame in await asyncio.shield(asyncio.ensure_future(watch.replies())):
                    yield frame
                try:
                    async with asyncio.timeout(_QUIET_S):
                        await hints.woken.wait()
                except TimeoutError:
                    yield b": still here\n\n"
                    hints.stored = True
    finally:
        unsubscribe()
        if looking is None or looking.done():
            watch.leave()
        else:  # a page that goes while it arrives would else count as open until nobody believes it any more
            looking.add_done_callback(lambda _: watch.leave())
