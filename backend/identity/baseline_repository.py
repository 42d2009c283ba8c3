"""SQL of the manual baseline's versions: read and add, nothing else."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.contract.baseline import BaselineBasis, BaselineOrigin
from backend.db import tables as t
from backend.db.ids import new_id
from backend.domain.baseline import Baseline


async def versions(tx: AsyncConnection, account_id: UUID) -> list[Baseline]:
    """All versions of the account, each with the name of who set it."""
    b, u = t.baseline, t.app_user
    statement = (
        sa.select(b, u.c.name)
        .outerjoin(u, sa.and_(u.c.account_id == b.c.account_id, u.c.id == b.c.set_by))
        .where(b.c.account_id == account_id)
        .order_by(b.c.effective_from, b.c.set_at)
    )
    return [
        Baseline(
            id=row.id,
            minutes=row.minutes,
            basis=row.basis,
            origin=row.origin,
            note=row.note,
            effective_from=row.effective_from,
            set_by=row.set_by,
            set_by_name=row.name,
            set_at=row.set_at,
        )
        for row in (await tx.execute(statement)).all()
    ]


async def insert(
    tx: AsyncConnection,
    account_id: UUID,
    *,
    minutes: float | None,
    basis: BaselineBasis,
    origin: BaselineOrigin,
    note: str | None,
    effective_from: datetime | None,
    set_by: UUID | None,
) -> None:
    """One more version; without `effective_from` it counts from now on, by the clock that handoffs are stamped with."""
    await tx.execute(
        sa.insert(t.baseline).values(
            account_id=account_id,
            id=new_id(),
            minutes=minutes,
            basis=basis,
            origin=origin,
            note=note,
            effective_from=effective_from if effective_from is not None else sa.func.clock_timestamp(),
            set_by=set_by,
            set_at=sa.func.clock_timestamp(),
        )
    )
