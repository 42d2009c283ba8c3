"""What people do in a FlowPilot session: open it, write, record steps and facts."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, get_args
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.contract.sessions import (
    Fact,
    Message,
    NewFact,
    NewMessage,
    NewSession,
    NewStep,
    Session,
    SessionPage,
    Step,
    Task,
)
from backend.contract.vocabulary import FirstActionKind, Role, SessionStatus
from backend.db import tables as t
from backend.db.engine import Database
from backend.db.ids import new_id, parse_id
from backend.domain.refusal import Refusal
from backend.domain.roles import at_least
from backend.domain.secrets import redact_value
from backend.domain.text import clean, clean_link, clean_optional, limit_bytes, said, said_optional
from backend.http.cursor import decode_cursor, encode_cursor
from backend.identity.caller import Caller
from backend.sessions import mapping, repository

MAX_MESSAGE_BYTES: Final = 65_536
_STATUSES: Final = (*get_args(SessionStatus), "open")
_WORD: Final = re.compile(r"[^\W_]+")
_MOST_WORDS: Final = 8
_OFTEN: Final = 500
"""Sessions that a search may find before it is answered by reading the list in its order instead."""

Along = Callable[[AsyncConnection], Awaitable[None]]
"""Done in an entry's own transaction, with its session held; what it raises leaves neither."""


class FirstActions(Protocol):
    """What a handoff's owner wants to know of a session: the claimer's first act after the claim.

    Implemented above this layer and given in by the composition root.
    """

    async def mark(self, tx: AsyncConnection, caller: Caller, session_id: UUID, kind: FirstActionKind) -> UUID | None:
        """Called before the entry is written; answers the handoff when this is its first action."""

    async def announce(self, tx: AsyncConnection, caller: Caller, handoff_id: UUID, kind: FirstActionKind) -> None:
        """Called as the transaction's last statement."""


class Listener(Protocol):
    """Who wants to know what was written: the assistant, which stands above this layer and is given in."""

    async def heard(self, caller: Caller, session_id: str, message: Message) -> None:
        """Called after the message is committed, before the answer; never raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """An entry that was taken out: `kind` is step, fact or task."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a session gained after a version, for the live page."""

    version: int
    status: SessionStatus
    messages: list[Message] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    removed: list[Removed] = field(default_factory=list)


def not_found() -> Refusal:
    """One answer for unknown, malformed and other accounts' ids."""
    return Refusal("not_found", "There is no such session, or you may not see it.")


