"""SQL of presence and receipts."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t
from backend.db.engine import Database
from backend.db.tables import AnyRow

BELIEVED_S = 45
"""A client that its process has not vouched for this long counts as gone."""


async def insert_presence(
    tx: AsyncConnection, *, account_id: UUID, link_id: UUID, user_id: UUID, channel: str, process: UUID
) -> None:
    """A client has connected."""
    values = {"account_id": account_id, "id": link_id, "user_id": user_id, "channel": channel, "process": process}
    await tx.execute(sa.insert(t.client_presence).values(seen_at=sa.func.clock_timestamp(), **values))


async def delete_presence(tx: AsyncConnection, account_id: UUID, link_id: UUID) -> None:
    """A client is gone."""
    p = t.client_presence
    await tx.execute(sa.delete(p).where(p.c.account_id == account_id, p.c.id == link_id))


async def connected(tx: AsyncConnection, account_id: UUID) -> list[AnyRow]:
    """(user id, channel) of everyone with a client open now."""
    p = t.client_presence
    fresh = sa.func.clock_timestamp() - sa.text(f"interval '{BELIEVED_S} seconds'")
    statement = sa.select(p.c.user_id, p.c.channel).where(p.c.account_id == account_id, p.c.seen_at > fresh).distinct()
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
) -> int | None:
    """Keep a receipt; answers the event's seq, or None when it changed nothing or the handoff is unknown."""
    row = await database.call(
        "select record_receipt($1, $2, $3, $4, $5, $6, $7)",
        account_id,
        handoff_id,
        user_id,
        channel,
        device,
        state,
        detail,
    )
    return row[0] if row else None
