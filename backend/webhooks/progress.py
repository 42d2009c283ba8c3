"""SQL of sending: which notice's turn it is, and what became of it."""

from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db.tables import AnyRow

SENDING_S: Final = 30
"""After this a notice that is being sent counts as given up by a process that has died."""

_READ = sa.text(
    "select d.id, d.account_id, d.webhook_id, d.handoff_id, d.seq, d.kind, d.data, d.state, d.attempts, d.at,"
    " w.name, w.url, w.format, w.secret_salt, w.secret_hash, w.active, w.paused_reason,"
    " a.name as account_name, a.email_content = 'title_only' as title_only"
    " from webhook_delivery d join webhook w on w.account_id = d.account_id and w.id = d.webhook_id"
    " join account a on a.id = d.account_id"
    " where d.account_id = :account and d.id = :id"
)
_LINE = sa.text(
    "select d.id, greatest(d.next_at, clock_timestamp()) + interval '1 second' as look_again"
    " from webhook_delivery me join webhook_delivery d on d.account_id = me.account_id"
    "  and d.webhook_id = me.webhook_id and d.handoff_id = me.handoff_id and d.seq <= me.seq"
    "  and d.state in ('pending', 'sending')"
    " where me.account_id = :account and me.id = :id order by d.seq for update of d"
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
_PASS_ON = sa.text(
    "update job set due_at = clock_timestamp(), attempts = 0"
    " where account_id = :account and (lease_until is null or lease_until <= clock_timestamp())"
    " and key = (select 'webhook:' || id from webhook_delivery where account_id = :account and webhook_id = :webhook"
    "            and handoff_id = :handoff and state = 'pending' order by seq limit 1)"
)
_FAILING = sa.text(
    "select count(*) as number, min(d.finished_at) < clock_timestamp() - make_interval(hours => :hours) as long"
    " from webhook_delivery d join webhook w on w.account_id = d.account_id and w.id = d.webhook_id"
    " where d.account_id = :account and d.webhook_id = :webhook and d.state = 'failed' and d.kind <> 'test'"
    " and d.finished_at > greatest(w.active_since, (select max(x.finished_at) from webhook_delivery x"
    "     where x.account_id = :account and x.webhook_id = :webhook and x.state = 'accepted'))"
)


async def line(tx: AsyncConnection, account_id: UUID, delivery_id: UUID) -> list[AnyRow]:
    """What has not ended of this notice's webhook and hand-off, up to the notice itself; held in that order.

    Without the notice when it has ended. `look_again` says when it is worth looking once more.
    """
    return list((await tx.execute(_LINE, {"account": account_id, "id": delivery_id})).all())


async def hold(tx: AsyncConnection, account_id: UUID, delivery_id: UUID, until: datetime) -> None:
    """It is not its turn; the log says when it may be."""
    await tx.execute(_HOLD, {"account": account_id, "id": delivery_id, "until": until})


async def read(tx: AsyncConnection, account_id: UUID, delivery_id: UUID) -> AnyRow:
    """The notice with its webhook as it is now."""
    return (await tx.execute(_READ, {"account": account_id, "id": delivery_id})).one()


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


async def pass_on(tx: AsyncConnection, row: AnyRow) -> None:
    """The next notice of the same webhook and hand-off is due now.

    What a worker holds already is left alone: it waits for this very transaction in `line` and sees its end.
    """
    values = {"account": row.account_id, "webhook": row.webhook_id, "handoff": row.handoff_id}
    await tx.execute(_PASS_ON, values)


async def failing(tx: AsyncConnection, row: AnyRow, *, hours: int) -> tuple[int, bool]:
    """How many notices have failed since the last accepted one (or the last start), and whether for `hours`."""
    values = {"account": row.account_id, "webhook": row.webhook_id, "hours": hours}
    found = (await tx.execute(_FAILING, values)).one()
    return found.number, bool(found.long)
