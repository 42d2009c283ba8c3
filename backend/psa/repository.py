"""SQL of PSA connectors: what administrators set up, and whose turn it is to ask."""

from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.contract.psa import PsaSystem
from backend.db.tables import AnyRow
from backend.psa.port import Limits

BUSY_S: Final = 60
"""After this a worker that was asking the PSA counts as dead."""

_CONNECTOR: Final = (
    "select c.*, u.name as created_by_name, (select count(*) from psa_note n where n.account_id = c.account_id"
    " and n.connector_id = c.id and n.state = 'failed') as dead_letters"
    " from psa_connector c join app_user u on u.account_id = c.account_id and u.id = c.created_by"
    " where c.account_id = :account and c.deleted_at is null"
)
_LIST = sa.text(f"{_CONNECTOR} order by c.system")
_ONE = sa.text(f"{_CONNECTOR} and c.id = :id")
_SYSTEMS = sa.text(
    "select system from psa_connector where account_id = :account and deleted_at is null and active order by system"
)
_FOR_TICKET = sa.text(f"{_CONNECTOR} and c.system = psa_system(:system) and c.active")
_INSERT = sa.text(
    "insert into psa_connector (account_id, id, system, fields, credentials, hook_secret, notes_on, pull_tickets,"
    " public_notes, status_on_claim, status_on_resolve, assign_on_claim, created_by)"
    " values (:account, :id, :system, :fields, :credentials, :hook_secret, :notes_on, :pull_tickets, :public_notes,"
    " :status_on_claim, :status_on_resolve, :assign_on_claim, :by) on conflict do nothing"
).bindparams(sa.bindparam("fields", type_=JSONB), sa.bindparam("notes_on", type_=sa.ARRAY(sa.Text)))
_DELETE = sa.text(
    "update psa_connector set deleted_at = clock_timestamp(), active = false, fields = '{}', credentials = '',"
    " hook_secret = '' where account_id = :account and id = :id"
)
_PAUSE = sa.text(
    "update psa_connector set paused_reason = :why where account_id = :account and id = :id"
    " and paused_reason is null and active returning id"
)
_CHECKED = sa.text(
    "update psa_connector set checked_at = clock_timestamp(), check_ok = :ok, check_text = :text,"
    " paused_reason = case when :ok then null else paused_reason end"
    " where account_id = :account and id = :id returning checked_at"
)
_TAKE = sa.text(
    f"update psa_connector set free_at = clock_timestamp() + interval '{BUSY_S} seconds', free_why = 'busy'"
    " where account_id = :account and id = :id and free_at <= clock_timestamp() returning id"
)
# Who is busy gives the turn back long before the time by which it counts as dead.
_FREE_AT = sa.text(
    "select case free_why when 'busy' then least(free_at, clock_timestamp() + interval '1 second') else free_at end"
    " as free_at, free_why from psa_connector where account_id = :account and id = :id"
)
_GIVE = sa.text(
    "update psa_connector c set window_at = case when w.over then w.now else c.window_at end, window_calls = w.calls,"
    " free_at = greatest(w.now + make_interval(secs => :pause), w.now + make_interval(secs => :wait),"
    "  case when w.calls >= :most then case when w.over then w.now else c.window_at end"
    "   + make_interval(secs => :window) else w.now end),"
    " free_why = case when :wait > 0 then 'asked' when w.calls >= :most then 'budget' else 'free' end"
    " from (select id, clock_timestamp() as now,"
    "  window_at + make_interval(secs => :window) < clock_timestamp() as over,"
    "  case when window_at + make_interval(secs => :window) < clock_timestamp() then 0 else window_calls end + :calls"
    "  as calls from psa_connector where account_id = :account and id = :id) w"
    " where c.account_id = :account and c.id = w.id"
)
_HEAR = sa.text(
    "insert into psa_heard (account_id, connector_id, digest) values (:account, :id, :digest) on conflict do nothing"
)
_FORGET = sa.text(
    "delete from psa_heard where account_id = :account and connector_id = :id"
    " and at < clock_timestamp() - interval '30 days'"
)
_TYPES: Final[dict[str, Any]] = {"fields": JSONB, "notes_on": sa.ARRAY(sa.Text)}
_CHANGEABLE: Final = (
    "fields",
    "credentials",
    "hook_secret",
    "notes_on",
    "pull_tickets",
    "public_notes",
    "status_on_claim",
    "status_on_resolve",
    "assign_on_claim",
    "active",
    "paused_reason",
)


