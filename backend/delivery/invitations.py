"""Invitations at work: one mail each, tried again while the mail server is away, its outcome kept for the page."""

import logging
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from backend.contract.vocabulary import ROLE_LABEL
from backend.db import tables as t
from backend.db.engine import Database
from backend.db.tables import AnyRow
from backend.identity import people_repository as repository
from backend.identity.invites import link_secret
from backend.jobs.job import Job
from backend.jobs.repository import again, finish, hold
from backend.mail.invite import InviteMail, compose_invite
from backend.mail.outcome import Accepted, Outcome, Refused, Unavailable, Unknown
from backend.mail.sender import Mailer

log = logging.getLogger(__name__)

RETRIES_MIN: Final = (1, 5, 15, 60)
_STATE: Final = {Accepted: "accepted", Unknown: "unknown"}


class Invitations:
    """Handler of `invite` work. `public_url` is without a closing slash."""

    def __init__(self, database: Database, mailer: Mailer, *, public_url: str, mail_from: str, secret_key: str) -> None:
        self._db = database
        self._mailer = mailer
        self._base = public_url.rstrip("/")
        self._mail_from = mail_from
        self._key = secret_key

    async def __call__(self, job: Job) -> None:
        """Look whether it is still wanted, send outside any transaction, keep what came of it."""
        async with self._db.tenant(job.account_id) as tx:
            # Invitation before work: so they are locked where a link is sent again.
            row = await repository.lock_invite(tx, job.account_id, invite_id=job.row)
            await hold(tx, job)
            if row is None or row.expired:
                await finish(tx, job)
                return
            a, u = t.account, t.app_user
            who = sa.select(a.c.name, a.c.timezone, a.c.email_sender_name, u.c.name.label("inviter"))
            who = who.join(u, u.c.account_id == a.c.id).where(a.c.id == job.account_id, u.c.id == row.invited_by)
            about = (await tx.execute(who)).one()
        outcome = await self._mailer.send(self._letter(row, about), row.email)
        await self._keep(job, row, outcome)

    def _letter(self, row: AnyRow, about: AnyRow) -> EmailMessage:
        return compose_invite(
            InviteMail(
                account_name=about.name,
                inviter=about.inviter,
                name=row.name,
                address=row.email,
                role=ROLE_LABEL[row.role],
                link=f"{self._base}/join#t={link_secret(self._key, row.id, row.turn)}",
                until=row.expires_at.astimezone(ZoneInfo(about.timezone)),
                mail_from=self._mail_from,
                sender_name=about.email_sender_name,
                sent_at=datetime.now(UTC),
                known=row.user_id is not None,
                asked=row.user_id is not None and row.user_id == row.invited_by,
            )
        )

    async def _keep(self, job: Job, row: AnyRow, outcome: Outcome) -> None:
        detail = outcome.text if isinstance(outcome, Refused | Unavailable | Unknown) else None
        gives_up = isinstance(outcome, Accepted) or (isinstance(outcome, Refused) and outcome.permanent)
        async with self._db.tenant(job.account_id) as tx:
            state = _STATE.get(type(outcome), "failed")
            await repository.update_invite(
                tx, job.account_id, row.id, mail_state=state, mail_detail=detail, mail_at=datetime.now(UTC)
            )
            if gives_up:
                await finish(tx, job)
            else:
                pause = RETRIES_MIN[min(job.attempts, len(RETRIES_MIN)) - 1]
                await again(tx, job, due_at=datetime.now(UTC) + timedelta(minutes=pause))
        if detail:
            log.warning("the invitation %s did not get through: %s", row.id, detail)
