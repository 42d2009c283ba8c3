"""SQL of e-mail deliveries."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.contract.vocabulary import Role
from backend.db import tables as t
from backend.db.engine import Database
from backend.db.tables import AnyRow
from backend.jobs.job import Job, LeaseLostError


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRow:
    """One e-mail to one person that is about to go out. `device` is the address, `attempts` counts this one."""

    handoff_id: UUID
    rung: int
    user_id: UUID
    name: str
    device: str
    purpose: Literal["alert", "nudge", "closed", "nobody", "notice"]
    steps_done: int
    attempts: int
    message_id: str


async def begin(database: Database, job: Job, domain: str) -> MailRow | None:
    """The last look before a message goes out; None when nobody wants it any more. Raises LeaseLostError."""
    row = await database.call(
        "select * from begin_mail($1, $2, $3, $4, $5)",
        job.account_id,
        job.row,
        job.id,
        job.lease_no,
        domain,
        of=job.account_id,
    )
    if row is None or row["verdict"] == "lost":
        raise LeaseLostError
    if row["verdict"] == "unwanted":
        return None
    return MailRow(**{name: row[name] for name in MailRow.__slots__})


async def still_wanted(database: Database, job: Job, hold_s: float) -> bool:
    """Whether it should still go out and this worker holds the work; holds its lease for `hold_s` more seconds."""
    row = await database.call(
        "select mail_wanted($1, $2, $3, $4, $5)",
        job.account_id,
        job.row,
        job.id,
        job.lease_no,
        hold_s,
        of=job.account_id,
    )
    return bool(row and row[0])


async def record(
    database: Database,
    job: Job,
    *,
    state: str,
    detail: str | None,
    again_s: float | None,
    refused: bool,
    quiet: bool,
) -> None:
    """What became of it; the work ends or is due again in `again_s` seconds. `quiet` makes no event of it.

    Raises LeaseLostError.
    """
    row = await database.call(
        "select record_mail($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        job.account_id,
        job.row,
        job.id,
        job.lease_no,
        state,
        detail,
        again_s,
        refused,
        quiet,
        of=job.account_id,
    )
    if row is None or not row[0]:
        raise LeaseLostError


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


async def to_be_closed(tx: AsyncConnection, account_id: UUID, handoff_id: UUID) -> list[UUID]:
    """Everyone whose mailbox holds, or may hold, an alert on this handoff that nothing has closed yet."""
    d, c = t.delivery, t.delivery.alias("closing")
    mine = sa.and_(c.c.account_id == d.c.account_id, c.c.handoff_id == d.c.handoff_id, c.c.user_id == d.c.user_id)
    closed = sa.exists().where(mine, c.c.purpose == "closed", c.c.state != "cancelled", c.c.rung >= d.c.rung)
    statement = (
        sa.select(d.c.user_id)
        .where(
            d.c.account_id == account_id,
            d.c.handoff_id == handoff_id,
            d.c.channel == "email",
            d.c.purpose.in_(("alert", "nobody")),
            d.c.state.in_(("sending", "accepted", "unknown")),
            ~closed,
        )
        .distinct()
    )
    return list((await tx.execute(statement)).scalars())


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
            d.c.state.in_(("sending", "accepted", "unknown")),
        )
        .order_by(d.c.rung, d.c.at)
        .limit(1)
    )
    found: str | None = (await tx.execute(statement)).scalar_one_or_none()
    return found


async def account(tx: AsyncConnection, account_id: UUID) -> AnyRow:
    """(name, timezone, email_content, email_sender_name, now) of the account."""
    a = t.account
    columns = (
        a.c.name,
        a.c.timezone,
        a.c.email_content,
        a.c.email_sender_name,
        sa.func.clock_timestamp().label("now"),
    )
    return (await tx.execute(sa.select(*columns).where(a.c.id == account_id))).one()


async def role_of(tx: AsyncConnection, account_id: UUID, user_id: UUID) -> Role:
    """The role of who gets it, as it is now."""
    u = t.app_user
    role: Role = (
        await tx.execute(sa.select(u.c.role).where(u.c.account_id == account_id, u.c.id == user_id))
    ).scalar_one()
    return role


async def plan_closing(tx: AsyncConnection, account_id: UUID, handoff_id: UUID, rung: int, user_id: UUID) -> None:
    """Tell one person, in the thread that they have, that nobody needs to come any more."""
    values = {"account": account_id, "handoff": handoff_id, "rung": rung, "user": user_id}
    await tx.execute(sa.text("select plan_mail(:account, :handoff, :rung, :user, 'closed')"), values)
