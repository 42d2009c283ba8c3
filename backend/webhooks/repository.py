"""SQL of webhooks: what administrators set up, and the log."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db.tables import AnyRow

_WEBHOOK: Final = (
    "select w.account_id, w.id, w.name, w.url, w.format, w.secret_salt, w.secret_hash, w.active, w.events,"
    " w.created_by, u.name as created_by_name, w.paused_reason, w.created_at"
    " from webhook w join app_user u on u.account_id = w.account_id and u.id = w.created_by"
    " where w.account_id = :account and w.deleted_at is null"
)
_LIST = sa.text(f"{_WEBHOOK} order by lower(w.name), w.id")
_ONE = sa.text(f"{_WEBHOOK} and w.id = :id")
_ALONE = sa.text("select id from account where id = :account for no key update")
_COUNT = sa.text("select count(*) from webhook where account_id = :account and deleted_at is null")
_INSERT = sa.text(
    "insert into webhook (account_id, id, name, url, format, secret_salt, secret_hash, events, created_by)"
    " values (:account, :id, :name, :url, :format, :salt, :hash, :events, :by)"
)
_UPDATE = sa.text(
    "update webhook set name = coalesce(:name, name), url = coalesce(:url, url), events = coalesce(:events, events),"
    " active = coalesce(:active, active),"
    " paused_reason = case when :active is null then paused_reason end,"
    " active_since = case when :active and not active then clock_timestamp() else active_since end"
    " where account_id = :account and id = :id and deleted_at is null"
).bindparams(
    sa.bindparam("name", type_=sa.Text),
    sa.bindparam("url", type_=sa.Text),
    sa.bindparam("events", type_=sa.ARRAY(sa.Text)),
    sa.bindparam("active", type_=sa.Boolean),
)
_PAUSE = sa.text(
    "update webhook set active = false, paused_reason = :why where account_id = :account and id = :id and active"
)
_DELETE = sa.text(
    "update webhook set deleted_at = clock_timestamp(), active = false, url = '', secret_salt = '', secret_hash = ''"
    " where account_id = :account and id = :id and deleted_at is null"
)
_CALL_OFF = sa.text(
    "with mine as (select id from webhook_delivery where account_id = :account and webhook_id = :id"
    "              and state = 'pending' order by seq, id for update),"
    " ended as (update webhook_delivery d set state = 'cancelled', error = :why, next_at = null,"
    "           finished_at = clock_timestamp()"
    "           from mine where d.account_id = :account and d.id = mine.id returning d.id)"
    " delete from job j using ended where j.account_id = :account and j.key = 'webhook:' || ended.id"
)
_ENTRY: Final = (
    "select d.id, d.webhook_id, d.handoff_id, d.seq, d.kind, d.state, d.attempts, d.status_code, d.error, d.at,"
    " d.next_at, d.finished_at from webhook_delivery d where d.account_id = :account and d.webhook_id = :webhook"
)
_ENTRIES = sa.text(
    f"{_ENTRY} and (:before_id is null or (d.at, d.id) < (:before_at, :before_id))"
    " order by d.at desc, d.id desc limit :limit"
).bindparams(sa.bindparam("before_at", type_=sa.DateTime(timezone=True)), sa.bindparam("before_id", type_=sa.Uuid))
_ENTRY_LOCKED = sa.text(f"{_ENTRY} and d.id = :id for update")
_RETRY = sa.text(
    "update webhook_delivery set state = 'pending', attempts = 0, next_at = clock_timestamp(), finished_at = null"
    " where account_id = :account and id = :id"
)
_TESTS = sa.text(
    "select count(*) from webhook_delivery where account_id = :account and webhook_id = :id and kind = 'test'"
    " and at > clock_timestamp() - interval '1 minute'"
)
_KEEP_TEST = sa.text(
    "insert into webhook_delivery (account_id, id, webhook_id, kind, data, state, attempts, status_code, error, at,"
    " finished_at) values (:account, :id, :webhook, 'test', '{}', :state, 1, :status, :error, :at, clock_timestamp())"
)


async def webhooks(tx: AsyncConnection, account_id: UUID) -> list[AnyRow]:
    """All of the account, by name."""
    return list((await tx.execute(_LIST, {"account": account_id})).all())


async def webhook(tx: AsyncConnection, account_id: UUID, webhook_id: UUID) -> AnyRow | None:
    """One, unless it is deleted."""
    return (await tx.execute(_ONE, {"account": account_id, "id": webhook_id})).one_or_none()


async def count_alone(tx: AsyncConnection, account_id: UUID) -> int:
    """How many there are, with nobody else adding one until the transaction ends."""
    await tx.execute(_ALONE, {"account": account_id})
    number: int = (await tx.execute(_COUNT, {"account": account_id})).scalar_one()
    return number


async def insert(
    tx: AsyncConnection,
    *,
    account_id: UUID,
    webhook_id: UUID,
    name: str,
    url: str,
    kind: str,
    salt: bytes,
    secret_hash: bytes,
    events: list[str],
    by: UUID,
) -> None:
    """Make a webhook."""
    values = {
        "account": account_id,
        "id": webhook_id,
        "name": name,
        "url": url,
        "format": kind,
        "salt": salt,
        "hash": secret_hash,
        "events": events,
        "by": by,
    }
    await tx.execute(_INSERT, values)


async def update(tx: AsyncConnection, account_id: UUID, webhook_id: UUID, changes: dict[str, Any]) -> None:
    """Write what is given of name, url, events and active. Any given `active` forgets why it was paused."""
    values = {"name": None, "url": None, "events": None, "active": None, **changes}
    await tx.execute(_UPDATE, {"account": account_id, "id": webhook_id, **values})


async def pause(tx: AsyncConnection, account_id: UUID, webhook_id: UUID, why: str) -> bool:
    """Stop sending to it; False when it was not active any more."""
    return (await tx.execute(_PAUSE, {"account": account_id, "id": webhook_id, "why": why})).rowcount == 1


async def delete(tx: AsyncConnection, account_id: UUID, webhook_id: UUID) -> None:
    """Forget its address and secret; its name stays for the history of its hand-offs."""
    await tx.execute(_DELETE, {"account": account_id, "id": webhook_id})


async def call_off(tx: AsyncConnection, account_id: UUID, webhook_id: UUID, why: str) -> None:
    """End everything that still waits to be sent to it. What is being sent now ends by itself."""
    await tx.execute(_CALL_OFF, {"account": account_id, "id": webhook_id, "why": why})


async def entries(
    tx: AsyncConnection, account_id: UUID, webhook_id: UUID, before: tuple[datetime, UUID] | None, limit: int
) -> list[AnyRow]:
    """The log, newest first."""
    at, row_id = before or (None, None)
    values = {"account": account_id, "webhook": webhook_id, "before_at": at, "before_id": row_id, "limit": limit}
    return list((await tx.execute(_ENTRIES, values)).all())


async def lock_entry(tx: AsyncConnection, account_id: UUID, webhook_id: UUID, delivery_id: UUID) -> AnyRow | None:
    """One entry of this webhook's log, held until the transaction ends."""
    values = {"account": account_id, "webhook": webhook_id, "id": delivery_id}
    return (await tx.execute(_ENTRY_LOCKED, values)).one_or_none()


async def retry(tx: AsyncConnection, account_id: UUID, delivery_id: UUID) -> None:
    """Begin anew with an entry that has ended."""
    await tx.execute(_RETRY, {"account": account_id, "id": delivery_id})


async def recent_tests(tx: AsyncConnection, account_id: UUID, webhook_id: UUID) -> int:
    """How many tests were sent in the last minute."""
    number: int = (await tx.execute(_TESTS, {"account": account_id, "id": webhook_id})).scalar_one()
    return number


async def keep_test(
    tx: AsyncConnection,
    *,
    account_id: UUID,
    webhook_id: UUID,
    delivery_id: UUID,
    at: datetime,
    status: int | None,
    error: str | None,
) -> None:
    """Write a test that was sent into the log."""
    values = {
        "account": account_id,
        "id": delivery_id,
        "webhook": webhook_id,
        "at": at,
        "state": "failed" if error else "accepted",
        "status": status,
        "error": error,
    }
    await tx.execute(_KEEP_TEST, values)
