"""SQL of minutes recovered."""

from datetime import datetime, timedelta
from typing import Final, get_args
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.contract.vocabulary import HandoffStatus
from backend.db import tables as t
from backend.db.tables import AnyRow
from backend.domain.averages import Exact
from backend.domain.baseline import Baselines
from backend.domain.recovered import Measured, left_out, recovered, worth

_MICROSECOND: Final = timedelta(microseconds=1)


def _in_month(account_id: UUID, start: datetime, end: datetime) -> "sa.ColumnElement[bool]":
    h = t.handoff
    return sa.and_(h.c.account_id == account_id, h.c.created_at >= start, h.c.created_at < end)


_SESSION = sa.and_(t.ai_session.c.account_id == t.handoff.c.account_id, t.ai_session.c.id == t.handoff.c.session_id)


def _place(baselines: Baselines) -> "sa.ColumnElement[int]":
    """How many of the moments at which a baseline takes over had come when a handoff was escalated."""
    starts = sa.cast(baselines.starts, sa.ARRAY(sa.DateTime(timezone=True)))
    return sa.func.width_bucket(t.handoff.c.created_at, starts, type_=sa.Integer)


def _is(counted: str, baselines: Baselines) -> "sa.ColumnElement[bool]":
    """Handoffs that are averaged (`yes`), left out (`no`), or left out for a reason; see `domain.recovered`."""
    h = t.handoff
    acted, kept = h.c.first_action_at.is_not(None), h.c.first_action_claimed_at.is_not(None)
    places = [place for place in range(len(baselines.starts) + 1) if worth(baselines.at_place(place)) is not None]
    averaged = sa.and_(acted, kept, _place(baselines) == sa.any_(sa.cast(places, sa.ARRAY(sa.Integer))))
    if counted in {"yes", "no"}:
        return averaged if counted == "yes" else sa.not_(averaged)
    if counted == "no_baseline":
        return sa.and_(acted, sa.not_(averaged))
    status = next(status for status in get_args(HandoffStatus) if left_out(status, acted=False) == counted)
    return sa.and_(sa.not_(acted), h.c.status == status)


async def month_rows(
    tx: AsyncConnection,
    account_id: UUID,
    start: datetime,
    end: datetime,
    *,
    baselines: Baselines,
    counted: str | None = None,
    limit: int | None = None,
) -> list[Measured]:
    """The handoffs escalated in [start, end), newest first: all, or those that `counted` names."""
    h = t.handoff
    statement = (
        sa.select(
            h.c.id,
            h.c.session_id,
            h.c.created_at,
            h.c.status,
            h.c.priority,
            h.c.reason,
            h.c.customer,
            h.c.handed_off_by,
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
            h.c.first_shown_at,
        )
        .where(_in_month(account_id, start, end))
        .order_by(h.c.created_at.desc(), h.c.id.desc())
        .limit(limit)
    )
    if counted is not None:
        statement = statement.where(_is(counted, baselines))
    return [Measured._make(row) for row in (await tx.execute(statement)).all()]


async def singles(
    tx: AsyncConnection, account_id: UUID, start: datetime, end: datetime, *, baselines: Baselines
) -> list[tuple[datetime, Exact]]:
    """(when, microseconds recovered) of each escalation of [start, end) that is averaged, oldest first."""
    h = t.handoff
    statement = (
        sa.select(h.c.created_at, h.c.first_action_at - h.c.first_action_claimed_at)
        .where(_in_month(account_id, start, end), _is("yes", baselines))
        .order_by(h.c.created_at, h.c.id)
    )
    found = (await tx.execute(statement)).all()
    return [
        (at, value)
        for at, took in found
        if (value := recovered(worth(baselines.at(at)), took // _MICROSECOND)) is not None
    ]


async def acted_sums(
    tx: AsyncConnection, account_id: UUID, start: datetime, end: datetime, baselines: Baselines
) -> list[tuple[int, int, int]]:
    """The month's measured escalations added up: enough for one exact figure, whatever their number.

    One (place, how many, microseconds from claim to first action) for each baseline of `Baselines.at_place`.
    """
    h = t.handoff
    place = _place(baselines)
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
