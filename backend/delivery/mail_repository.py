"""SQL of e-mail deliveries."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t
from backend.db.engine import Database
from backend.db.tables import AnyRow
from backend.jobs.job import Job

_WANTED = "select mail_wanted(:account, :delivery, :job, :lease, null)"


async def lock(tx: AsyncConnection, account_id: UUID, delivery_id: UUID) -> AnyRow | None:
    """The delivery with its handoff's state and its recipient; the handoff stays as it is until the end.

    The handoff first: a claim takes the same two locks in this order.
    """
    d, h, u = t.delivery, t.handoff, t.app_user
    here = sa.and_(d.c.account_id == account_id, d.c.id == delivery_id)
    of_it = sa.select(d.c.handoff_id).where(here).scalar_subquery()
    await tx.execute(sa.select(h.c.id).where(h.c.account_id == account_id, h.c.id == of_it).with_for_update(read=True))
    await tx.execute(sa.select(d.c.id).where(here).with_for_update())
    statement = (
        sa.select(*d.c, h.c.steps_done, u.c.name)
        .join(h, sa.and_(h.c.account_id == d.c.account_id, h.c.id == d.c.handoff_id))
        .join(u, sa.and_(u.c.account_id == d.c.account_id, u.c.id == d.c.user_id))
        .where(here)
    )
    return (await tx.execute(statement)).one_or_none()


async def wanted(tx: AsyncConnection, job: Job) -> bool:
    """Whether the message should still go out, and this worker still holds the work."""
    values = {"account": job.account_id, "delivery": job.row, "job": job.id, "lease": job.lease_no}
    yes: bool = (await tx.execute(sa.text(_WANTED), values)).scalar_one()
    return yes


async def still_wanted(database: Database, job: Job, hold_s: float) -> bool:
    """Like `wanted`, in a transaction of its own that also holds the lease for `hold_s` more seconds."""
    row = await database.call(
        "select mail_wanted($1, $2, $3, $4, $5)", job.account_id, job.row, job.id, job.lease_no, hold_s
    )
    return bool(row and row[0])


async def begin(tx: AsyncConnection, account_id: UUID, delivery_id: UUID, message_id: str) -> None:
    """From here on the message may have gone out."""
    d = t.delivery
    await tx.execute(
        sa.update(d)
        .where(d.c.account_id == account_id, d.c.id == delivery_id)
        .values(
            state="sending",
            attempts=d.c.attempts + 1,
            message_id=message_id,
            retry_at=None,
            at=sa.func.clock_timestamp(),
        )
    )


async def record(tx: AsyncConnection, job: Job, state: str, detail: str | None, retry_at: datetime | None) -> None:
    """What became of it; an event of the account's log, so the transaction's last statement."""
    values = {"account": job.account_id, "delivery": job.row, "state": state, "detail": detail, "retry": retry_at}
    await tx.execute(sa.text("select record_mail(:account, :delivery, :state, :detail, :retry)"), values)


async def mark_address(tx: AsyncConnection, account_id: UUID, user_id: UUID, refusal: str | None) -> None:
    """Keep the mail server's last word on a person's address; None takes an earlier refusal back."""
    u = t.app_user
    update = sa.update(u).where(u.c.account_id == account_id, u.c.id == user_id)
    if refusal is None:
        await tx.execute(
            update.where(u.c.email_refused_at.is_not(None)).values(email_refused_at=None, email_refusal=None)
        )
    else:
        await tx.execute(update.values(email_refused_at=sa.func.clock_timestamp(), email_refusal=refusal))


async def tell_admins(tx: AsyncConnection, account_id: UUID, row: AnyRow, why: str) -> None:
    """An address was refused for good: it stands in the handoff's timeline, and the administrators are e-mailed."""
    await tx.execute(
        sa.text(
            "insert into handoff_timeline (account_id, handoff_id, kind, actor_id, detail)"
            " values (:account, :handoff, 'mail_failed', null, :detail)"
        ),
        {"account": account_id, "handoff": row.handoff_id, "detail": f"E-mail to {row.name} was refused: {why}"[:500]},
    )
    await tx.execute(
        sa.text(
            "select plan_mail(:account, :handoff, :rung, u.id, 'notice') from app_user u where u.account_id = :account"
            " and u.active and u.role in ('admin', 'owner') and u.id <> :refused and u.email_refused_at is null"
        ),
        {"account": account_id, "handoff": row.handoff_id, "rung": row.rung, "refused": row.user_id},
    )


async def refused_in(tx: AsyncConnection, account_id: UUID, handoff_id: UUID, rung: int) -> list[AnyRow]:
    """(name, device, detail) of those whose address was refused for good in a round."""
    d, u = t.delivery, t.app_user
    statement = (
        sa.select(u.c.name, d.c.device, d.c.detail)
        .join(u, sa.and_(u.c.account_id == d.c.account_id, u.c.id == d.c.user_id))
        .where(
            d.c.account_id == account_id,
            d.c.handoff_id == handoff_id,
            d.c.rung == rung,
            d.c.channel == "email",
            d.c.state == "failed",
            d.c.purpose != "notice",
            u.c.email_refused_at.is_not(None),
        )
        .order_by(u.c.name)
    )
    return list((await tx.execute(statement)).all())


async def emailed(tx: AsyncConnection, account_id: UUID, handoff_id: UUID) -> list[AnyRow]:
    """(user_id, last purpose) of everyone whose mailbox holds, or may hold, a message on this handoff."""
    d = t.delivery
    statement = (
        sa.select(d.c.user_id, sa.func.max(d.c.rung).label("rung"))
        .where(
            d.c.account_id == account_id,
            d.c.handoff_id == handoff_id,
            d.c.channel == "email",
            d.c.purpose.in_(("alert", "nobody")),
            d.c.state.in_(("sending", "accepted", "unknown")),
        )
        .group_by(d.c.user_id)
    )
    return list((await tx.execute(statement)).all())


async def first_message(tx: AsyncConnection, account_id: UUID, handoff_id: UUID, user_id: UUID) -> str | None:
    """Message-ID of the first message on this handoff that went to this person, or None."""
    d = t.delivery
    statement = (
        sa.select(d.c.message_id)
        .where(
            d.c.account_id == account_id,
            d.c.handoff_id == handoff_id,
            d.c.user_id == user_id,
            d.c.channel == "email",
            d.c.message_id.is_not(None),
            d.c.purpose != "notice",
        )
        .order_by(d.c.rung, d.c.at)
        .limit(1)
    )
    found: str | None = (await tx.execute(statement)).scalar_one_or_none()
    return found


async def account(tx: AsyncConnection, account_id: UUID) -> AnyRow:
    """(name, timezone, email_content, now) of the account."""
    a = t.account
    columns = (a.c.name, a.c.timezone, a.c.email_content, sa.func.clock_timestamp().label("now"))
    return (await tx.execute(sa.select(*columns).where(a.c.id == account_id))).one()


async def plan_closing(tx: AsyncConnection, account_id: UUID, handoff_id: UUID, rung: int, user_id: UUID) -> None:
    """Tell one person, in the thread that they have, that nobody needs to come any more."""
    values = {"account": account_id, "handoff": handoff_id, "rung": rung, "user": user_id}
    await tx.execute(sa.text("select plan_mail(:account, :handoff, :rung, :user, 'closed')"), values)
