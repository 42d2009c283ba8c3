"""SQL of the audit log."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t

_e = t.audit_entry


async def page(
    tx: AsyncConnection,
    account_id: UUID,
    *,
    group: str | None,
    actor_id: UUID | None,
    words: str | None,
    before: int | None,
    limit: int,
) -> list[t.AnyRow]:
    """Entries, the newest first; what is left out does not narrow."""
    h, s = t.handoff, t.ai_session
    # The target as an id, looked up for each entry of the page: else every hand-off of the account is read for it.
    is_handoff = _e.c.action.like("handoff.%") & _e.c.target.regexp_match("^[0-9a-f-]{36}$")
    handoff_id = sa.case((is_handoff, sa.cast(_e.c.target, sa.Uuid())), else_=None)
    named = (
        sa.select(s.c.title)
        .select_from(h)
        .join(s, (s.c.account_id == h.c.account_id) & (s.c.id == h.c.session_id))
        .where(h.c.account_id == account_id, h.c.id == handoff_id)
        .limit(1)
        .lateral()
    )
    statement = (
        sa.select(_e, named.c.title.label("handoff_title"))
        .outerjoin(named, sa.true())
        .where(_e.c.account_id == account_id)
        .order_by(_e.c.no.desc())
        .limit(limit)
    )
    if group:
        statement = statement.where(_e.c.action.like(f"{group}.%"))
    if actor_id:
        statement = statement.where(_e.c.actor_id == actor_id)
    if words:
        sought = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        statement = statement.where((_e.c.actor + " " + _e.c.target + " " + _e.c.address).ilike(sought))
    if before is not None:
        statement = statement.where(_e.c.no < before)
    return list((await tx.execute(statement)).all())


async def after(tx: AsyncConnection, account_id: UUID, no: int, limit: int) -> list[t.AnyRow]:
    """Entries in the order of the chain."""
    statement = sa.select(_e).where(_e.c.account_id == account_id, _e.c.no > no).order_by(_e.c.no).limit(limit)
    return list((await tx.execute(statement)).all())


async def chain_end(tx: AsyncConnection, account_id: UUID) -> t.AnyRow | None:
    """Where the chain stands by its own book: `last_no`, `last_hash`."""
    c = t.audit_chain
    return (await tx.execute(sa.select(c.c.last_no, c.c.last_hash).where(c.c.account_id == account_id))).one_or_none()
