"""Writes replies: asks the model, keeps what comes, stores the end once. One task per reply.

None waits for another before there are very many; then accounts take turns, and one account has not all of them.

No transaction is open while the model is asked: what is read before is read, what is kept is kept in short ones.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.assistant import repository
from backend.assistant.endpoint import Chat, Endpoint, ModelError
from backend.contract.assistant import Reply
from backend.db import tables as t
from backend.db.engine import Database
from backend.db.turns import Turns
from backend.domain.secrets import redact
from backend.http.problems import DATABASE_DOWN
from backend.sessions import repository as sessions

log = logging.getLogger(__name__)

KEEP_EVERY_S: Final = 0.3
_BEAT_S: Final = 4.0
_AT_ONCE: Final = 48
_EACH: Final = 36
"""Replies of one account: fewer than the connections to the model, which assessments and proposals use too."""
_FAULT: Final = "FlowPilot made an error while it was writing."
_SHOWN_ANEW: Final = 32
"""A reply is looked through for secrets anew when it has grown by a thirty-second: a long one costs as much a sign."""
_EMPTY: Final = "The AI model answered with nothing."


def topic(session_id: str) -> str:
    """Wake-up topic of a reply that grows."""
    return f"reply:{session_id}"


@dataclass(slots=True, kw_only=True)
class Running:
    """A reply that this process writes: `text` is further on than its row."""

    account_id: UUID
    reply: Reply
    text: str = ""
    ended: bool = False
    kept_at: float = field(default_factory=monotonic)
    _shown: str = ""
    _shown_to: int = 0

    @property
    def shown(self) -> str:
        """The text without its secrets, for all viewers and the row; may lack the last few signs of a long one."""
        if len(self.text) - self._shown_to > self._shown_to // _SHOWN_ANEW:
            self._shown, self._shown_to = redact(self.text).text, len(self.text)
        return self._shown

    @property
    def ids(self) -> tuple[UUID, UUID]:
        """Account and reply."""
        return self.account_id, UUID(self.reply.id)


class Writer:
    """The replies that this process writes."""

    def __init__(self, database: Database, endpoint: Endpoint) -> None:
        self._db = database
        self.endpoint = endpoint
        self._running: dict[str, Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns = Turns(_AT_ONCE, _EACH)

    def now(self, session_id: str) -> Running | None:
        """What is being written in a session by this process."""
        return self._running.get(session_id)

    def start(self, account_id: UUID, reply: Reply, chat: Chat, then: Callable[[], Awaitable[None]]) -> None:
        """Begin to write; `then` follows a reply that is done."""
        one = Running(account_id=account_id, reply=reply)
        self._running[reply.session_id] = one
        task = asyncio.create_task(self._write(one, chat, then), name=f"reply {reply.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def abandon(self, session_id: str) -> None:
        """The running reply of this session was ended in the database: stop to ask for more."""
        one = self._running.pop(session_id, None)
        if one is not None:
            one.ended = True

    async def close(self, why: str) -> None:
        """End all of them, each with what had come."""
        running = list(self._running.values())
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(*DATABASE_DOWN):
            for one in running:
                await self._end(one, "stopped" if one.text else "failed", why)
        await self.endpoint.close()

    async def _write(self, one: Running, chat: Chat, then: Callable[[], Awaitable[None]]) -> None:
        beat = asyncio.create_task(self._beat(one))
        try:
            async with self._turns.of(one.account_id):
                if not one.ended:  # while it waited
                    await self._ask(one, chat)
        except Exception:
            log.exception("a fault in reply %s of session %s", one.reply.id, one.reply.session_id)
            with contextlib.suppress(*DATABASE_DOWN):
                await self._end(one, "failed", _FAULT)
        else:
            if not one.ended:
                await then()
        finally:
            beat.cancel()
            if self._running.get(one.reply.session_id) is one:
                del self._running[one.reply.session_id]

    async def _ask(self, one: Running, chat: Chat) -> None:
        try:
            async with contextlib.aclosing(self.endpoint.stream(chat)) as parts:
                async for part in parts:
                    if one.ended:
                        return
                    one.text += part
                    self._db.wakeup.here(topic(one.reply.session_id))
                    if monotonic() - one.kept_at > KEEP_EVERY_S:
                        await self._keep(one)
        except ModelError as error:
            log.warning("reply %s of session %s: %s", one.reply.id, one.reply.session_id, error.words)
            await self._end(one, "failed", error.words, error.retry_after_s)
            one.ended = True
            return
        if one.ended:
            return
        if not one.text.strip():
            await self._end(one, "failed", _EMPTY)
            one.ended = True
            return
        await self._end(one, "done", None)

    async def _beat(self, one: Running) -> None:
        """Say that the writer lives while the model is silent, and hear of a stop meanwhile."""
        while not one.ended:
            await asyncio.sleep(_BEAT_S)
            with contextlib.suppress(*DATABASE_DOWN):
                await self._keep(one)

    async def _keep(self, one: Running) -> None:
        """Keep what has come. A reply that was ended meanwhile, in any process, is written on no longer."""
        one.kept_at = monotonic()
        async with self._db.tenant(one.account_id) as tx:
            alive = await repository.grow(tx, *one.ids, one.shown)
        if not alive:
            one.ended = True
        self._db.wakeup.touch(topic(one.reply.session_id))

    async def _end(self, one: Running, state: str, why: str | None, retry_after_s: float | None = None) -> None:
        async with self._db.tenant(one.account_id) as tx:
            ended = await store_end(
                tx, one.account_id, one.reply, state, content=one.text, why=why, retry_after_s=retry_after_s
            )
        one.ended = one.ended or not ended
        self._db.wakeup.touch(one.reply.session_id, topic(one.reply.session_id))


async def store_end(
    tx: AsyncConnection,
    account_id: UUID,
    reply: Reply,
    state: str,
    *,
    content: str,
    why: str | None,
    retry_after_s: float | None = None,
) -> bool:
    """End a running reply; what came is a message from now on, under the reply's id. False when it had ended."""
    session_id, reply_id = UUID(reply.session_id), UUID(reply.id)
    text = redact(content.replace("\x00", "").strip()).text
    session = await sessions.touch(tx, account_id, session_id)
    ended = await repository.end(tx, account_id, reply_id, state, content=text, reason=why, retry_after_s=retry_after_s)
    if ended and text and state in {"done", "stopped"} and session is not None and session.status != "resolved":
        await sessions.insert_entry(
            tx,
            t.message,
            account_id=account_id,
            id=reply_id,
            session_id=session_id,
            author_id=None,
            author_kind="assistant",
            content=text,
            stopped=state == "stopped",
            version=session.version,
        )
    return ended
