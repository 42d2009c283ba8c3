"""SQL of notes: whose turn it is, what became of each, the log and the dead letters."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db.tables import AnyRow

TRIED_FOR_S: Final = 86_400
"""A note is tried for a day, then it is a dead letter."""

_LINE = sa.text(
    "select n.id, greatest(n.next_at, clock_timestamp()) + interval '1 second' as look_again"
    " from psa_note me join psa_note n on n.account_id = me.account_id and n.connector_id = me.connector_id"
    "  and n.ticket = me.ticket and (n.at, n.id) <= (me.at, me.id) and n.state in ('pending', 'sending')"
    " where me.account_id = :account and me.id = :id order by n.at, n.id for update of n"
)
_READ: Final = (
    "select n.*, extract(epoch from clock_timestamp() - n.began_at)::float8 as tried_s, u.name as author_name,"
    " u.email as author_email"
    " from psa_note n left join app_user u on u.account_id = n.account_id and u.id = n.author_id"
    " where n.account_id = :account"
)
_ONE = sa.text(f"{_READ} and n.id = :id")
_LOCKED = sa.text(f"{_READ} and n.id = :id and n.connector_id = :connector for update of n")
_LOG = sa.text(
    f"{_READ} and n.connector_id = :connector and (:state is null or n.state = :state)"
    " and (:before_id is null or (n.at, n.id) < (:before_at, :before_id)) order by n.at desc, n.id desc limit :limit"
).bindparams(
    sa.bindparam("state", type_=sa.Text),
    sa.bindparam("before_at", type_=sa.DateTime(timezone=True)),
    sa.bindparam("before_id", type_=sa.Uuid),
)
_OF_SESSION = sa.text(f"{_READ} and n.session_id = :session order by n.at, n.id")
_HOLD = sa.text("update psa_note set next_at = :until where account_id = :account and id = :id")
_BEGIN = sa.text(
    "update psa_note set state = 'sending', attempts = attempts + 1, text = :text,"
    " next_at = clock_timestamp() + interval '60 seconds' where account_id = :account and id = :id returning attempts"
)
_AGAIN = sa.text(
    "update psa_note set state = 'pending', error = :error, remedy = null, leaking = leaking or :leaking,"
    " next_at = clock_timestamp() + make_interval(secs => :after_s)"
    " where account_id = :account and id = :id returning next_at"
)
_END = sa.text(
    "update psa_note set state = :state, remote_id = coalesce(:remote, remote_id), error = :error, remedy = :remedy,"
    " next_at = null, finished_at = clock_timestamp() where account_id = :account and id = :id"
).bindparams(sa.bindparam("remote", type_=sa.Text))
_PASS_ON = sa.text(
    "update job set due_at = clock_timestamp(), attempts = 0"
    " where account_id = :account and (lease_until is null or lease_until <= clock_timestamp())"
    " and key = (select 'psa_note:' || id from psa_note where account_id = :account and connector_id = :connector"
    "            and ticket = :ticket and state = 'pending' order by at, id limit 1)"
)
_CALL_OFF = sa.text(
    "with mine as (select id from psa_note where account_id = :account and connector_id = :connector"
    "              and state = 'pending' order by at, id for update),"
    " ended as (update psa_note n set state = 'cancelled', error = :why, next_at = null,"
    "           finished_at = clock_timestamp()"
    "           from mine where n.account_id = :account and n.id = mine.id returning n.id)"
    " delete from job j using ended where j.account_id = :account and j.key = 'psa_note:' || ended.id"
)
_REPLAY = sa.text(
    "with mine as (select id from psa_note where account_id = :account and connector_id = :connector"
    "              and state = 'failed' and (:id is null or id = :id) order by at, id for update),"
    " again as (update psa_note n set state = 'pending', began_at = clock_timestamp(), next_at = clock_timestamp(),"
    "           finished_at = null from mine where n.account_id = :account and n.id = mine.id"
    "           returning n.id, n.handoff_id)"
    " insert into job (account_id, kind, key, handoff_id, ref)"
    " select :account, 'psa_note', 'psa_note:' || id, handoff_id, id from again"
    " on conflict (account_id, key) do nothing"
).bindparams(sa.bindparam("id", type_=sa.Uuid))
_INSERT = sa.text(
    "insert into psa_note (account_id, id, connector_id, session_id, handoff_id, kind, author_id, visibility,"
    " confirmed_by, ticket, data) values (:account, :id, :connector, :session, :handoff, 'note', :author, :visibility,"
    " :confirmed_by, :ticket, :data)"
).bindparams(sa.bindparam("data", type_=JSONB), sa.bindparam("confirmed_by", type_=sa.Uuid))


async def line(tx: AsyncConnection, account_id: UUID, note_id: UUID) -> list[AnyRow]:
    """What has not ended of this note's ticket, up to the note itself; held in that order."""
    return list((await tx.execute(_LINE, {"account": account_id, "id": note_id})).all())


