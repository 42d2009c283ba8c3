"""The hot path's calls: one function in the database, one round trip, one commit.

Beside `repository` because they run on asyncpg's pool rather than in a SQLAlchemy transaction.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from backend.contract.handoffs import NewHandoff
from backend.db.engine import Database
from backend.domain import claim as outcomes
from backend.domain.claim import ClaimOutcome

SESSION_RESOLVED: Final = "FP001"
"""SQLSTATE raised by escalate_handoff when the session is resolved."""


@dataclass(frozen=True, slots=True)
class EscalateRow:
    """Answer of escalate_handoff: created, repeat, already_escalated, not_found, retry or session_resolved."""

    outcome: str
    handoff_id: UUID | None
    seq: int | None
    same_request: bool | None


async def escalate(
    database: Database,
    *,
    account_id: UUID,
    handoff_id: UUID,
    session_id: UUID,
    by: UUID,
    key: str | None,
    request_hash: bytes,
    new: NewHandoff,
    target: UUID | None,
    snapshot: bytes,
    email_after_s: float,
) -> EscalateRow:
    """Write the handoff, its delivery plan, its timeline and its event in one commit."""
    try:
        row = await database.call(
            "select * from escalate_handoff($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            account_id,
            handoff_id,
            session_id,
            by,
            key,
            request_hash,
            new.reason,
            new.need,
            new.impact,
            new.priority,
            target,
            snapshot,
            email_after_s,
            of=account_id,
        )
    except asyncpg.PostgresError as error:
        if error.sqlstate == SESSION_RESOLVED:
            return EscalateRow("session_resolved", None, None, None)
        raise
    if row is None:  # pragma: no cover - a function with OUT parameters answers one row
        raise RuntimeError("escalate_handoff answered nothing")
    return EscalateRow(row["outcome"], row["handoff_id"], row["seq"], row["same_request"])


_OUTCOMES: Final[dict[str, Callable[[asyncpg.Record], ClaimOutcome]]] = {
    "claimed": lambda row: outcomes.Claimed(row["seq"], row["epoch"]),
    "already_yours": lambda row: outcomes.AlreadyYours(row["seq"] or 0, row["epoch"]),
    "already_claimed": lambda row: outcomes.AlreadyClaimed(row["holder"], row["holder_name"], row["held_since"]),
    "reserved": lambda row: outcomes.Reserved(row["holder"], row["holder_name"], row["held_since"]),
    "own_handoff": lambda _: outcomes.OwnHandoff(),
    "not_found": lambda _: outcomes.NotVisible(),
    "role_required": lambda _: outcomes.NotEligible(),
    "not_pending": lambda row: outcomes.NotPending(row["status"]),
}


async def claim(database: Database, account_id: UUID, handoff_id: UUID, user_id: UUID) -> ClaimOutcome:
    """One conditional UPDATE decides; the loser is told who was first."""
    row = await database.call("select * from claim_handoff($1, $2, $3)", account_id, handoff_id, user_id, of=account_id)
    if row is None:  # pragma: no cover - a function with OUT parameters answers one row
        raise RuntimeError("claim_handoff answered nothing")
    return _OUTCOMES[row["outcome"]](row)


@dataclass(frozen=True, slots=True)
class QueueRows:
    """A page as JSON text, with the key of its last row and the log position that it reflects."""

    items: str
    last: tuple[int, datetime, UUID] | None
    count: int
    seq: int


async def queue(
    database: Database, account_id: UUID, status: str, after: tuple[int, datetime, UUID] | None, limit: int
) -> QueueRows:
    """Pending: urgent first, then oldest. Other statuses: newest first."""
    row = await database.call(
        "select * from queue_page($1, $2, $3, $4, $5, $6)",
        account_id,
        status,
        *(after or (None, None, None)),
        limit,
        of=account_id,
    )
    if row is None:  # pragma: no cover - a function with OUT parameters answers one row
        raise RuntimeError("queue_page answered nothing")
    last = (row["last_rank"], row["last_at"], row["last_id"]) if row["n"] else None
    return QueueRows(row["items"], last, row["n"], row["seq"])


async def whole(database: Database, account_id: UUID, handoff_id: UUID) -> asyncpg.Record | None:
    """The parts that `mapping.whole` makes a handoff of, and `external_url`; None when it is not there."""
    row = await database.call("select * from handoff_whole($1, $2)", account_id, handoff_id, of=account_id)
    return row if row is not None and row["body"] is not None else None
