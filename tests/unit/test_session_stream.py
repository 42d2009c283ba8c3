"""What a session's live page is told, seen without a server."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

from backend.assistant.live import LiveReplies
from backend.assistant.replies import ReplyService
from backend.contract.assistant import Reply
from backend.identity.caller import Caller
from backend.sessions.stream import LivePages, Sources, session_events

CALLER = Caller(
    account_id=uuid4(),
    user_id=uuid4(),
    name="Mina",
    email="mina@northwind.example",
    role="technician",
    account_name="Northwind",
    timezone="UTC",
    credential_id=uuid4(),
    kind="web",
)
SESSION = str(uuid4())
FAILED = Reply(
    id="r1",
    session_id=SESSION,
    message_id="m1",
    kind="reply",
    state="failed",
    content="",
    reason="The AI model is busy.",
    retry_after_s=7.0,
    started_at=datetime(2026, 11, 28, tzinfo=UTC),
)


class Kept:
    """The replies of a session whose newest one is as told."""

    newest_reply: Reply | None = None

    def now(self, *_: object) -> None:
        """No reply is written by this process."""

    async def newest(self, *_: object) -> Reply | None:
        return self.newest_reply


async def nothing(*_: object) -> Any:
    return SimpleNamespace(version=0)


async def nobody(*_: object) -> list[object]:
    return []


def subscribe(_: Callable[[str], None]) -> Callable[[], None]:
    return lambda: None


async def test_a_reply_that_fails_while_the_stream_opens_is_told() -> None:
    """Else the page waits for an answer that never comes, and offers no second try until it is loaded anew."""
    kept = Kept()
    presence = SimpleNamespace(arrive=nothing, here=nobody, leave=lambda *_: None)
    sources = Sources(
        sessions=cast("Any", SimpleNamespace(changes=nothing)),
        pages=LivePages(),
        presence=cast("Any", presence),
        replies=LiveReplies(cast("ReplyService", kept)),
        wakeup=cast("Any", SimpleNamespace(subscribe=subscribe)),
    )
    events = await session_events(sources, CALLER, SESSION, 0)
    kept.newest_reply = FAILED  # between the answer's head and the stream's first look
    async with asyncio.timeout(5):
        heard = [await anext(events), await anext(events)]
    await cast("Any", events).aclose()
    assert heard[1].startswith(b"event: reply.failed\n"), heard


async def test_a_page_that_goes_while_it_arrives_does_not_stay_behind() -> None:
    """A page loaded anew in its first moment: others would read for a minute that its person is here."""
    arriving, gate, left = asyncio.Event(), asyncio.Event(), list[object]()

    async def arrive(*_: object) -> str:
        arriving.set()
        await gate.wait()
        return "visit"

    presence = SimpleNamespace(arrive=arrive, here=nobody, leave=lambda *told: left.append(told[-1]))
    sources = Sources(
        sessions=cast("Any", SimpleNamespace(changes=nothing)),
        pages=LivePages(),
        presence=cast("Any", presence),
        replies=LiveReplies(cast("ReplyService", Kept())),
        wakeup=cast("Any", SimpleNamespace(subscribe=subscribe)),
    )
    events = await session_events(sources, CALLER, SESSION, 0)
    await anext(events)
    reading = asyncio.ensure_future(anext(events))
    async with asyncio.timeout(30):
        await arriving.wait()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        gate.set()
        while not left:  # noqa: ASYNC110 - a plain list
            await asyncio.sleep(0)
    assert left == ["visit"]


async def test_a_reply_that_failed_before_is_on_the_page_and_not_told_again() -> None:
    kept = Kept()
    kept.newest_reply = FAILED
    seen, events = await LiveReplies(cast("ReplyService", kept)).news(CALLER, SESSION, None)
    assert (seen, events) == (FAILED, [])