async def read(tx: AsyncConnection, account_id: UUID, note_id: UUID) -> AnyRow:
    """The note with its author."""
    return (await tx.execute(_ONE, {"account": account_id, "id": note_id})).one()


async def lock(tx: AsyncConnection, account_id: UUID, connector_id: UUID, note_id: UUID) -> AnyRow | None:
    """One note of this connector, held until the transaction ends."""
    values = {"account": account_id, "connector": connector_id, "id": note_id}
    return (await tx.execute(_LOCKED, values)).one_or_none()


async def log(
    tx: AsyncConnection,
    account_id: UUID,
    connector_id: UUID,
    *,
    state: str | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[AnyRow]:
    """Newest first, of one state or all."""
    at, note_id = before or (None, None)
    values = {"state": state, "before_at": at, "before_id": note_id, "limit": limit}
    return list((await tx.execute(_LOG, {"account": account_id, "connector": connector_id, **values})).all())


async def of_session(tx: AsyncConnection, account_id: UUID, session_id: UUID) -> list[AnyRow]:
    """All of a session, oldest first."""
    return list((await tx.execute(_OF_SESSION, {"account": account_id, "session": session_id})).all())


async def insert(tx: AsyncConnection, **values: Any) -> None:
    """A person's note."""
    await tx.execute(_INSERT, values)


async def hold(tx: AsyncConnection, row: AnyRow, until: datetime) -> None:
    """It is not its turn; the log says when it may be."""
    await tx.execute(_HOLD, {"account": row.account_id, "id": row.id, "until": until})


async def begin(tx: AsyncConnection, row: AnyRow, text: str) -> int:
    """It is being written, with this text from now on; answers which try this is, from 1."""
    values = {"account": row.account_id, "id": row.id, "text": text}
    attempt: int = (await tx.execute(_BEGIN, values)).scalar_one()
    return attempt


async def again(tx: AsyncConnection, row: AnyRow, error: str, after_s: float, *, leaking: bool) -> datetime:
    """It will be tried again; answers when."""
    values = {"account": row.account_id, "id": row.id, "error": error, "after_s": after_s, "leaking": leaking}
    due: datetime = (await tx.execute(_AGAIN, values)).scalar_one()
    return due


async def end(
    tx: AsyncConnection,
    row: AnyRow,
    state: str,
    *,
    remote: str | None = None,
    error: str | None = None,
    remedy: str | None = None,
) -> None:
    """It is written, leaked, failed or cancelled for good."""
    values = {"state": state, "remote": remote, "error": error, "remedy": remedy}
    await tx.execute(_END, {"account": row.account_id, "id": row.id, **values})


async def pass_on(tx: AsyncConnection, row: AnyRow) -> None:
    """The next note of the same ticket is due now."""
    values = {"account": row.account_id, "connector": row.connector_id, "ticket": row.ticket}
    await tx.execute(_PASS_ON, values)


async def call_off(tx: AsyncConnection, account_id: UUID, connector_id: UUID, why: str) -> None:
    """End everything that still waits to be written by it."""
    await tx.execute(_CALL_OFF, {"account": account_id, "connector": connector_id, "why": why})


async def replay(tx: AsyncConnection, account_id: UUID, connector_id: UUID, note_id: UUID | None) -> int:
    """Begin anew with one dead letter or all; the tries before count, so the ticket is searched for it first."""
    values = {"account": account_id, "connector": connector_id, "id": note_id}
    return (await tx.execute(_REPLAY, values)).rowcount
