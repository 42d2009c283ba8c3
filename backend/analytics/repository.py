"""SQL of minutes recovered."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t
from backend.db.tables import AnyRow


async def month_rows(tx: AsyncConnection, account_id: UUID, start: datetime, end: datetime) -> list[AnyRow]:
    """The handoffs escalated in [start, end), oldest first, withdrawn ones too."""
    h = t.handoff
    statement = (
        sa.select(
            h.c.created_at,
            h.c.status,
            h.c.first_claimed_at,
            h.c.first_action_at,
            h.c.first_action_claimed_at,
            h.c.first_action_kind,
        )
        .where(h.c.account_id == account_id, h.c.created_at >= start, h.c.created_at < end)
        .order_by(h.c.created_at)
    )
    return list((await tx.execute(statement)).all())
