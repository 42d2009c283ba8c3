"""SQL of minutes recovered."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t
from backend.db.tables import AnyRow
from backend.domain.recovered import Measured


def _in_month(account_id: UUID, start: datetime, end: datetime) -> "sa.ColumnElement[bool]":
    h = t.handoff
    return sa.and_(h.c.account_id == account_id, h.c.created_at >= start, h.c.created_at < end)


_SESSION = sa.and_(t.ai_session.c.account_id == t.handoff.c.account_id, t.ai_session.c.id == t.handoff.c.session_id)


async def month_rows(tx: AsyncConnection, account_id: UUID, start: datetime, end: datetime) -> list[Measured]:
    """The handoffs escalated in [start, end), oldest first, withdrawn ones too."""
    h, s, d = t.handoff, t.ai_session, t.delivery
    shown = (
        sa.select(sa.func.min(d.c.at))
        .where(d.c.account_id == h.c.account_id, d.c.handoff_id == h.c.id)
        .where(d.c.channel == "desktop", d.c.state == "shown")
        .scalar_subquery()
    )
    statement = (
        sa.select(
            h.c.id,
            h.c.session_id,
            h.c.created_at,
            h.c.status,
            h.c.priority,
            h.c.reason,
            s.c.customer,
            h.c.handed_off_by,
            h.c.session_owner,
            h.c.first_claimed_at,
            h.c.claimed_by,
            h.c.first_action_claimed_at,
            h.c.first_action_at,
            h.c.first_action_kind,
            h.c.first_action_by,
            h.c.outcome,
            h.c.had_what_i_needed,
            h.c.missing,
            h.c.steps_done > 0,
            shown,
        )
        .join(s, _SESSION)
        .where(_in_month(account_id, start, end))
        .order_by(h.c.created_at, h.c.id)
    )
    return [Measured._make(row) for row in (await tx.execute(statement)).all()]


async def acted_sums(
    tx: AsyncConnection, account_id: UUID, start: datetime, end: datetime, starts: list[datetime]
) -> list[tuple[int, int, int]]:
    """The month's measured escalations added up: enough for one exact figure, whatever their number.

    One (place, how many, microseconds from claim to first action) for each of `starts`, the moments at which a baseline
    takes over: `place` of them have come when these were escalated.
    """
    h = t.handoff
    place = sa.func.width_bucket(h.c.created_at, sa.cast(starts, sa.ARRAY(sa.DateTime(timezone=True))))
    # Numeric in PostgreSQL, with all six decimals: nothing is rounded on the way to a whole number.
    seconds = sa.func.sum(sa.extract("epoch", h.c.first_action_at - h.c.first_action_claimed_at))
    statement = (
        sa.select(place.label("place"), sa.func.count(), sa.cast(seconds * 1_000_000, sa.BigInteger))
        .where(
            _in_month(account_id, start, end),
            h.c.first_action_at.is_not(None),
            h.c.first_action_claimed_at.is_not(None),
        )
        .group_by(sa.text("place"))
    )
    return [(one, number, micros) for one, number, micros in (await tx.execute(statement)).all()]


async def titles(tx: AsyncConnection, account_id: UUID, handoff_ids: list[UUID]) -> dict[UUID, AnyRow]:
    """(title, ticket_id) of these handoffs by their id."""
    h, s = t.handoff, t.ai_session
    wanted = sa.any_(sa.cast(handoff_ids, sa.ARRAY(sa.Uuid)))
    statement = sa.select(h.c.id, s.c.title, s.c.ticket_id).join(s, _SESSION)
    statement = statement.where(h.c.account_id == account_id, h.c.id == wanted)
    return {row.id: row for row in (await tx.execute(statement)).all()}


async def names(tx: AsyncConnection, account_id: UUID) -> dict[UUID, str]:
    """Everybody's name in the account, those who left too."""
    u = t.app_user
    rows = await tx.execute(sa.select(u.c.id, u.c.name).where(u.c.account_id == account_id))
    return {row.id: row.name for row in rows.all()}
