"""SQL of set-up codes."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t

_s, _d, _u = t.setup_code, t.device, t.app_user


async def insert(tx: AsyncConnection, **values: object) -> None:
    """A new code."""
    await tx.execute(sa.insert(_s).values(**values))


async def count(tx: AsyncConnection, account_id: UUID) -> int:
    """How many of the account's codes hold."""
    statement = sa.select(sa.func.count()).select_from(_s)
    return int(
        (await tx.execute(statement.where(_s.c.account_id == account_id, _s.c.revoked_at.is_(None)))).scalar_one()
    )


async def every(tx: AsyncConnection, account_id: UUID) -> list[t.AnyRow]:
    """Those that hold, the newest first, with who made each and how many signed-in computers came by it."""
    computers = (
        sa.select(sa.func.count())
        .select_from(_d)
        .where(_d.c.account_id == _s.c.account_id, _d.c.setup_id == _s.c.id, _d.c.revoked_at.is_(None))
        .scalar_subquery()
    )
    statement = (
        sa.select(_s, _u.c.name.label("created_by_name"), computers.label("computers"))
        .join(_u, (_u.c.account_id == _s.c.account_id) & (_u.c.id == _s.c.created_by))
        .where(_s.c.account_id == account_id, _s.c.revoked_at.is_(None))
        .order_by(_s.c.created_at.desc(), _s.c.id.desc())
    )
    return list((await tx.execute(statement)).all())


async def revoke(tx: AsyncConnection, account_id: UUID, setup_id: UUID) -> str | None:
    """It holds no more; its label, or None when there is none that holds."""
    statement = (
        sa.update(_s)
        .where(_s.c.account_id == account_id, _s.c.id == setup_id, _s.c.revoked_at.is_(None))
        .values(revoked_at=sa.func.now())
        .returning(_s.c.label)
    )
    label: str | None = (await tx.execute(statement)).scalar_one_or_none()
    return label
