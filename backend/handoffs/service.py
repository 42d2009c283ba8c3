"""Escalate, queue, read, claim: the way of one escalation."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.contract.handoffs import Handoff, NewHandoff, QueuePage, QueueRow
from backend.db.engine import Database
from backend.db.ids import new_id, parse_id
from backend.domain.claim import Claimed, ClaimOutcome, NotVisible
from backend.domain.refusal import Refusal
from backend.domain.roles import RANK
from backend.domain.text import clean, said, said_optional
from backend.handoffs import hot, mapping, repository, snapshot
from backend.http.cursor import decode_cursor, encode_cursor
from backend.http.respond import encode
from backend.identity.caller import Caller
from backend.identity.repository import user_role
from backend.jobs.job import TOPIC as JOBS
from backend.sessions.service import SessionService

STATUSES: Final = ("pending", "claimed", "resolved", "withdrawn", "all")
_LONGEST: Final = 2_000
_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Escalated:
    """The handoff, and whether this request made it (else the same key came again)."""

    handoff: Handoff
    created: bool


@dataclass(frozen=True, slots=True)
class AlertedAgain:
    """When everyone was last told of what waits; `exhausted` when the policy's last step has run and nobody came."""

    at: datetime
    exhausted: bool


@dataclass(frozen=True, slots=True)
class QueueText:
    """A page of the queue whose items are JSON text already, as the database keeps them."""

    items: str
    next_cursor: str | None
    seq: int


def not_found() -> Refusal:
    """One answer for unknown, malformed and other accounts' ids."""
    return Refusal("not_found", "There is no such hand-off, or you may not see it.")


def handoff_id(text: str) -> UUID:
    """The identifier, or `not_found`."""
    parsed = parse_id(text)
    if parsed is None:
        raise not_found()
    return parsed


def _nobody(field: str) -> Refusal:
    return Refusal("not_found", "There is no such person in this account.", field=field)


async def eligible_target(
    tx: AsyncConnection, caller: Caller, user_id: str, *, escalated_by: UUID, field: str = "target_user_id"
) -> UUID:
    """The id of an active senior of the account who has not escalated it; refuses others, naming the `field`."""
    parsed = parse_id(user_id)
    role = await user_role(tx, caller.account_id, parsed) if parsed else None
    if parsed is None or role is None:
        raise _nobody(field)
    if role not in {"engineer", "admin", "owner"}:
        raise Refusal("user_not_eligible", "That person's role does not claim hand-offs.", field=field)
    if parsed == escalated_by:
        raise Refusal("user_not_eligible", "The one who escalated cannot take it.", field=field)
    return parsed


async def read_handoff(tx: AsyncConnection, account_id: UUID, wanted: UUID) -> Handoff:
    """The whole handoff inside a transaction. Refuses `not_found`."""
    row = await repository.whole(tx, account_id, wanted)
    if row is None:
        raise not_found()
    return mapping.whole(row.body, row.package, row.snapshot)


async def read_now(database: Database, account_id: UUID, wanted: UUID) -> Handoff:
    """Like `read_handoff`, in one round trip of its own. Refuses `not_found`."""
    row = await hot.whole(database, account_id, wanted)
    if row is None:
        raise not_found()
    return mapping.whole(row["body"], row["package"], row["snapshot"])


