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


_MEASURED: Final = (
    t.handoff.c.id,
    t.handoff.c.session_id,
    t.handoff.c.created_at,
    t.handoff.c.status,
    t.handoff.c.priority,
    t.handoff.c.reason,
    t.handoff.c.customer,
    t.handoff.c.handed_off_by,
    t.handoff.c.first_claimed_at,
    t.handoff.c.claimed_by,
    t.handoff.c.first_action_claimed_at,
    t.handoff.c.first_action_at,
    t.handoff.c.first_action_kind,
    t.handoff.c.first_action_by,
    t.handoff.c.outcome,
    t.handoff.c.had_what_i_needed,
    t.handoff.c.missing,
    t.handoff.c.steps_done > 0,
    t.handoff.c.first_shown_at,
)
"""The columns of `Measured`, in its order."""


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
        sa.select(*_MEASURED)
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
    # A double holds the microseconds of thirty years exactly: rounding takes away what the conversion added.
    seconds = sa.func.date_part("epoch", h.c.first_action_at - h.c.first_action_claimed_at)
    micros = sa.cast(sa.func.round(seconds * 1e6), sa.BigInteger)
    statement = (
        sa.select(place.label("place"), sa.func.count(), sa.cast(sa.func.sum(micros), sa.BigInteger))
        .where(
            _in_month(account_id, start, end),
            h.c.first_action_at.is_not(None),
            h.c.first_action_claimed_at.is_not(None),
        )
        .group_by(sa.text("place"))
    )
    return [(one, number, micros) for one, number, micros in (await tx.execute(statement)).all()]


async def named_rows(
    tx: AsyncConnection, account_id: UUID, handoff_ids: list[UUID]
) -> tuple[list[Measured], dict[UUID, AnyRow]]:
    """These handoffs, newest first, and (title, ticket_id) of each by its id."""
    h, s = t.handoff, t.ai_session
    statement = sa.select(*_MEASURED, s.c.title, s.c.ticket_id).join(s, _SESSION)
    wanted = sa.any_(sa.cast(handoff_ids, sa.ARRAY(sa.Uuid)))
    statement = statement.where(h.c.account_id == account_id, h.c.id == wanted)
    found = (await tx.execute(statement.order_by(h.c.created_at.desc(), h.c.id.desc()))).all()
    return [Measured._make(row[: len(_MEASURED)]) for row in found], {row.id: row for row in found}


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
