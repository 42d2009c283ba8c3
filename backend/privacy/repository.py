"""SQL of what is known of a person. Which tables speak of people is read from the database's own foreign keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

FORMER: Final = "Former technician"
_PLACES: Final = sa.text(
    "select k.conrelid::regclass::text as place, a.attname::text as who from pg_constraint k"
    " join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[2]"
    " where k.contype = 'f' and k.confrelid = 'app_user'::regclass order by 1, 2"
)
_SECRET: Final = frozenset({"password_hash", "secret", "sealed", "credentials", "hook_secret", "snapshot", "card"})


@dataclass(frozen=True, slots=True)
class Place:
    """A column that names a person."""

    table: str
    column: str


async def places(tx: AsyncConnection) -> list[Place]:
    """All of them, in order."""
    return [Place(row.place, row.who) for row in await tx.execute(_PLACES)]


async def rows(tx: AsyncConnection, account_id: UUID, place: Place, user_id: UUID, most: int) -> list[dict[str, Any]]:
    """What stands there of this person, without hashes and secrets. The catalogue gave the names, no person did."""
    statement = sa.text(
        f'select to_jsonb(t) as row from "{place.table}" t where t.account_id = :account and t."{place.column}" = :who'
        " limit :most"
    )
    found = await tx.execute(statement, {"account": account_id, "who": user_id, "most": most})
    return [_shown(one.row) for one in found]


async def himself(tx: AsyncConnection, account_id: UUID, user_id: UUID) -> dict[str, Any] | None:
    """The person's own row."""
    statement = sa.text("select to_jsonb(u) as row from app_user u where u.account_id = :account and u.id = :who")
    found = (await tx.execute(statement, {"account": account_id, "who": user_id})).one_or_none()
    return _shown(found.row) if found else None


async def audit_of(tx: AsyncConnection, account_id: UUID, user_id: UUID, most: int) -> list[dict[str, Any]]:
    """What this person did, by the audit log."""
    statement = sa.text(
        "select jsonb_build_object('no', e.no, 'at', e.at, 'action', e.action, 'target', e.target, 'detail', e.detail,"
        " 'address', e.address) as row from audit_entry e where e.account_id = :account and e.actor_id = :who"
        " order by e.no limit :most"
    )
    return [dict(one.row) for one in await tx.execute(statement, {"account": account_id, "who": user_id, "most": most})]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in _SECRET and not key.endswith("_hash")}


async def hold(tx: AsyncConnection, account_id: UUID, user_id: UUID) -> None:
    """Nothing else takes anything away from the account, and nobody changes the person, until the transaction ends.

    How they are known at a provider is locked before the person, as where they sign in from there.
    """
    values = {"account": account_id, "who": user_id}
    for statement in (
        "select take_away_alone(:account)",
        "delete from sso_identity i where i.account_id = :account and i.user_id = :who",
        "select u.id from app_user u where u.account_id = :account and u.id = :who for no key update",
    ):
        await tx.execute(sa.text(statement), values)


async def involved(tx: AsyncConnection, account_id: UUID, user_id: UUID) -> Sequence[UUID]:
    """Hand-offs that name this person, in themselves or in what stood in their session."""
    statement = sa.text(
        "select h.id from handoff h where h.account_id = :account and (:who in (h.handed_off_by, h.session_owner,"
        " h.claimed_by, h.target_user_id) or exists (select from message m where m.account_id = h.account_id"
        " and m.session_id = h.session_id and m.author_id = :who) or exists (select from step s where"
        " s.account_id = h.account_id and s.session_id = h.session_id and s.author_id = :who) or exists (select from"
        " fact f where f.account_id = h.account_id and f.session_id = h.session_id and f.author_id = :who) or exists"
        " (select from task t where t.account_id = h.account_id and t.session_id = h.session_id and"
        " :who in (t.author_id, t.assignee_id, t.done_by))) order by h.id"
    )
    return [one.id for one in await tx.execute(statement, {"account": account_id, "who": user_id})]


async def snapshot(tx: AsyncConnection, account_id: UUID, handoff_id: UUID) -> bytes:
    """What was frozen."""
    statement = sa.text("select h.snapshot from handoff h where h.account_id = :account and h.id = :id for update")
    return bytes((await tx.execute(statement, {"account": account_id, "id": handoff_id})).scalar_one())


async def renamed(tx: AsyncConnection, account_id: UUID, handoff_id: UUID, frozen: bytes) -> None:
    """The snapshot and the queue row, with the name that counts now."""
    values = {"account": account_id, "id": handoff_id, "frozen": frozen}
    await tx.execute(
        sa.text("update handoff h set snapshot = :frozen where h.account_id = :account and h.id = :id"), values
    )
    await tx.execute(sa.text("select handoff_refresh_card(:account, :id)"), {"account": account_id, "id": handoff_id})


async def forget(tx: AsyncConnection, account_id: UUID, user_id: UUID, name: str, email: str) -> None:
    """Everything but the row itself, which history refers to."""
    values = {"account": account_id, "who": user_id, "name": name, "former": FORMER, "email": email}
    await tx.execute(sa.text("select forget_person(:account, :who, :name, :former, :email)"), values)
