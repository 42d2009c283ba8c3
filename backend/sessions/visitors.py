"""SQL of who has a session's page open."""

from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t
from backend.db.tables import AnyRow

BELIEVED_S: Final = 30
"""So long a page counts as open after it was last vouched for; each one is, every ten seconds."""
_ALIVE: Final = t.session_visitor.c.seen_at > sa.func.clock_timestamp() - sa.text(f"interval '{BELIEVED_S} seconds'")


async def arrive(tx: AsyncConnection, account_id: UUID, session_id: UUID, user_id: UUID, visit: UUID) -> None:
    """One more open page; those that nobody vouches for any more go."""
    v = t.session_visitor
    await tx.execute(sa.delete(v).where(v.c.account_id == account_id, v.c.session_id == session_id, sa.not_(_ALIVE)))
    now = sa.func.clock_timestamp()
    await tx.execute(
        sa.insert(v).values(account_id=account_id, id=visit, session_id=session_id, user_id=user_id, seen_at=now)
    )


async def stay(tx: AsyncConnection, account_id: UUID, visit: UUID) -> None:
    """The page is still open."""
    v = t.session_visitor
    where = (v.c.account_id == account_id, v.c.id == visit)
    await tx.execute(sa.update(v).where(*where).values(seen_at=sa.func.clock_timestamp()))


async def leave(tx: AsyncConnection, account_id: UUID, visit: UUID) -> None:
    """The page is closed."""
    v = t.session_visitor
    await tx.execute(sa.delete(v).where(v.c.account_id == account_id, v.c.id == visit))


async def others(tx: AsyncConnection, account_id: UUID, session_id: UUID, user_id: UUID) -> list[AnyRow]:
    """(id, name) of everybody but this user who has the page open, by name."""
    v, u = t.session_visitor, t.app_user
    statement = (
        sa.select(u.c.id, u.c.name)
        .join(v, sa.and_(v.c.account_id == u.c.account_id, v.c.user_id == u.c.id))
        .where(u.c.account_id == account_id, v.c.account_id == account_id, v.c.session_id == session_id)
        .where(u.c.id != user_id, _ALIVE)
        .group_by(u.c.id, u.c.name)
        .order_by(u.c.name, u.c.id)
    )
    return list((await tx.execute(statement)).all())
