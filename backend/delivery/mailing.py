"""E-mail at work: one message to one person, asked for again before it goes out, its outcome kept as it was.

`sending` is written before the mail server is spoken to. Whoever finds it there afterwards knows that a message may
or may not have gone out; it goes out again under the same Message-ID, by which a mail program knows it as one.
"""

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, assert_never
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db.engine import Database
from backend.db.tables import AnyRow
from backend.delivery import mail_repository as repository
from backend.delivery.letters import Letter, Letters
from backend.jobs import repository as jobs
from backend.jobs.job import TOPIC, Job
from backend.mail.outcome import Accepted, NotWanted, Outcome, Refused, Unavailable, Unknown
from backend.mail.sender import Mailer

log = logging.getLogger(__name__)

RETRIES_MIN: Final = (1, 5, 15, 60)
"""Pauses after a temporary refusal or an outage; the last one goes on as long as the handoff waits."""

UNKNOWN_AGAIN_S: Final = 5.0
LEASE_S: Final = 12.0
"""Held on while a message is under way; a worker that died or froze loses its work to another after this."""

_TRIES: Final = 6
"""For what is good to know but calls nobody: the closing of a thread, a notice to administrators."""

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
        """Prepare in one transaction, send outside any, keep the outcome in another."""
        async with self._db.tenant(job.account_id) as tx:
            row = await repository.lock(tx, job.account_id, job.row)
            if row is None:
                await jobs.finish(tx, job)
                return
            left_over = row.state == "sending"  # a worker was cut off while it was sending
            if not await repository.wanted(tx, job):
                await self._call_off(tx, job, left_over=left_over)
                announced = True
            else:
                letter = await self._letters.write(tx, job.account_id, row)
                await repository.begin(tx, job.account_id, row.id, letter.message_id)
                announced = False
        if announced:
            self._db.wakeup.touch(str(job.account_id))
            return
        outcome = await self._send(job, letter)
        await self._keep(job, outcome, attempts=row.attempts + 1)

    async def _call_off(self, tx: AsyncConnection, job: Job, *, left_over: bool) -> None:
        await jobs.finish(tx, job)
        if left_over:
            await repository.record(tx, job, "unknown", "cut off while it was being sent", None)
        else:
            await repository.record(tx, job, "cancelled", None, None)

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

    async def _keep(self, job: Job, outcome: Outcome, *, attempts: int) -> None:
        end = _end(outcome, attempts)
        enough = attempts >= _TRIES
        async with self._db.tenant(job.account_id) as tx:
            row = await repository.lock(tx, job.account_id, job.row)
            if row is None or row.state != "sending":
                await jobs.finish(tx, job)
                return
            wanted = await repository.wanted(tx, job) and not (enough and row.purpose in {"closed", "notice"})
            again = datetime.now(UTC) + timedelta(seconds=end.again_s) if end.again_s is not None and wanted else None
            await self._keep_of_address(tx, job.account_id, row, outcome)
            if again is None:
                await jobs.finish(tx, job)
            else:
                await jobs.again(tx, job, due_at=again)
            await repository.record(tx, job, end.state, end.detail, again)
        self._report(job, row.device, outcome)
        self._db.wakeup.touch(str(job.account_id), TOPIC)

    @staticmethod
    async def _keep_of_address(tx: AsyncConnection, account_id: UUID, row: AnyRow, outcome: Outcome) -> None:
        if isinstance(outcome, Accepted):
            await repository.mark_address(tx, account_id, row.user_id, None)
        elif isinstance(outcome, Refused) and outcome.permanent:
            await repository.mark_address(tx, account_id, row.user_id, outcome.text)
            if row.purpose != "notice":
                await repository.tell_admins(tx, account_id, row, outcome.text)

    @staticmethod
    def _report(job: Job, address: str, outcome: Outcome) -> None:
        match outcome:
            case Accepted() | NotWanted():
                log.debug("e-mail for hand-off %s: %s", job.handoff_id, outcome)
            case Refused(permanent=True):
                log.error("e-mail for hand-off %s was refused for good (%s): %s", job.handoff_id, address, outcome.text)
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
