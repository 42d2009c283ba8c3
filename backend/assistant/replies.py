"""Replies in the chat: begun when a message is stored, stopped by anybody, tried again, and briefings.

A reply is a row (`assistant_reply`) and, in the one process that writes it, a task. What has come is kept in the row
three times a second, so viewers of other processes see it grow, and *Stop* works in any of them: the row is ended
there, and the writer notices.
"""

import logging
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.assistant import mapping, prompts, repository
from backend.assistant.extractive import briefing as extracted
from backend.assistant.proposals import ProposalService
from backend.assistant.writing import Running, Writer, store_end, topic
from backend.contract.assistant import AssistantState, Reply
from backend.contract.handoffs import Handoff
from backend.contract.sessions import Message, Session
from backend.db.engine import Database
from backend.db.ids import new_id
from backend.db.tables import AnyRow
from backend.domain.refusal import Refusal
from backend.handoffs.service import HandoffService
from backend.http.problems import DATABASE_DOWN
from backend.identity.caller import Caller
from backend.sessions import repository as sessions_repository
from backend.sessions.service import SessionService

log = logging.getLogger(__name__)

NAME: Final = "flowpilot"
_OVERTAKEN: Final = "A newer message came."
NO_MODEL: Final = "No AI model is connected."
SWITCHED_OFF: Final = "The AI model is switched off for this account."


def wants_reply(session: Session, content: str) -> bool:
    """While two people work on it together (it is claimed), FlowPilot speaks only when it is named."""
    return session.status in {"active", "escalated"} or NAME in content.lower()


