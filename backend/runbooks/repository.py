"""SQL of runbooks."""

from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db.tables import AnyRow

_READ: Final = (
    "select r.id, r.title, r.body, r.tags, r.created_at, r.updated_at, r.updated_by, u.name as updated_by_name"
    " from runbook r"
    " left join app_user u on u.account_id = r.account_id and u.id = r.updated_by where r.account_id = :account"
)
_ALL = sa.text(f"{_READ} order by lower(r.title), r.id limit :many")
_ONE = sa.text(f"{_READ} and r.id = :id")
_FOUND = sa.text(
    "select r.*, f.hits, f.rank from search_runbooks(search_lexemes(:text), :many) f"
    f" join ({_READ}) r on r.id = f.id order by f.hits desc, f.rank desc, r.id desc"
)
_PUT = sa.text(
    "insert into runbook as r (account_id, id, title, body, tags, words, updated_by)"
    " values (:account, :id, :title, :body, cast(:tags as text[]), "
    " runbook_words(:title, cast(:tags as text[]), :body), :by)"
    " on conflict (account_id, id) do update set title = excluded.title, body = excluded.body, tags = excluded.tags,"
    " words = excluded.words, updated_by = excluded.updated_by, updated_at = clock_timestamp()"
)
_DELETE = sa.text("delete from runbook where account_id = :account and id = :id")
_COUNT = sa.text("select count(*) from runbook where account_id = :account")
_ACCOUNT = sa.text("select exists (select from account where id = :account)")
_BY_TITLE = sa.text("select id from runbook where account_id = :account and title = :title order by id limit 1")


async def every(tx: AsyncConnection, account_id: UUID, many: int) -> list[AnyRow]:
    """By title."""
    return list((await tx.execute(_ALL, {"account": account_id, "many": many})).all())


async def found(tx: AsyncConnection, account_id: UUID, text: str, many: int) -> list[AnyRow]:
    """Those that share words with a text, best first, with `hits` and `rank`."""
    return list((await tx.execute(_FOUND, {"account": account_id, "text": text, "many": many})).all())


async def one(tx: AsyncConnection, account_id: UUID, runbook_id: UUID) -> AnyRow | None:
    """One runbook."""
    return (await tx.execute(_ONE, {"account": account_id, "id": runbook_id})).one_or_none()


async def put(
    tx: AsyncConnection, account_id: UUID, runbook_id: UUID, *, title: str, body: str, tags: list[str], by: UUID | None
) -> None:
    """Write a runbook, new or anew."""
    values = {"account": account_id, "id": runbook_id, "title": title, "body": body, "tags": tags, "by": by}
    await tx.execute(_PUT, values)


async def delete(tx: AsyncConnection, account_id: UUID, runbook_id: UUID) -> bool:
    """Take it away; False when there is none."""
    return bool((await tx.execute(_DELETE, {"account": account_id, "id": runbook_id})).rowcount)


async def count(tx: AsyncConnection, account_id: UUID) -> int:
    """How many the account has."""
    number: int = (await tx.execute(_COUNT, {"account": account_id})).scalar_one()
    return number


async def account_exists(tx: AsyncConnection, account_id: UUID) -> bool:
    """Whether there is such an account."""
    return bool((await tx.execute(_ACCOUNT, {"account": account_id})).scalar_one())


async def by_title(tx: AsyncConnection, account_id: UUID, title: str) -> UUID | None:
    """The id of the runbook of this title."""
    known: UUID | None = (await tx.execute(_BY_TITLE, {"account": account_id, "title": title})).scalar_one_or_none()
    return known
