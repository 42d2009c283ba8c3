"""The live session page: server-sent events `message`, `step`, `fact`, `session`, with the version as their id."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Final
from uuid import UUID

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from backend.db.wakeup import EVERYONE, Wakeup
from backend.domain.refusal import Refusal
from backend.http.respond import encode
from backend.identity.caller import Caller
from backend.identity.service import IdentityService
from backend.sessions.service import Changes, SessionService

_QUIET_S: Final = 10.0
"""With no hint, look this often: hints may be lost, and a revoked sign-in must end the stream."""


STREAMS_PER_USER: Final = 12
"""As many as event sockets: a person with more pages open than this has a program running away."""


class LivePages:
    """Counts the open streams of each user in this process."""

    def __init__(self) -> None:
        self._open: Counter[UUID] = Counter()

    def response(self, user_id: UUID, events: AsyncIterator[bytes]) -> StreamingResponse:
        """The stream as an answer that counts while it is sent; refuses one too many with `too_many_requests`."""
        if self._open[user_id] >= STREAMS_PER_USER:
            raise Refusal("too_many_requests", f"This user has {STREAMS_PER_USER} live pages open; close some first.")
        self._open[user_id] += 1
        return _Counted(events, lambda: self._left(user_id))

    def _left(self, user_id: UUID) -> None:
        self._open[user_id] -= 1
        if not self._open[user_id]:
            del self._open[user_id]


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
    frames = [_frame("fact", changes.version, fact) for fact in changes.facts]
    frames += [_frame("step", changes.version, step) for step in changes.steps]
    frames += [_frame("message", changes.version, message) for message in changes.messages]
    frames.append(_frame("session", changes.version, {"status": changes.status, "version": changes.version}))
    return frames


async def session_events(
    sessions: SessionService, identity: IdentityService, wakeup: Wakeup, caller: Caller, session_id: str, after: int
) -> AsyncIterator[bytes]:
    """Everything after a version, then live until the client leaves or its sign-in ends."""
    woken = asyncio.Event()

    def hear(topic: str) -> None:
        if topic in {session_id, EVERYONE}:
            woken.set()

    unsubscribe = wakeup.subscribe(hear)
    try:
        yield b"retry: 2000\n\n"
        while True:
            woken.clear()
            # Shielded: a client that leaves must not cancel a query and cost the pool a connection.
            changes = await asyncio.shield(asyncio.ensure_future(sessions.changes(caller, session_id, after)))
            if changes.version > after:
                after = changes.version
                for frame in _frames(changes):
                    yield frame
            try:
                async with asyncio.timeout(_QUIET_S):
                    await woken.wait()
            except TimeoutError:
                yield b": still here\n\n"
                if not await asyncio.shield(asyncio.ensure_future(identity.still_valid([caller.credential_id]))):
                    return
    finally:
        unsubscribe()