class SessionService:
    """Sessions of the caller's account."""

    def __init__(self, database: Database, first_actions: FirstActions) -> None:
        self._db = database
        self._first_actions = first_actions
        self._listener: Listener | None = None

    def listen(self, listener: Listener) -> None:
        """Tell this one of messages from now on."""
        self._listener = listener

    async def create(self, caller: Caller, new: NewSession) -> Session:
        """Open a session; the caller owns it."""
        caller.require("technician")
        ticket = new.ticket
        values = {
            "title": said("title", new.title, longest=200),
            "problem": limit_bytes("problem", said("problem", new.problem, longest=65_536), most=MAX_MESSAGE_BYTES),
            "customer": clean_optional("customer", new.customer, longest=120),
            "ticket_system": clean("ticket.system", ticket.system, longest=60) if ticket else None,
            "ticket_id": clean("ticket.id", ticket.id, longest=120) if ticket else None,
            "ticket_url": clean_link("ticket.url", ticket.url) if ticket else None,
            "external_url": clean_link("external_url", new.external_url),
        }
        session_id = new_id()
        async with self._db.tenant(caller.account_id) as tx:
            await repository.insert_session(
                tx, account_id=caller.account_id, id=session_id, owner_id=caller.user_id, **values
            )
            if ticket:
                await repository.plan_ticket_pull(tx, caller.account_id, session_id)
            return await self._read(tx, caller, session_id)

    async def get(self, caller: Caller, session_id: str) -> Session:
        """The whole session."""
        return _found(await repository.whole_now(self._db, caller.account_id, session_id_of(session_id)))

    @staticmethod
    async def _read(tx: AsyncConnection, caller: Caller, session_id: UUID) -> Session:
        return _found(await repository.whole(tx, caller.account_id, session_id))

    async def list_sessions(
        self,
        caller: Caller,
        *,
        status: str | None = None,
        mine: bool = False,
        search: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> SessionPage:
        """A page, latest activity first. `status` is a session status or `open` (all but resolved)."""
        status = status or None
        if status is not None and status not in _STATUSES:
            raise Refusal("bad_request", f"`status` must be one of {', '.join(_STATUSES)}.", field="status")
        if search is not None and "\x00" in search:
            raise Refusal("bad_request", "`search` holds a NUL character, which nothing contains.", field="search")
        after = decode_cursor(cursor)[1:] if cursor else None
        words = _WORD.findall(search.casefold())[:_MOST_WORDS] if search else []
        async with self._db.tenant(caller.account_id) as tx:
            # Rare words come from their index. What is found often is found soon in the order of the page itself.
            found = await repository.with_words(tx, words, _OFTEN) if words else []
            rare = bool(words) and len(found) < _OFTEN
            rows = await repository.sessions(
                tx,
                caller.account_id,
                status=status,
                owner_id=caller.user_id if mine else None,
                search=None if rare else search,
                among=found if rare else None,
                after=after,
                limit=limit + 1,
            )
            more, rows = len(rows) > limit, rows[:limit]
            handoffs = await repository.open_handoffs(tx, caller.account_id, [row.id for row in rows]) if rows else []
        by_session = {h.session_id: mapping.session_handoff(h) for h in handoffs}
        items = [mapping.session_row(row, by_session.get(row.id)) for row in rows]
        return SessionPage(
            items=items, next_cursor=encode_cursor(0, rows[-1].updated_at, rows[-1].id) if more else None
        )

    async def post_message(self, caller: Caller, session_id: str, new: NewMessage) -> Message:
        """Write into the chat."""
        content = limit_bytes("content", new.content, most=MAX_MESSAGE_BYTES)
        values = {"content": said("content", content, longest=MAX_MESSAGE_BYTES), "author_kind": "user"}
        message = mapping.message(await self._add(caller, session_id, "message", t.message, values))
        if self._listener is not None:
            await self._listener.heard(caller, session_id, message)
        return message

    async def add_step(self, caller: Caller, session_id: str, new: NewStep, along: Along | None = None) -> Step:
        """Record a step tried and what came of it."""
        values = {
            "action": said("action", new.action, longest=2_000),
            "outcome": new.outcome,
            "detail": said_optional("detail", new.detail, longest=8_000),
        }
        return mapping.step(await self._add(caller, session_id, "step", t.step, values, along))

    async def add_fact(self, caller: Caller, session_id: str, new: NewFact, along: Along | None = None) -> Fact:
        """Record a fact."""
        label = said("label", new.label, longest=200)
        values = {"label": label, "value": redact_value(label, clean("value", new.value, longest=8_000))}
        return mapping.fact(await self._add(caller, session_id, "fact", t.fact, values, along))

    async def _add(
        self,
        caller: Caller,
        session_id: str,
        kind: FirstActionKind,
        table: sa.Table,
        values: Mapping[str, object],
        along: Along | None = None,
    ) -> t.AnyRow:
        session, entry_id = session_id_of(session_id), new_id()
        await self.require(caller, session_id, "technician")
        async with self._db.tenant(caller.account_id) as tx:
            # Handoff row before session row before log row: the order that claims take them in.
            handoff_id = await self._first_actions.mark(tx, caller, session, kind)
            state = await writable(tx, caller, session)
            if along is not None:
                await along(tx)
            await repository.insert_entry(
                tx,
                table,
                account_id=caller.account_id,
                id=entry_id,
                session_id=session,
                author_id=caller.user_id,
                version=state.version,
                **values,
            )
            rows = await repository.entries(tx, table, caller.account_id, session, state.version - 1)
            if handoff_id is not None:
                await self._first_actions.announce(tx, caller, handoff_id, kind)
        self._db.wakeup.touch(str(session), *([str(caller.account_id)] if handoff_id else []))
        return next(row for row in rows if row.id == entry_id)

    async def require(self, caller: Caller, session_id: str, needed: Role) -> None:
        """Refuse by role only who may see the session: for anybody else it does not exist."""
        if not at_least(caller.role, needed):
            await self.get(caller, session_id)
            caller.require(needed)

    async def resolve(self, caller: Caller, session_id: str, note: str | None = None) -> Session:
        """End a session that nobody holds; an open hand-off is resolved or withdrawn first."""
        await self.require(caller, session_id, "technician")
        session, text = session_id_of(session_id), said_optional("note", note, longest=2_000)
        async with self._db.tenant(caller.account_id) as tx:
            current = await self._read(tx, caller, session)
            open_handoff = next((h for h in current.handoffs if h.status in {"pending", "claimed"}), None)
            if open_handoff is not None:
                raise Refusal(
                    "already_escalated",
                    "This session has an open hand-off: resolve or withdraw that first.",
                    handoff_id=open_handoff.id,
                )
            state = await writable(tx, caller, session)
            if state.status != "active":  # escalated between our look and our lock
                raise Refusal("already_escalated", "This session is being escalated: resolve or withdraw that first.")
            if text:
                await leave_message(tx, caller, session, text)
            await repository.resolve(tx, caller.account_id, session)
            result = await self._read(tx, caller, session)
        self._db.wakeup.touch(str(session))
        return result

    async def changes(self, caller: Caller, session_id: str, after_version: int) -> Changes:
        """What came after a version; for the live stream."""
        session = session_id_of(session_id)
        where = (caller.account_id, session, after_version)
        async with self._db.tenant(caller.account_id) as tx:
            row = await repository.session(tx, caller.account_id, session)
            if row is None:
                raise not_found()
            # What was committed after the session row was read belongs to the next look.
            upto = row.version
            if upto <= after_version:
                return Changes(version=upto, status=row.status)
            found = {
                table.name: [one for one in await repository.entries(tx, table, *where) if one.at_version <= upto]
                for table in (t.message, t.step, t.fact, t.task)
            }
            gone = [
                Removed(kind=table.name, id=str(one.id))
                for table in (t.step, t.fact, t.task)
                for one in await repository.removed(tx, table, *where)
                if one.changed <= upto
            ]
        return Changes(
            version=upto,
            status=row.status,
            messages=[mapping.message(one) for one in found["message"]],
            steps=[mapping.step(one) for one in found["step"]],
            facts=[mapping.fact(one) for one in found["fact"]],
            tasks=[mapping.task(one) for one in found["task"]],
            removed=gone,
        )


def _found(body: str | None) -> Session:
    if body is None:
        raise not_found()
    return mapping.session(body)


def session_id_of(text: str) -> UUID:
    """The identifier, or `not_found`."""
    parsed = parse_id(text)
    if parsed is None:
        raise not_found()
    return parsed


async def writable(tx: AsyncConnection, caller: Caller, session_id: UUID) -> t.AnyRow:
    """Raise the session's version; answers it with the status. Refuses `not_found` and `session_resolved`."""
    state = await repository.touch(tx, caller.account_id, session_id)
    if state is None:
        raise not_found()
    if state.status == "resolved":
        raise Refusal("session_resolved", "This session is resolved; nothing can be added.")
    return state


async def leave_message(tx: AsyncConnection, caller: Caller, session_id: UUID, content: str) -> UUID:
    """A chat message inside a transaction that does more than that; answers its id."""
    state = await writable(tx, caller, session_id)
    message_id = new_id()
    await repository.insert_entry(
        tx,
        t.message,
        account_id=caller.account_id,
        id=message_id,
        session_id=session_id,
        author_id=caller.user_id,
        author_kind="user",
        content=content,
        version=state.version,
    )
    return message_id
