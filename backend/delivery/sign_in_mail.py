"""Work about people's own sign-ins: looking up who asked for a new password, and telling them what was changed."""

import logging
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from backend.db import tables as t
from backend.db.engine import Database
from backend.db.sign_in_tables import password_request, security_notice
from backend.db.tables import AnyRow
from backend.identity.forgotten import ForgottenService
from backend.jobs.job import Job
from backend.jobs.repository import again, finish, hold
from backend.mail.invite import NoticeMail, compose_notice
from backend.mail.outcome import Accepted, Refused
from backend.mail.sender import Mailer

log = logging.getLogger(__name__)

RETRIES_MIN: Final = (1, 5, 15, 60)
GIVE_UP: Final = timedelta(days=1)
_RESET: Final = "set a new password at once, by Forgot your password on the sign-in page, and tell your administrator."
_ADMIN: Final = "tell your administrator at once and change your password."
WORDS: Final[dict[str, tuple[str, str, str]]] = {
    "password_changed": ("Your password was changed", "The password of your FlowPilot sign-in was changed.", _RESET),
    "factor_on": ("Your second factor is on", "Signing in to FlowPilot asks for a code from an app now.", _ADMIN),
    "factor_off": ("Your second factor is off", "Signing in to FlowPilot asks for your password alone now.", _RESET),
    "factor_reset": (
        "Your second factor was taken away",
        "An administrator took away the second factor of your FlowPilot sign-in.",
        _ADMIN,
    ),
    "recovery_used": (
        "A recovery code was used",
        "Somebody signed in to FlowPilot as you with a recovery code instead of a code from your app.",
        _RESET,
    ),
    "token_created": ("An access token was made", "A personal access token was made in your name.", _RESET),
}
"""Subject, what happened, and what to do by whom it hurts."""


class ForgottenPasswords:
    """Handler of `forgotten` work."""

    def __init__(self, database: Database, service: ForgottenService) -> None:
        self._db = database
        self._service = service

    async def __call__(self, job: Job) -> None:
        """Answer the request; done twice, the same link goes out twice."""
        r = password_request
        async with self._db.tenant(job.account_id) as tx:
            await hold(tx, job)
            asked = sa.select(r.c.email).where(r.c.account_id == job.account_id, r.c.id == job.row)
            email: str | None = (await tx.execute(asked)).scalar_one_or_none()
        if email:
            await self._service.answer(email)
        async with self._db.tenant(job.account_id) as tx:
            await tx.execute(sa.delete(r).where(r.c.account_id == job.account_id, r.c.id == job.row))
            await finish(tx, job)


class SecurityNotices:
    """Handler of `notice` work: one mail, tried again for a day while the mail server is away."""

    def __init__(self, database: Database, mailer: Mailer, *, public_url: str, mail_from: str) -> None:
        self._db = database
        self._mailer = mailer
        self._base = public_url.rstrip("/")
        self._mail_from = mail_from

    async def __call__(self, job: Job) -> None:
        """Send outside any transaction; the row goes with the mail."""
        n, u, a = security_notice, t.app_user, t.account
        async with self._db.tenant(job.account_id) as tx:
            await hold(tx, job)
            about = (
                sa.select(n, u.c.name, u.c.email, a.c.name.label("account_name"), a.c.timezone, a.c.email_sender_name)
                .join(u, (u.c.account_id == n.c.account_id) & (u.c.id == n.c.user_id))
                .join(a, a.c.id == n.c.account_id)
                .where(n.c.account_id == job.account_id, n.c.id == job.row)
            )
            row = (await tx.execute(about)).one_or_none()
        wanted = row is not None and self._mailer.missing is None
        outcome = await self._mailer.send(self._letter(row), row.email) if row is not None and wanted else None
        over = isinstance(outcome, Accepted | None) or (isinstance(outcome, Refused) and outcome.permanent)
        async with self._db.tenant(job.account_id) as tx:
            if row is not None and not over and row.created_at > datetime.now(UTC) - GIVE_UP:
                pause = RETRIES_MIN[min(job.attempts, len(RETRIES_MIN)) - 1]
                await again(tx, job, due_at=datetime.now(UTC) + timedelta(minutes=pause))
                return
            await tx.execute(sa.delete(n).where(n.c.account_id == job.account_id, n.c.id == job.row))
            await finish(tx, job)
        if not isinstance(outcome, Accepted | None):
            log.warning("the notice %s did not get through", job.row)

    def _letter(self, row: AnyRow) -> EmailMessage:
        subject, what, then = WORDS[row.kind]
        when = row.created_at.astimezone(ZoneInfo(row.timezone))
        mail = NoticeMail(
            account_name=row.account_name,
            name=row.name,
            address=row.email,
            what=what,
            then=then,
            when=f"{when:%a} {when.day} {when:%b %Y, %H:%M %Z}{', ' + row.detail if row.detail else ''}",
            link=f"{self._base}/account/security",
            mail_from=self._mail_from,
            sender_name=row.email_sender_name,
            sent_at=datetime.now(UTC),
        )
        return compose_notice(mail, f"{subject}: {row.account_name}")
