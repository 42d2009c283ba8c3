"""SQL of one-view secrets."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t
from backend.db.tables import AnyRow

_s: Final = t.one_time_secret


async def insert(tx: AsyncConnection, *, lasts: timedelta, **values: object) -> None:
    """A new secret."""
    expires = sa.func.clock_timestamp() + sa.cast(lasts, sa.Interval)
    await tx.execute(sa.insert(_s).values(expires_at=expires, **values))


async def forget_expired(tx: AsyncConnection, account_id: UUID) -> None:
    """What has expired is not kept, whoever looked or not."""
    statement = sa.update(_s).where(
        _s.c.account_id == account_id, _s.c.sealed.is_not(None), _s.c.expires_at <= sa.func.clock_timestamp()
    )
    await tx.execute(statement.values(sealed=None))


async def read(tx: AsyncConnection, account_id: UUID, secret_id: UUID, *, lock: bool = False) -> AnyRow | None:
    """One secret with names; `there` says that it can still be seen."""
    by, viewer = t.app_user.alias("by_user"), t.app_user.alias("viewer")
    there = sa.and_(_s.c.sealed.is_not(None), _s.c.expires_at > sa.func.clock_timestamp())
    statement = (
        sa.select(_s, by.c.name.label("by_name"), viewer.c.name.label("viewer_name"), there.label("there"))
        .join(by, sa.and_(by.c.account_id == _s.c.account_id, by.c.id == _s.c.created_by))
        .outerjoin(viewer, sa.and_(viewer.c.account_id == _s.c.account_id, viewer.c.id == _s.c.viewed_by))
        .where(_s.c.account_id == account_id, _s.c.id == secret_id)
    )
    if lock:
        statement = statement.with_for_update(of=_s)
    return (await tx.execute(statement)).one_or_none()


async def seen(tx: AsyncConnection, account_id: UUID, secret_id: UUID, by: UUID) -> None:
    """It has been shown: nothing of it is kept."""
    statement = sa.update(_s).where(_s.c.account_id == account_id, _s.c.id == secret_id)
    await tx.execute(statement.values(sealed=None, viewed_at=sa.func.clock_timestamp(), viewed_by=by))
