"""SQL of sessions, messages, steps and facts."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t
from backend.db.engine import Database
from backend.db.tables import AnyRow

_SESSION_COLUMNS: Final = (*t.ai_session.c, t.app_user.c.name.label("owner_name"))
_OWNER: Final = sa.and_(
    t.app_user.c.account_id == t.ai_session.c.account_id, t.app_user.c.id == t.ai_session.c.owner_id
)
_PEOPLE: Final = tuple(t.app_user.alias(name) for name in ("by_user", "holder", "target"))


async def insert_session(tx: AsyncConnection, **values: object) -> None:
    """A new session."""
    await tx.execute(sa.insert(t.ai_session).values(status="active", version=0, **_stamped(values)))


async def plan_ticket_pull(tx: AsyncConnection, account_id: UUID, session_id: UUID) -> None:
    """What the session's ticket says is fetched by a worker, where its PSA is connected."""
    await tx.execute(sa.text("select plan_ticket_pull(:account, :id)"), {"account": account_id, "id": session_id})


def _stamped(values: dict[str, object]) -> dict[str, object]:
    return {"created_at": sa.func.now(), "updated_at": sa.func.now(), **values}


async def session(tx: AsyncConnection, account_id: UUID, session_id: UUID) -> AnyRow | None:
    """One session with its owner's name."""
    s = t.ai_session
    statement = (
        sa.select(*_SESSION_COLUMNS).join(t.app_user, _OWNER).where(s.c.account_id == account_id, s.c.id == session_id)
    )
    return (await tx.execute(statement)).one_or_none()


async def whole(tx: AsyncConnection, account_id: UUID, session_id: UUID) -> str | None:
    """JSON of the whole session, or None."""
    statement = sa.text("select session_whole(:account, :session)")
    found: str | None = (await tx.execute(statement, {"account": account_id, "session": session_id})).scalar_one()
    return found


async def whole_now(database: Database, account_id: UUID, session_id: UUID) -> str | None:
    """Like `whole`, in one round trip of its own."""
    row = await database.call("select session_whole($1, $2) as body", account_id, session_id, of=account_id)
    return row["body"] if row is not None else None


