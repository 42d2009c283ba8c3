"""SQL of presence and receipts."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t
from backend.db.engine import Database
from backend.db.tables import AnyRow

BELIEVED_S = 45
"""A client that its process has not vouched for this long counts as gone."""


async def insert_presence(
    database: Database, process: UUID, links: Sequence[tuple[UUID, UUID, UUID, str]]
) -> list[None]:
    """Clients have connected: (account, link, user, channel) of each."""
    accounts, ids, users, channels = zip(*links, strict=True)
    await database.call("select presence_arrived($1, $2, $3, $4, $5)", process, accounts, ids, users, channels)
    return [None] * len(links)


async def renew_presence(
    tx: AsyncConnection,
    *,
    account_id: UUID,
    link_id: UUID,
    user_id: UUID,
    channel: str,
    process: UUID,
    held: str | None,
    held_until: datetime | None,
) -> None:
    """A client has been heard of now, and what it holds back; whether it was before makes no difference."""
    insert = postgresql.insert(t.client_presence).values(
        account_id=account_id,
        id=link_id,
        user_id=user_id,
        channel=channel,
        process=process,
        seen_at=sa.func.clock_timestamp(),
        held=held,
        held_until=held_until,
    )
    statement = insert.on_conflict_do_update(
        index_elements=["account_id", "id"],
        set_={name: insert.excluded[name] for name in ("seen_at", "held", "held_until")},
        where=t.client_presence.c.account_id == account_id,
    )
    await tx.execute(statement)


async def hold(
    tx: AsyncConnection, account_id: UUID, link_id: UUID, reason: str | None, until: datetime | None
) -> None:
    """A client holds alerts back, or (no reason) shows them again."""
    p = t.client_presence
    change = sa.update(p).where(p.c.account_id == account_id, p.c.id == link_id).values(held=reason, held_until=until)
    await tx.execute(change)


async def handoff_exists(tx: AsyncConnection, account_id: UUID, handoff_id: UUID) -> bool:
    """Whether the account has it."""
    h = t.handoff
    statement = sa.select(sa.literal(1)).where(h.c.account_id == account_id, h.c.id == handoff_id)
    return (await tx.execute(statement)).first() is not None


async def delete_presence(database: Database, links: Sequence[tuple[UUID, UUID]]) -> list[None]:
    """Clients are gone: (account, link) of each."""
    accounts, ids = zip(*links, strict=True)
    await database.call("select presence_left($1, $2)", accounts, ids)
    return [None] * len(links)


async def connected(tx: AsyncConnection, account_id: UUID) -> list[AnyRow]:
    """(user id, channel, held, held until) of everyone with a client open now; what is over holds nothing back."""
    p = t.client_presence
    now = sa.func.clock_timestamp()
    fresh = now - sa.text(f"interval '{BELIEVED_S} seconds'")
    over = p.c.held_until <= now
    held = sa.case((over, None), else_=p.c.held).label("held")
    statement = (
        sa.select(p.c.user_id, p.c.channel, held, p.c.held_until)
        .where(p.c.account_id == account_id, p.c.seen_at > fresh)
        .distinct()
        .order_by(p.c.held_until.desc().nulls_first())
    )
    return list((await tx.execute(statement)).all())


async def touch_presence(database: Database, process: UUID) -> None:
    """This process vouches for its clients; long unvouched ones are swept."""
    await database.call("select presence_touch($1)", process)


async def drop_presence(database: Database, process: UUID) -> None:
    """This process ends."""
    await database.call("select presence_drop($1)", process)


async def record_receipt(
    database: Database,
    *,
    account_id: UUID,
    handoff_id: UUID,
    user_id: UUID,
    channel: str,
    device: str,
    state: str,
    detail: str | None,
    rung: int | None,
) -> int | None:
    """Keep a receipt of round `rung` (None: the one at hand).

    Answers the event's seq, or None when it changed nothing or the handoff is unknown.
    """
    row = await database.call(
        "select record_receipt($1, $2, $3, $4, $5, $6, $7, $8)",
        account_id,
        handoff_id,
        user_id,
        channel,
        device,
        state,
        detail,
        rung,
        of=account_id,
    )
    return row[0] if row else None


async def realert(
    tx: AsyncConnection,
    account_id: UUID,
    handoff_id: UUID,
    *,
    to: list[UUID] | None,
    done: int,
    final: bool,
    cause: str,
    detail: str,
    email_after_s: float,
) -> None:
    """Begin the next round of telling people; the transaction's last statement but those on its own work."""
    await tx.execute(
        sa.text("select realert_handoff(:account, :handoff, :to, :done, :final, :cause, :detail, :after)").bindparams(
            sa.bindparam("to", type_=sa.ARRAY(sa.Uuid()))
        ),
        {
            "account": account_id,
            "handoff": handoff_id,
            "to": to,
            "done": done,
            "final": final,
            "cause": cause,
            "detail": detail,
            "after": email_after_s,
        },
    )


async def nudge(
    tx: AsyncConnection, account_id: UUID, handoff_id: UUID, returns_at: datetime | None, email_after_s: float
) -> None:
    """Remind the claimer, in a round of its own."""
    values = {"account": account_id, "handoff": handoff_id, "returns": returns_at, "after": email_after_s}
    await tx.execute(sa.text("select nudge_claimer(:account, :handoff, :returns, :after)"), values)


async def whom(tx: AsyncConnection, account_id: UUID, handoff_id: UUID) -> list[UUID] | None:
    """Who is told in the round at hand; None is every eligible senior."""
    h = t.handoff
    row = await tx.execute(sa.select(h.c.alert_to).where(h.c.account_id == account_id, h.c.id == handoff_id))
    to: list[UUID] | None = row.scalar_one()
    return to


async def first_round(tx: AsyncConnection, account_id: UUID, handoff_id: UUID) -> list[UUID] | None:
    """Whom a first round would tell as things stand now."""
    row = await tx.execute(
        sa.text("select first_round(:account, :handoff)"), {"account": account_id, "handoff": handoff_id}
    )
    to: list[UUID] | None = row.scalar_one()
    return to


async def acted_since(tx: AsyncConnection, account_id: UUID, session_id: UUID, user_id: UUID, since: datetime) -> bool:
    """Whether this person has written, tried or noted anything in the session."""
    row = await tx.execute(
        sa.text("select acted_since(:account, :session, :user, :since)"),
        {"account": account_id, "session": session_id, "user": user_id, "since": since},
    )
    acted: bool = row.scalar_one()
    return acted