class ReplyService:
    """Begins and ends replies. `writer` is None where no model is configured. Listens to what sessions store."""

    def __init__(
        self,
        database: Database,
        sessions: SessionService,
        handoffs: HandoffService,
        writer: Writer | None,
        proposals: ProposalService,
    ) -> None:
        self._db = database
        self._sessions = sessions
        self._handoffs = handoffs
        self._writer = writer
        self._proposals = proposals

    @property
    def model(self) -> tuple[str, str] | None:
        """(host, name) of the model that this server asks; None where none is configured."""
        return (self._writer.endpoint.host, self._writer.endpoint.model) if self._writer else None

    async def why_guided(self, caller: Caller) -> str | None:
        """Why no model is asked for this account, in a sentence; None when one is."""
        if self._writer is None:
            return NO_MODEL
        async with self._db.tenant(caller.account_id) as tx:
            return None if await repository.ai_enabled(tx, caller.account_id) else SWITCHED_OFF

    async def state(self, caller: Caller, session_id: str) -> AssistantState:
        """Whether a model is asked, and the newest reply."""
        session = await self._sessions.get(caller, session_id)
        why = await self.why_guided(caller)
        newest = await self.newest(caller, session.id)
        return AssistantState(mode="guided" if why else "model", why=why, reply=newest)

    async def newest(self, caller: Caller, session_id: str) -> Reply | None:
        """The newest reply of a session that the caller may see."""
        async with self._db.tenant(caller.account_id) as tx:
            row = await repository.newest(tx, caller.account_id, UUID(session_id))
        return mapping.reply(row) if row else None

    async def similar_cases(self, caller: Caller, session: Session, text: str) -> list[AnyRow]:
        """Resolved handoffs that share words with a text, best first."""
        async with self._db.tenant(caller.account_id) as tx:
            return await repository.similar_cases(tx, caller.account_id, text, UUID(session.id))

    def now(self, caller: Caller, session_id: str) -> Running | None:
        """The reply that this very process is writing in a session."""
        one = self._writer.now(session_id) if self._writer else None
        return one if one and one.account_id == caller.account_id else None

    async def heard(self, caller: Caller, session_id: str, message: Message) -> None:
        """A message is stored: begin a reply. Never fails; the message stands whatever comes of this."""
        if self._writer is None:
            return
        try:
            session = await self._sessions.get(caller, session_id)
            if wants_reply(session, message.content) and not await self.why_guided(caller):
                await self._begin(caller, session, message)
        except (Refusal, *DATABASE_DOWN) as error:
            log.warning("no reply was begun in session %s: %s", session_id, error)

    async def again(self, caller: Caller, session_id: str, message_id: str) -> Reply:
        """Answer a message anew. Refuses `not_found`, `assistant_off`."""
        session = await self._writable(caller, session_id)
        message = next((one for one in session.messages if one.id == message_id and one.author_kind == "user"), None)
        if message is None:
            raise Refusal("not_found", "There is no such message in this session.")
        why = await self.why_guided(caller)
        if why:
            raise Refusal("assistant_off", f"{why} Guided mode works from runbooks and resolved hand-offs.")
        return await self._begin(caller, session, message)

    async def briefing(self, caller: Caller, handoff_id: str) -> Reply:
        """A briefing for whoever takes the handoff over, written into its session's chat."""
        handoff = await self._handoffs.get(caller, handoff_id)
        session = await self._writable(caller, handoff.session_id)
        if not await self.why_guided(caller):
            return await self._begin(caller, session, None, handoff)
        async with self._db.tenant(caller.account_id) as tx:
            await sessions_repository.touch(tx, caller.account_id, UUID(session.id))
            reply = await self._row(tx, caller, session, None)
            text = extracted(session, handoff)
            await store_end(tx, caller.account_id, reply, "done", content=text, why=None)
            row = await repository.newest(tx, caller.account_id, UUID(session.id))
        self._told(session.id)
        return mapping.reply(row) if row else reply

    async def stop(self, caller: Caller, session_id: str) -> Reply | None:
        """End the running reply; what had come is kept as a message. Nothing to stop is no fault."""
        session = await self._sessions.get(caller, session_id)
        caller.require("technician")
        async with self._db.tenant(caller.account_id) as tx:
            await self._overtake(tx, caller, UUID(session.id), f"Stopped by {caller.name}.")
            row = await repository.newest(tx, caller.account_id, UUID(session.id))
        self._abandon(session.id)
        return mapping.reply(row) if row else None

    async def close(self) -> None:
        """End what is being written here, each with what had come."""
        if self._writer is not None:
            await self._writer.close("The server is restarting.")

    async def _writable(self, caller: Caller, session_id: str) -> Session:
        session = await self._sessions.get(caller, session_id)
        caller.require("technician")
        if session.status == "resolved":
            raise Refusal("session_resolved", "This session is resolved; nothing can be added.")
        return session

    async def _begin(
        self, caller: Caller, session: Session, message: Message | None, handoff: Handoff | None = None
    ) -> Reply:
        if self._writer is None:  # pragma: no cover - the callers have asked
            raise Refusal("assistant_off", NO_MODEL)
        async with self._db.tenant(caller.account_id) as tx:
            await self._overtake(tx, caller, UUID(session.id), _OVERTAKEN)
            reply = await self._row(tx, caller, session, message)
        self._abandon(session.id)
        if message is None:
            why = f"Handed over because: {handoff.reason}\nNeeded: {handoff.need or 'not said'}" if handoff else ""
            chat = prompts.briefing(session, why)
        else:
            chat = prompts.reply(session, message)

        async def then() -> None:
            if message is not None:
                await self._proposals.read(caller, session.id, message)

        self._writer.start(caller.account_id, reply, chat, then)
        return reply

    async def _row(self, tx: AsyncConnection, caller: Caller, session: Session, message: Message | None) -> Reply:
        reply_id = new_id()
        await repository.begin(
            tx,
            account_id=caller.account_id,
            id=reply_id,
            session_id=UUID(session.id),
            message_id=UUID(message.id) if message else None,
            kind="reply" if message else "briefing",
            asked_by=caller.user_id,
        )
        row = await repository.newest(tx, caller.account_id, UUID(session.id))
        if row is None:  # pragma: no cover - it was written a moment ago
            raise RuntimeError("a reply that was begun is not there")
        return mapping.reply(row)

    async def _overtake(self, tx: AsyncConnection, caller: Caller, session_id: UUID, why: str) -> None:
        """End the running reply. The session's row comes first, so two who begin at once do it one after the other."""
        await sessions_repository.touch(tx, caller.account_id, session_id)
        await repository.end_dead(tx, caller.account_id, session_id, mapping.CUT_OFF)
        running = await repository.running(tx, caller.account_id, session_id)
        if running is None:
            return
        here = self.now(caller, str(session_id))
        text = here.text if here and here.reply.id == str(running.id) else running.content
        await store_end(tx, caller.account_id, mapping.running(running), "stopped", content=text, why=why)

    def _abandon(self, session_id: str) -> None:
        if self._writer is not None:
            self._writer.abandon(session_id)
        self._told(session_id)

    def _told(self, session_id: str) -> None:
        self._db.wakeup.touch(session_id, topic(session_id))