async def connectors(tx: AsyncConnection, account_id: UUID) -> list[AnyRow]:
    """All of the account."""
    return list((await tx.execute(_LIST, {"account": account_id})).all())


async def connector(tx: AsyncConnection, account_id: UUID, connector_id: UUID) -> AnyRow | None:
    """One, unless it is deleted."""
    return (await tx.execute(_ONE, {"account": account_id, "id": connector_id})).one_or_none()


async def systems(tx: AsyncConnection, account_id: UUID) -> list[PsaSystem]:
    """Those of the active connectors."""
    return list((await tx.execute(_SYSTEMS, {"account": account_id})).scalars())


async def for_ticket(tx: AsyncConnection, account_id: UUID, ticket_system: str) -> AnyRow | None:
    """The active connector of a ticket's system."""
    return (await tx.execute(_FOR_TICKET, {"account": account_id, "system": ticket_system})).one_or_none()


async def insert(tx: AsyncConnection, **values: object) -> bool:
    """Make a connector; False when the account has one of this system."""
    return (await tx.execute(_INSERT, values)).rowcount == 1


async def update(tx: AsyncConnection, account_id: UUID, connector_id: UUID, changes: dict[str, Any]) -> None:
    """Write what is given, of what may be changed."""
    names = [name for name in _CHANGEABLE if name in changes]
    if not names:
        return
    statement = sa.text(
        f"update psa_connector set {', '.join(f'{name} = :{name}' for name in names)}"
        " where account_id = :account and id = :id and deleted_at is null"
    ).bindparams(*(sa.bindparam(name, type_=_TYPES[name]) for name in names if name in _TYPES))
    values: dict[str, Any] = {"account": account_id, "id": connector_id}
    await tx.execute(statement, values | {name: changes[name] for name in names})


async def delete(tx: AsyncConnection, account_id: UUID, connector_id: UUID) -> None:
    """Forget its address and credentials; the log of its notes stays."""
    await tx.execute(_DELETE, {"account": account_id, "id": connector_id})


async def pause(tx: AsyncConnection, account_id: UUID, connector_id: UUID, why: str) -> bool:
    """Write nothing more until somebody has looked; False when it was paused already."""
    return (await tx.execute(_PAUSE, {"account": account_id, "id": connector_id, "why": why})).first() is not None


async def checked(tx: AsyncConnection, account_id: UUID, connector_id: UUID, *, ok: bool, text: str) -> Any:
    """Keep what a check found; a good one ends a pause. Answers when."""
    values = {"account": account_id, "id": connector_id, "ok": ok, "text": text}
    return (await tx.execute(_CHECKED, values)).scalar_one()


async def take_turn(tx: AsyncConnection, account_id: UUID, connector_id: UUID) -> AnyRow | None:
    """None when it is this one's turn, for a minute at most; else since when it will be free, and why it is not."""
    values = {"account": account_id, "id": connector_id}
    if (await tx.execute(_TAKE, values)).first() is not None:
        return None
    return (await tx.execute(_FREE_AT, values)).one()


async def give_turn(
    tx: AsyncConnection, account_id: UUID, connector_id: UUID, limits: Limits, *, calls: int, wait_s: float | None
) -> None:
    """The next one may ask: after the pause, after what the PSA asked for, and within the budget."""
    values = {
        "account": account_id,
        "id": connector_id,
        "pause": limits.pause_s,
        "wait": wait_s or 0.0,
        "most": limits.most,
        "window": limits.window_s,
        "calls": calls,
    }
    await tx.execute(_GIVE, values)


async def hear(tx: AsyncConnection, account_id: UUID, connector_id: UUID, digest: bytes) -> bool:
    """False for what has been heard before."""
    values = {"account": account_id, "id": connector_id}
    await tx.execute(_FORGET, values)
    return (await tx.execute(_HEAR, {**values, "digest": digest})).rowcount == 1