async def sessions(
    tx: AsyncConnection,
    account_id: UUID,
    *,
    status: str | None,
    owner_id: UUID | None,
    search: str | None,
    among: Sequence[UUID] | None = None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[AnyRow]:
    """A page, latest activity first, each with its number of steps. `among` narrows it to these."""
    s, st = t.ai_session, t.step
    steps = (
        sa.select(sa.func.count())
        .where(st.c.account_id == s.c.account_id, st.c.session_id == s.c.id, st.c.removed_at.is_(None))
        .scalar_subquery()
        .label("steps")
    )
    statement = (
        sa.select(*_SESSION_COLUMNS, steps)
        .join(t.app_user, _OWNER)
        .where(s.c.account_id == account_id)
        .order_by(s.c.updated_at.desc(), s.c.id.desc())
        .limit(limit)
    )
    if status == "open":
        # Written out, as a parameter would keep the index of open sessions from being used.
        statement = statement.where(s.c.status != sa.literal_column("'resolved'"))
    elif status is not None:
        statement = statement.where(s.c.status == status)
    if owner_id is not None:
        statement = statement.where(s.c.owner_id == owner_id)
    if among is not None:
        statement = statement.where(s.c.id.in_(among))
    for word in search.split() if search else ():
        like = f"%{word.replace(chr(92), chr(92) * 2).replace('%', chr(92) + '%').replace('_', chr(92) + '_')}%"
        statement = statement.where(sa.or_(s.c.title.ilike(like), s.c.customer.ilike(like), s.c.ticket_id.ilike(like)))
    if after is not None:
        statement = statement.where(sa.tuple_(s.c.updated_at, s.c.id) < sa.tuple_(*map(sa.literal, after)))
    return list((await tx.execute(statement)).all())


async def with_words(tx: AsyncConnection, words: Sequence[str], most: int) -> list[UUID]:
    """Sessions of the transaction's account with words in title, customer or ticket that begin so; `most` of them."""
    query = " & ".join(f"'{word}':*" for word in words)  # letters and digits alone
    rows = await tx.execute(sa.text("select search_sessions(:query, :most)"), {"query": query, "most": most})
    return list(rows.scalars())


async def open_handoffs(tx: AsyncConnection, account_id: UUID, session_ids: list[UUID]) -> list[AnyRow]:
    """The open handoff of each of these sessions."""
    return await _handoffs(
        tx, account_id, t.handoff.c.session_id.in_(session_ids), t.handoff.c.status.in_(("pending", "claimed"))
    )


async def _handoffs(tx: AsyncConnection, account_id: UUID, *where: "sa.ColumnElement[bool]") -> list[AnyRow]:
    h, (by, holder, target) = t.handoff, _PEOPLE
    statement = (
        sa.select(
            h.c.id,
            h.c.session_id,
            h.c.status,
            h.c.priority,
            h.c.reason,
            h.c.created_at,
            h.c.handed_off_by,
            by.c.name.label("by_name"),
            h.c.claimed_by,
            holder.c.name.label("holder_name"),
            h.c.claimed_at,
            h.c.target_user_id,
            target.c.name.label("target_name"),
        )
        .join(by, sa.and_(by.c.account_id == h.c.account_id, by.c.id == h.c.handed_off_by))
        .outerjoin(holder, sa.and_(holder.c.account_id == h.c.account_id, holder.c.id == h.c.claimed_by))
        .outerjoin(target, sa.and_(target.c.account_id == h.c.account_id, target.c.id == h.c.target_user_id))
        .where(h.c.account_id == account_id, *where)
        .order_by(h.c.created_at, h.c.id)
    )
    return list((await tx.execute(statement)).all())


async def entries(
    tx: AsyncConnection, table: sa.Table, account_id: UUID, session_id: UUID, after_version: int = 0
) -> list[AnyRow]:
    """Messages, steps, facts or tasks of a session that are new or changed after a version, in their order.

    With the names of who wrote, edited, ticked and is to do them; what was taken out is left out.
    """
    where = [table.c.account_id == account_id, table.c.session_id == session_id]
    if "removed_at" in table.c:
        where.append(table.c.removed_at.is_(None))
    return await _entries(tx, table, *where, _changed(table) > after_version)


async def entry(
    tx: AsyncConnection, table: sa.Table, account_id: UUID, session_id: UUID, entry_id: UUID
) -> AnyRow | None:
    """One of them, taken out or not."""
    where = (table.c.account_id == account_id, table.c.session_id == session_id, table.c.id == entry_id)
    rows = await _entries(tx, table, *where)
    return rows[0] if rows else None


async def removed(
    tx: AsyncConnection, table: sa.Table, account_id: UUID, session_id: UUID, after_version: int
) -> list[AnyRow]:
    """(id, changed) of what was taken out after a version."""
    statement = sa.select(table.c.id, table.c.changed).where(
        table.c.account_id == account_id,
        table.c.session_id == session_id,
        table.c.removed_at.is_not(None),
        table.c.changed > after_version,
    )
    return list((await tx.execute(statement)).all())


def _changed(table: sa.Table) -> "sa.ColumnElement[int]":
    """The session's version at the latest change of an entry."""
    version: sa.ColumnElement[int] = table.c.version
    return sa.func.coalesce(table.c.changed, version) if "changed" in table.c else version


@cache
def _all_entries(table: sa.Table) -> "sa.Select[Any]":
    """Made once: the aliases of a join are the dearest part of a statement."""
    columns: list[sa.ColumnElement[Any]] = [*table.c, _changed(table).label("at_version")]
    source: sa.FromClause = table
    people = {"author_id": "author_name", "edited_by": "editor_name", "done_by": "done_name"}
    for key, name in (people | {"assignee_id": "assignee_name"}).items():
        if key in table.c:
            user = t.app_user.alias(name)
            source = source.outerjoin(user, sa.and_(user.c.account_id == table.c.account_id, user.c.id == table.c[key]))
            columns.append(user.c.name.label(name))
    return sa.select(*columns).select_from(source).order_by(table.c.version, table.c.created_at, table.c.id)


async def _entries(tx: AsyncConnection, table: sa.Table, *where: "sa.ColumnElement[bool]") -> list[AnyRow]:
    return list((await tx.execute(_all_entries(table).where(*where))).all())


async def change_entry(
    tx: AsyncConnection, table: sa.Table, account_id: UUID, entry_id: UUID, version: int, **values: object
) -> None:
    """Write columns of an entry; its revision rises, and `version` is when the session's readers are told."""
    statement = (
        sa.update(table)
        .where(table.c.account_id == account_id, table.c.id == entry_id)
        .values(changed=version, revision=table.c.revision + 1, **values)
    )
    await tx.execute(statement)


async def step_in_progress(tx: AsyncConnection, account_id: UUID, session_id: UUID) -> AnyRow | None:
    """The session's active fix."""
    s = t.step
    where = (s.c.account_id == account_id, s.c.session_id == session_id, s.c.in_progress, s.c.removed_at.is_(None))
    rows = await _entries(tx, s, *where)
    return rows[0] if rows else None


async def touch(tx: AsyncConnection, account_id: UUID, session_id: UUID) -> AnyRow | None:
    """Raise the session's version and last activity; answers version and status, None when there is no session."""
    s = t.ai_session
    statement = (
        sa.update(s)
        .where(s.c.account_id == account_id, s.c.id == session_id)
        .values(version=s.c.version + 1, updated_at=sa.func.clock_timestamp())
        .returning(s.c.version, s.c.status)
    )
    return (await tx.execute(statement)).one_or_none()


async def insert_entry(tx: AsyncConnection, table: sa.Table, **values: Any) -> datetime:
    """A message, step or fact; answers when."""
    statement = sa.insert(table).values(created_at=sa.func.clock_timestamp(), **values).returning(table.c.created_at)
    at: datetime = (await tx.execute(statement)).scalar_one()
    return at


async def resolve(tx: AsyncConnection, account_id: UUID, session_id: UUID) -> None:
    """Mark the session resolved."""
    s = t.ai_session
    await tx.execute(sa.update(s).where(s.c.account_id == account_id, s.c.id == session_id).values(status="resolved"))
