"""A reply that grows: no viewer sees its secrets, and the looking costs the same for many viewers and long replies."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from unittest.mock import Mock
from uuid import UUID, uuid4

import pytest

from backend.assistant import writing
from backend.assistant.endpoint import Chat, Endpoint
from backend.contract.assistant import Reply
from backend.domain.secrets import Redacted, redact


def test_a_long_reply_is_not_read_anew_for_each_part_and_viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    """200 kB in parts of 50 characters, three viewers: looked through whole each time that is 1.2 GB of text."""
    read: list[int] = []

    def counted(text: str) -> Redacted:
        read.append(len(text))
        return Redacted(text, ())

    monkeypatch.setattr(writing, "redact", counted)
    one = writing.Running(account_id=uuid4(), reply=_reply())
    for _ in range(4_000):
        one.text += "x" * 50
        for _viewer in range(3):
            assert len(one.text) - len(one.shown) <= len(one.text) // 32 + 1
    assert sum(read) <= 40 * len(one.text)


def test_no_viewer_sees_a_secret_of_a_reply_that_grows() -> None:
    one = writing.Running(account_id=uuid4(), reply=_reply())
    for part in ("Sign in with ", "password: ", "Winter2026!", " and look at the log."):
        one.text += part
        assert "Winter2026" not in one.shown
    assert one.shown == redact(one.text).text


class Model(Endpoint):
    """Says nothing about a chat that is to hang, until it is let go."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1/v1", "none", None)
        self.let_go = asyncio.Event()

    async def stream(self, chat: Chat) -> AsyncGenerator[str]:
        if chat[0]["content"] == "hang":
            await self.let_go.wait()
        yield "Done"


class Told(writing.Writer):
    """Keeps the accounts of the replies that have ended, and no database."""

    def __init__(self, model: Endpoint) -> None:
        super().__init__(Mock(), model)
        self.over: asyncio.Queue[UUID] = asyncio.Queue()

    async def _end(self, one: writing.Running, state: str, why: str | None, retry_after_s: float | None = None) -> None:
        assert (state, why, retry_after_s) == ("done", None, None)
        self.over.put_nowait(one.account_id)

    async def _keep(self, one: writing.Running) -> None:
        pass


async def test_one_accounts_replies_that_hang_keep_no_other_accounts_waiting() -> None:
    """A hundred sessions of one shop at a model that is silent: the shop next door reads its answer all the same."""
    model = Model()
    writer, theirs, ours = Told(model), uuid4(), uuid4()

    async def nothing() -> None:
        pass

    for _ in range(100):
        writer.start(theirs, _reply(), [{"role": "user", "content": "hang"}], nothing)
    writer.start(ours, _reply(), [{"role": "user", "content": "answer"}], nothing)
    async with asyncio.timeout(10):
        assert await writer.over.get() == ours
        model.let_go.set()
        assert {await writer.over.get() for _ in range(100)} == {theirs}


def _reply() -> Reply:
    return Reply(
        id=str(uuid4()),
        session_id=str(uuid4()),
        message_id=None,
        kind="reply",
        state="running",
        content="",
        reason=None,
        retry_after_s=None,
        started_at=datetime.now(UTC),
    )