class HandoffService:
    """Handoffs of the caller's account, up to the claim."""

    def __init__(self, database: Database, sessions: SessionService, *, email_after_s: float) -> None:
        self._db = database
        self._sessions = sessions
        self._email_after_s = email_after_s

    async def escalate(
        self, caller: Caller, session_id: str, new: NewHandoff, idempotency_key: str | None
    ) -> Escalated:
        """Hand a session over. Once this answers, the handoff survives anything.

        Refuses: `already_escalated` with `handoff_id`, `session_resolved`, `idempotency_mismatch`, `not_found`.
        """
        session = await self._sessions.get(caller, session_id)  # what is not there is 404, whatever the role
        caller.require("technician")
        key = clean("Idempotency-Key", idempotency_key, longest=200) if idempotency_key is not None else None
        checked = replace(
            new,
            reason=said("reason", new.reason, longest=_LONGEST),
            need=said_optional("need", new.need, longest=_LONGEST),
            impact=said_optional("impact", new.impact, longest=_LONGEST),
        )
        if new.target_user_id is not None and parse_id(new.target_user_id) is None:
            raise _nobody("target_user_id")
        request_hash = hashlib.sha256(encode([session.id, checked])).digest()
        try:
            target = await self._target(caller, new.target_user_id)
        except Refusal:
            # A repeat is answered by what it made the first time, even when the target has lost the role since.
            row = await self._made_before(caller, key, request_hash)
            if row is None:
                raise
        else:
            frozen = snapshot.take(session, datetime.now(UTC))
            row = await self._write(caller, UUID(session.id), key, checked, request_hash, target, frozen)
        if row.outcome == "created":
            self._db.wakeup.touch(str(caller.account_id), session.id, JOBS)
        return self._escalated(row, await self.get(caller, str(row.handoff_id)) if row.handoff_id else None)

    async def _target(self, caller: Caller, wanted: str | None) -> UUID | None:
        if wanted is None:
            return None
        async with self._db.tenant(caller.account_id) as tx:
            return await eligible_target(tx, caller, wanted, escalated_by=caller.user_id)

    async def _made_before(self, caller: Caller, key: str | None, request_hash: bytes) -> hot.EscalateRow | None:
        if key is None:
            return None
        async with self._db.tenant(caller.account_id) as tx:
            row = await repository.by_key(tx, caller.account_id, caller.user_id, key)
        return hot.EscalateRow("repeat", row.id, None, row.request_hash == request_hash) if row else None

    async def _write(
        self,
        caller: Caller,
        session_id: UUID,
        key: str | None,
        new: NewHandoff,
        request_hash: bytes,
        target: UUID | None,
        frozen: bytes,
    ) -> hot.EscalateRow:
        for _ in range(_ATTEMPTS):
            row = await hot.escalate(
                self._db,
                account_id=caller.account_id,
                handoff_id=new_id(),
                session_id=session_id,
                by=caller.user_id,
                key=key,
                request_hash=request_hash,
                new=new,
                target=target,
                snapshot=frozen,
                email_after_s=self._email_after_s,
            )
            if row.outcome != "retry":  # the open handoff that we met ended at this very moment
                return row
        raise Refusal("already_escalated", "The session's hand-off is changing right now. Try again.")

    @staticmethod
    def _escalated(row: hot.EscalateRow, handoff: Handoff | None) -> Escalated:
        match row.outcome:
            case "session_resolved":
                raise Refusal("session_resolved", "This session is resolved; it cannot be escalated.")
            case "already_escalated":
                raise Refusal("already_escalated", "This session is escalated already.", handoff_id=str(row.handoff_id))
            case "repeat" if not row.same_request:
                raise Refusal(
                    "idempotency_mismatch",
                    "This Idempotency-Key was used for another escalation. Use a new key.",
                    handoff_id=str(row.handoff_id),
                )
        if handoff is None:
            raise not_found()
        return Escalated(handoff, created=row.outcome == "created")

    async def queue_text(self, caller: Caller, status: str, cursor: str | None, limit: int) -> QueueText:
        """A page whose items are JSON already. Pending: urgent first, then oldest; others newest first."""
        status = status or "pending"
        if status not in STATUSES:
            raise Refusal("bad_request", f"`status` must be one of {', '.join(STATUSES)}.", field="status")
        after = decode_cursor(cursor) if cursor else None
        rows = await hot.queue(self._db, caller.account_id, status, after, limit)
        more = rows.last is not None and rows.count == limit
        return QueueText(rows.items, encode_cursor(*rows.last) if more and rows.last else None, rows.seq)

    async def queue(
        self, caller: Caller, status: str = "pending", cursor: str | None = None, limit: int = 50
    ) -> QueuePage:
        """Like `queue_text`, decoded; for pages."""
        text = await self.queue_text(caller, status, cursor, limit)
        items = msgspec.json.decode(text.items, type=list[QueueRow])
        return QueuePage(items=items, next_cursor=text.next_cursor, seq=text.seq)

    async def get(self, caller: Caller, wanted: str) -> Handoff:
        """The whole handoff."""
        return await read_now(self._db, caller.account_id, handoff_id(wanted))

    async def claim(self, caller: Caller, wanted: str) -> ClaimOutcome:
        """Take a pending handoff. Of any number of simultaneous callers exactly one gets `Claimed`."""
        parsed = parse_id(wanted)
        if parsed is None:
            return NotVisible()
        outcome = await hot.claim(self._db, caller.account_id, parsed, caller.user_id)
        if isinstance(outcome, Claimed):
            self._db.wakeup.touch(str(caller.account_id), JOBS)
        return outcome

    async def claimed_today(self, caller: Caller, limit: int = 50) -> list[QueueRow]:
        """What was claimed today in the account's time zone, latest first."""
        async with self._db.tenant(caller.account_id) as tx:
            rows = await repository.claimed_since_midnight(tx, caller.account_id, caller.timezone, limit)
        return [msgspec.convert(row.card, QueueRow) for row in rows]

    async def alerted_again(self, caller: Caller) -> dict[str, AlertedAgain]:
        """By id, what waits and was alerted again since it began to wait."""
        async with self._db.tenant(caller.account_id) as tx:
            rows = await repository.alerted_again(tx, caller.account_id)
        return {str(row.id): AlertedAgain(row.at, row.exhausted) for row in rows}

    async def shell_state(self, caller: Caller) -> tuple[int, int]:
        """(log position, how many wait): what the frame of every page shows, by one call."""
        row = await self._db.call("select * from shell_state($1)", caller.account_id, of=caller.account_id)
        return (row["seq"], row["waiting"]) if row else (0, 0)


def may_manage(caller: Caller) -> bool:
    """True for those who may act on a handoff that someone else holds."""
    return RANK[caller.role] >= RANK["admin"]
