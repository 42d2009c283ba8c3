"""The live session page: server-sent events `message`, `step`, `fact`, `session`, with the version as their id."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from backend.db.wakeup import EVERYONE, Wakeup
from backend.http.respond import encode
from backend.identity.caller import Caller
from backend.identity.service import IdentityService
from backend.sessions.service import Changes, SessionService

_QUIET_S: Final = 10.0
"""With no hint, look this often: hints may be lost, and a revoked sign-in must end the stream."""


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
