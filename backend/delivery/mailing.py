"""E-mail at work: one message to one person, asked for again before it goes out, its outcome kept as it was.

`sending` is written before the mail server is spoken to. Whoever finds it there afterwards knows that a message may
or may not have gone out; it goes out again under the same Message-ID, by which a mail program knows it as one.
"""

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import Final, assert_never

from backend.db.engine import Database
from backend.delivery import mail_repository as repository
from backend.delivery.letters import Letter, Letters
from backend.delivery.mail_repository import MailRow
from backend.http.problems import DATABASE_DOWN
from backend.jobs.job import TOPIC, Job
from backend.mail.outcome import Accepted, NotWanted, Outcome, Refused, Unavailable, Unknown
from backend.mail.sender import Mailer

log = logging.getLogger(__name__)

RETRIES_MIN: Final = (1, 5, 15, 60)
"""Pauses after a temporary refusal or an outage; the last one goes on as long as the handoff waits."""

UNKNOWN_AGAIN_S: Final = 5.0
LEASE_S: Final = 12.0
"""Held on while a message is under way; a worker that died or froze loses its work to another after this."""

_LOOK_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class _End:
    """What is to be kept of a try. `again_s` is the pause before the next one, None when there is none."""

    state: str
    detail: str | None
    again_s: float | None = None


class Mailing:
    """Handler of `email` work."""

    def __init__(self, database: Database, mailer: Mailer, letters: Letters) -> None:
        self._db = database
        self._mailer = mailer
        self._letters = letters

    async def __call__(self, job: Job) -> None:
        """Take it to `sending` in one transaction, send outside any, keep the outcome in another."""
        row = await repository.begin(self._db, job, self._letters.domain)
        if row is None:
            self._db.wakeup.touch(str(job.account_id))
            return
        await self._keep(job, row, await self._try(job, row))

    async def _try(self, job: Job, row: MailRow) -> Outcome:
        """What comes of one try. A fault of ours is recorded and tried again like any other failure to send."""
        if self._mailer.missing is not None:
            return Unavailable(self._mailer.missing)
        try:
            async with self._db.tenant(job.account_id) as tx:
                letter = await self._letters.write(tx, job.account_id, row)
            return await self._send(job, letter)
        except DATABASE_DOWN:
            raise
        except Exception:
            log.exception("the e-mail about hand-off %s to user %s cannot be made", row.handoff_id, row.user_id)
            return Unavailable("the message could not be composed")

    async def _send(self, job: Job, letter: Letter) -> Outcome:
        """Send, and let go of the mail server within a moment of nobody wanting the message any more."""
        begun = False

        async def still_wanted() -> bool:
            nonlocal begun
            begun = await repository.still_wanted(self._db, job, LEASE_S)
            return begun

        sending = asyncio.create_task(self._mailer.send(letter.message, letter.address, still_wanted=still_wanted))
        try:
            while not (await asyncio.wait({sending}, timeout=_LOOK_S))[0]:
                if not await repository.still_wanted(self._db, job, LEASE_S):
                    log.info("a message for hand-off %s is called off while the mail server is slow", job.handoff_id)
                    break
            else:
                return await sending
        finally:
            if not sending.done():
                sending.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await sending
        return Unknown("called off while it was being sent") if begun else NotWanted()

    async def _keep(self, job: Job, row: MailRow, outcome: Outcome) -> None:
        end = _end(outcome, row.attempts)
        refused = isinstance(outcome, Refused) and outcome.permanent
        quiet = self._mailer.missing is not None
        await repository.record(
            self._db,
            job,
            state=end.state,
            detail=end.detail,
            again_s=end.again_s,
            refused=refused,
            quiet=quiet,
        )
        self._report(job, row.device, outcome)
        self._db.wakeup.touch(str(job.account_id), TOPIC)

    def _report(self, job: Job, address: str, outcome: Outcome) -> None:
        match outcome:
            case Accepted() | NotWanted():
                log.debug("e-mail for hand-off %s: %s", job.handoff_id, outcome)
            case Refused(permanent=True):
                log.error("e-mail for hand-off %s was refused for good (%s): %s", job.handoff_id, address, outcome.text)
            case Unavailable() if outcome.text == self._mailer.missing:
                log.debug("no e-mail for hand-off %s: %s", job.handoff_id, outcome.text)
            case Refused() | Unavailable() | Unknown():
                log.warning(
                    "e-mail for hand-off %s did not get through, trying again: %s", job.handoff_id, outcome.text
                )


def _end(outcome: Outcome, attempts: int) -> _End:
    pause_s = RETRIES_MIN[min(attempts, len(RETRIES_MIN)) - 1] * 60.0
    match outcome:
        case Accepted():
            return _End("accepted", None)
        case NotWanted():
            return _End("cancelled", None)
        case Refused(permanent=True):
            return _End("failed", outcome.text)
        case Refused() | Unavailable():
            return _End("failed", outcome.text, pause_s)
        case Unknown():
            return _End("unknown", outcome.text, UNKNOWN_AGAIN_S if attempts == 1 else pause_s)
    assert_never(outcome)
