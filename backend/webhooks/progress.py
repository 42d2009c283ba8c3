"""SQL of sending: which notice's turn it is, and what became of it."""

from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db.tables import AnyRow

SENDING_S: Final = 30
"""After this a notice that is being sent counts as given up by a process that has died."""

_LOCK = sa.text(
    "select d.id, d.account_id, d.webhook_id, d.handoff_id, d.seq, d.kind, d.data, d.state, d.attempts, d.at,"
    " w.name, w.url, w.format, w.secret_salt, w.secret_hash, w.active, w.paused_reason,"
    " a.name as account_name, a.email_content = 'title_only' as title_only"
    " from webhook_delivery d join webhook w on w.account_id = d.account_id and w.id = d.webhook_id"
    " join account a on a.id = d.account_id"
    " where d.account_id = :account and d.id = :id for update of d"
)
_EARLIER = sa.text(
    "select greatest(coalesce(max(next_at), clock_timestamp()), clock_timestamp()) + interval '1 second'"
    " from webhook_delivery where account_id = :account and webhook_id = :webhook and handoff_id = :handoff"
    " and seq < :seq and state in ('pending', 'sending') having count(*) > 0"
)
_HOLD = sa.text("update webhook_delivery set next_at = :until where account_id = :account and id = :id")
_BEGIN = sa.text(
    "update webhook_delivery set state = 'sending', attempts = attempts + 1,"
    f" next_at = clock_timestamp() + interval '{SENDING_S} seconds'"
    " where account_id = :account and id = :id returning attempts"
)
_AGAIN = sa.text(
    "update webhook_delivery set state = 'pending', status_code = :status, error = :error,"
    " next_at = clock_timestamp() + make_interval(secs => :after_s)"
    " where account_id = :account and id = :id returning next_at"
)
_END = sa.text(
    "update webhook_delivery set state = :state, status_code = coalesce(:status, status_code), error = :error,"
    " next_at = null, finished_at = clock_timestamp() where account_id = :account and id = :id"
).bindparams(sa.bindparam("status", type_=sa.Integer))
_NEXT = sa.text(
    "select id from webhook_delivery where account_id = :account and webhook_id = :webhook and handoff_id = :handoff"
    " and state = 'pending' order by seq limit 1"
)
_FAILING = sa.text(
    "select count(*) as number, min(d.finished_at) < clock_timestamp() - make_interval(hours => :hours) as long"
    " from webhook_delivery d join webhook w on w.account_id = d.account_id and w.id = d.webhook_id"
    " where d.account_id = :account and d.webhook_id = :webhook and d.state = 'failed' and d.kind <> 'test'"
    " and d.finished_at > greatest(w.active_since, (select max(x.finished_at) from webhook_delivery x"
    "     where x.account_id = :account and x.webhook_id = :webhook and x.state = 'accepted'))"
)


async def lock(tx: AsyncConnection, account_id: UUID, delivery_id: UUID) -> AnyRow | None:
    """The notice with its webhook as it is now, held until the transaction ends."""
    return (await tx.execute(_LOCK, {"account": account_id, "id": delivery_id})).one_or_none()


async def held_until(tx: AsyncConnection, row: AnyRow) -> datetime | None:
    """When to look again because an earlier notice of this webhook and hand-off has not ended; None when it has."""
    values = {"account": row.account_id, "webhook": row.webhook_id, "handoff": row.handoff_id, "seq": row.seq}
    until: datetime | None = (await tx.execute(_EARLIER, values)).scalar_one_or_none()
    if until is not None:
        await tx.execute(_HOLD, {"account": row.account_id, "id": row.id, "until": until})
    return until


async def begin(tx: AsyncConnection, row: AnyRow) -> int:
    """It is being sent; answers which try this is, from 1."""
    attempt: int = (await tx.execute(_BEGIN, {"account": row.account_id, "id": row.id})).scalar_one()
    return attempt


async def again(tx: AsyncConnection, row: AnyRow, status: int | None, error: str | None, after_s: float) -> datetime:
    """It will be tried again; answers when."""
    values = {"account": row.account_id, "id": row.id, "status": status, "error": error, "after_s": after_s}
    due: datetime = (await tx.execute(_AGAIN, values)).scalar_one()
    return due


async def end(tx: AsyncConnection, row: AnyRow, state: str, status: int | None, error: str | None) -> None:
    """It is accepted, failed or cancelled for good."""
    values = {"account": row.account_id, "id": row.id, "state": state, "status": status, "error": error}
    await tx.execute(_END, values)


async def next_of(tx: AsyncConnection, row: AnyRow) -> UUID | None:
    """The notice of the same webhook and hand-off whose turn it is now."""
    values = {"account": row.account_id, "webhook": row.webhook_id, "handoff": row.handoff_id}
    found: UUID | None = (await tx.execute(_NEXT, values)).scalar_one_or_none()
    return found


async def failing(tx: AsyncConnection, row: AnyRow, *, hours: int) -> tuple[int, bool]:
    """How many notices have failed since the last accepted one (or the last start), and whether for `hours`."""
    values = {"account": row.account_id, "webhook": row.webhook_id, "hours": hours}
    found = (await tx.execute(_FAILING, values)).one()
    return found.number, bool(found.long)
