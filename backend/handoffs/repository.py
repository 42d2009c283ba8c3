"""SQL of handoffs off the hot path: reading one whole, changing its holder, ending it."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t
from backend.db.tables import AnyRow
from backend.jobs.repository import enqueue


async def whole(tx: AsyncConnection, account_id: UUID, handoff_id: UUID) -> AnyRow | None:
    """The parts that `mapping.whole` makes a handoff of, or None."""
    statement = sa.text("select * from handoff_whole(:account, :handoff)")
    row = (await tx.execute(statement, {"account": account_id, "handoff": handoff_id})).one()
    return row if row.body is not None else None


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


async def held_by(tx: AsyncConnection, account_id: UUID, user_id: UUID) -> list[UUID]:
    """Hand-offs that this person holds, the oldest first."""
    h = t.handoff
    statement = (
        sa.select(h.c.id)
        .where(h.c.account_id == account_id, h.c.claimed_by == user_id, h.c.status == "claimed")
        .order_by(h.c.created_at, h.c.id)
    )
    return list((await tx.execute(statement)).scalars())


async def has_left(tx: AsyncConnection, account_id: UUID, user_id: UUID) -> bool:
    """Whether this person's sign-in has ended."""
    u = t.app_user
    statement = sa.select(sa.not_(u.c.active)).where(u.c.account_id == account_id, u.c.id == user_id)
    return bool((await tx.execute(statement)).scalar_one())


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
