"""SQL of handoffs off the hot path: reading one whole, changing its holder, ending it."""

from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t
from backend.db.tables import AnyRow
from backend.jobs.repository import enqueue

_ALERTS = 50
_PEOPLE: Final = tuple(t.app_user.alias(name) for name in ("by_user", "owner", "holder", "rejecter"))


def _user(alias: "sa.FromClause", column: "sa.ColumnElement[UUID]") -> "sa.ColumnElement[bool]":
    return sa.and_(alias.c.account_id == t.handoff.c.account_id, alias.c.id == column)


async def handoff(tx: AsyncConnection, account_id: UUID, handoff_id: UUID) -> AnyRow | None:
    """One handoff with its session's title and everybody's names."""
    h, s = t.handoff, t.ai_session
    by, owner, holder, rejecter = _PEOPLE
    statement = (
        sa.select(
            *h.c,
            s.c.title,
            s.c.ticket_system,
            s.c.ticket_id,
            s.c.ticket_url,
            s.c.external_url,
            by.c.name.label("by_name"),
            owner.c.name.label("owner_name"),
            holder.c.name.label("holder_name"),
            rejecter.c.name.label("rejecter_name"),
        )
        .join(s, sa.and_(s.c.account_id == h.c.account_id, s.c.id == h.c.session_id))
        .join(by, _user(by, h.c.handed_off_by))
        .join(owner, _user(owner, h.c.session_owner))
        .outerjoin(holder, _user(holder, h.c.claimed_by))
        .outerjoin(rejecter, _user(rejecter, h.c.assessment_rejected_by))
        .where(h.c.account_id == account_id, h.c.id == handoff_id)
    )
    return (await tx.execute(statement)).one_or_none()


async def lock(tx: AsyncConnection, account_id: UUID, handoff_id: UUID) -> AnyRow | None:
    """The handoff's state, held until the transaction ends."""
    h = t.handoff
    holder = sa.select(t.app_user.c.name).where(
        t.app_user.c.account_id == h.c.account_id, t.app_user.c.id == h.c.claimed_by
    )
    statement = (
        sa.select(
            h.c.id,
            h.c.session_id,
            h.c.status,
            h.c.handed_off_by,
            h.c.session_owner,
            h.c.claimed_by,
            h.c.claimed_at,
            h.c.claim_epoch,
            h.c.priority,
            h.c.target_user_id,
            h.c.rung,
            h.c.waiting_since,
            h.c.steps_done,
            h.c.exhausted_at,
            h.c.nudged_at,
            holder.scalar_subquery().label("holder_name"),
        )
        .where(h.c.account_id == account_id, h.c.id == handoff_id)
        .with_for_update(key_share=True, of=h)
    )
    return (await tx.execute(statement)).one_or_none()


async def by_key(tx: AsyncConnection, account_id: UUID, user_id: UUID, key: str) -> AnyRow | None:
    """(id, request_hash) of the handoff that this user made with this Idempotency-Key."""
    h = t.handoff
    statement = sa.select(h.c.id, h.c.request_hash).where(
        h.c.account_id == account_id, h.c.handed_off_by == user_id, h.c.idempotency_key == key
    )
    return (await tx.execute(statement)).one_or_none()


async def held_before(tx: AsyncConnection, account_id: UUID, handoff_id: UUID, user_id: UUID) -> bool:
    """True when this user ever held the handoff."""
    e = t.handoff_timeline
    statement = (
        sa.select(e.c.id)
        .where(
            e.c.account_id == account_id,
            e.c.handoff_id == handoff_id,
            sa.or_(
                sa.and_(e.c.kind == "claimed", e.c.actor_id == user_id),
                sa.and_(e.c.kind == "holder", e.c.actor_id == user_id),
            ),
        )
        .limit(1)
    )
    return (await tx.execute(statement)).first() is not None


async def note_holder(tx: AsyncConnection, account_id: UUID, handoff_id: UUID, user_id: UUID) -> None:
    """Keep in the history that a reassignment made this user the holder."""
    await tx.execute(
        sa.text("insert into handoff_timeline (account_id, handoff_id, kind, actor_id) values (:a, :h, 'holder', :u)"),
        {"a": account_id, "h": handoff_id, "u": user_id},
    )


async def update(tx: AsyncConnection, account_id: UUID, handoff_id: UUID, **values: object) -> None:
    """Write columns of a handoff that the transaction has locked."""
    h = t.handoff
    await tx.execute(sa.update(h).where(h.c.account_id == account_id, h.c.id == handoff_id).values(**values))


async def bump_session(tx: AsyncConnection, account_id: UUID, session_id: UUID) -> None:
    """Tell the session's open pages to look again; its place in the list stays."""
    s = t.ai_session
    where = (s.c.account_id == account_id, s.c.id == session_id)
    await tx.execute(sa.update(s).where(*where).values(version=s.c.version + 1))


async def set_session_status(tx: AsyncConnection, account_id: UUID, session_id: UUID, status: str) -> None:
    """The session follows its handoff; its live page is told by the raised version."""
    s = t.ai_session
    await tx.execute(
        sa.update(s)
        .where(s.c.account_id == account_id, s.c.id == session_id)
        .values(status=status, version=s.c.version + 1, updated_at=sa.func.clock_timestamp())
    )


async def reopen(tx: AsyncConnection, account_id: UUID, handoff_id: UUID, email_after_s: float) -> None:
    """Back to the queue, in a new round of telling people; session and delivery plan with it."""
    values = {"account": account_id, "handoff": handoff_id, "after": email_after_s}
    await tx.execute(sa.text("select reopen_handoff(:account, :handoff, :after)"), values)


async def end_waiting(tx: AsyncConnection, account_id: UUID, handoff_id: UUID) -> None:
    """Call off what is still to go, in whichever round it was planned, and tell those who were e-mailed."""
    await tx.execute(sa.text("select end_waiting(:account, :handoff)"), {"account": account_id, "handoff": handoff_id})


async def plan_step(tx: AsyncConnection, account_id: UUID, handoff_id: UUID) -> None:
    """The policy looks at a waiting handoff again: something that it goes by has changed."""
    await enqueue(tx, account_id=account_id, kind="step", key=f"step:{handoff_id}", handoff_id=handoff_id)


async def tell_new_holder(tx: AsyncConnection, account_id: UUID, handoff_id: UUID, email_after_s: float) -> None:
    """Tell whoever holds it now, in a round of their own, and watch from now whether they begin."""
    values = {"account": account_id, "handoff": handoff_id, "after": email_after_s}
    await tx.execute(sa.text("select tell_new_holder(:account, :handoff, :after)"), values)


async def changed(
    tx: AsyncConnection, account_id: UUID, handoff_id: UUID, kind: str, actor_id: UUID | None, detail: str | None
) -> int:
    """Timeline entry, fresh queue row and event; the transaction's last statement. Answers the event's seq."""
    row = await tx.execute(
        sa.text("select handoff_changed(:account, :handoff, :kind, :actor, :detail)"),
        {"account": account_id, "handoff": handoff_id, "kind": kind, "actor": actor_id, "detail": detail},
    )
    seq: int = row.scalar_one()
    return seq


async def noted(
    tx: AsyncConnection, account_id: UUID, handoff_id: UUID, kind: str, actor_id: UUID, detail: str | None
) -> None:
    """Timeline entry and `handoff.updated` for what changes no state; the transaction's last statement."""
    await tx.execute(
        sa.text("select handoff_noted(:account, :handoff, :kind, :actor, :detail)"),
        {"account": account_id, "handoff": handoff_id, "kind": kind, "actor": actor_id, "detail": detail},
    )


async def mark_first_action(
    tx: AsyncConnection, account_id: UUID, session_id: UUID, user_id: UUID, kind: str
) -> UUID | None:
    """The handoff whose first action this is, or None."""
    row = await tx.execute(
        sa.text("select mark_first_action(:account, :session, :user, :kind)"),
        {"account": account_id, "session": session_id, "user": user_id, "kind": kind},
    )
    handoff_id: UUID | None = row.scalar_one()
    return handoff_id


async def announce_first_action(
    tx: AsyncConnection, account_id: UUID, handoff_id: UUID, user_id: UUID, kind: str
) -> None:
    """Timeline entry and event of a first action."""
    await tx.execute(
        sa.text("select announce_first_action(:account, :handoff, :user, :kind)"),
        {"account": account_id, "handoff": handoff_id, "user": user_id, "kind": kind},
    )


async def timeline(tx: AsyncConnection, account_id: UUID, handoff_id: UUID) -> list[AnyRow]:
    """What happened, oldest first, with names; of many alerts to people who do not come the latest ones."""
    e, u = t.handoff_timeline, t.app_user
    alerts = (
        sa.select(e.c.id)
        .where(e.c.account_id == account_id, e.c.handoff_id == handoff_id, e.c.kind == "realerted")
        .order_by(e.c.id.desc())
        .limit(_ALERTS)
    )
    statement = (
        sa.select(e.c.at, e.c.kind, e.c.detail, e.c.actor_id, u.c.name.label("actor_name"))
        .outerjoin(u, sa.and_(u.c.account_id == e.c.account_id, u.c.id == e.c.actor_id))
        .where(e.c.account_id == account_id, e.c.handoff_id == handoff_id, e.c.kind != "holder")
        .where(sa.or_(e.c.kind != "realerted", e.c.id.in_(alerts)))
        .order_by(e.c.id)
    )
    return list((await tx.execute(statement)).all())


async def deliveries(tx: AsyncConnection, account_id: UUID, handoff_id: UUID) -> list[AnyRow]:
    """How each person was told in the newest round of alerts, a claimer of being idle, and which channels had a notice.

    People by name, then webhooks by theirs.
    """
    d, u, h = t.delivery, t.app_user, t.handoff
    here = sa.and_(d.c.account_id == account_id, d.c.handoff_id == handoff_id)
    newest = sa.select(sa.func.max(d.c.rung)).where(here, d.c.purpose == "alert").scalar_subquery()
    nudged = sa.and_(d.c.purpose == "nudge", h.c.status == "claimed", d.c.rung == h.c.rung)
    statement = (
        sa.select(d.c.user_id, u.c.name, d.c.channel, d.c.state, d.c.detail, d.c.at, d.c.retry_at)
        .join(u, sa.and_(u.c.account_id == d.c.account_id, u.c.id == d.c.user_id))
        .join(h, sa.and_(h.c.account_id == d.c.account_id, h.c.id == d.c.handoff_id))
        .where(here, sa.or_(nudged, sa.and_(d.c.purpose == "alert", d.c.rung == newest)))
        .order_by(u.c.name, d.c.channel, d.c.at)
    )
    notices = sa.text("select * from webhook_deliveries_of(:account, :handoff)")
    posted = await tx.execute(notices, {"account": account_id, "handoff": handoff_id})
    return [*(await tx.execute(statement)).all(), *posted.all()]


async def claimed_since_midnight(tx: AsyncConnection, account_id: UUID, timezone: str, limit: int) -> list[AnyRow]:
    """Cards of what was claimed today in the account's time zone, latest first."""
    h = t.handoff
    midnight = sa.func.date_trunc("day", sa.func.now(), timezone)
    statement = (
        sa.select(h.c.card, h.c.created_at)
        .where(h.c.account_id == account_id, h.c.claimed_at.is_not(None), h.c.claimed_at >= midnight)
        .order_by(h.c.claimed_at.desc())
        .limit(limit)
    )
    return list((await tx.execute(statement)).all())


async def alerted_again(tx: AsyncConnection, account_id: UUID) -> list[AnyRow]:
    """(id, at, exhausted) of what waits and was alerted again since it began to; `at` is the newest time."""
    h, e = t.handoff, t.handoff_timeline
    statement = (
        sa.select(h.c.id, sa.func.max(e.c.at).label("at"), h.c.exhausted_at.is_not(None).label("exhausted"))
        .join(e, sa.and_(e.c.account_id == h.c.account_id, e.c.handoff_id == h.c.id))
        .where(h.c.account_id == account_id, h.c.status == "pending", e.c.kind == "realerted")
        .where(e.c.at >= h.c.waiting_since)
        .group_by(h.c.id, h.c.exhausted_at)
    )
    return list((await tx.execute(statement)).all())


async def whose(tx: AsyncConnection, account_id: UUID, handoff_id: UUID) -> AnyRow | None:
    """(id, session_id, status, handed_off_by), without a lock."""
    h = t.handoff
    statement = sa.select(h.c.id, h.c.session_id, h.c.status, h.c.handed_off_by).where(
        h.c.account_id == account_id, h.c.id == handoff_id
    )
    return (await tx.execute(statement)).one_or_none()


async def mark_opened(tx: AsyncConnection, account_id: UUID, handoff_id: UUID, user_id: UUID) -> bool:
    """Keep that this senior has it open; false when that was kept within the last minute already."""
    o = t.handoff_opened
    now = sa.func.clock_timestamp()
    statement = (
        insert(o)
        .values(account_id=account_id, handoff_id=handoff_id, user_id=user_id, at=now)
        .on_conflict_do_update(
            index_elements=[o.c.account_id, o.c.handoff_id, o.c.user_id],
            set_={"at": now},
            where=o.c.at < now - sa.text("interval '1 minute'"),
        )
        .returning(o.c.user_id)
    )
    return (await tx.execute(statement)).first() is not None


async def opened_by(tx: AsyncConnection, account_id: UUID, handoff_id: UUID) -> list[AnyRow]:
    """(user_id, name, at) of the seniors who have opened it, by name."""
    o, u = t.handoff_opened, t.app_user
    statement = (
        sa.select(o.c.user_id, u.c.name, o.c.at)
        .join(u, sa.and_(u.c.account_id == o.c.account_id, u.c.id == o.c.user_id))
        .where(o.c.account_id == account_id, o.c.handoff_id == handoff_id)
        .order_by(u.c.name, u.c.id)
    )
    return list((await tx.execute(statement)).all())
