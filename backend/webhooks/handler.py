"""Sends one notice: the handler of `webhook` work.

Order. Notices of one webhook and one hand-off go out one after the other in the order of the log: as long as an earlier
one has neither been accepted nor given up, later ones wait, so no channel reads that something was claimed before it
reads that it exists. Other hand-offs and other webhooks do not wait.

At least once. A notice is marked as being sent before it is, so a process that dies leaves it to be sent again under
the same `FlowPilot-Webhook-Id`.
"""

import logging
import random
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db.engine import Database
from backend.db.tables import AnyRow
from backend.jobs import repository as jobs
from backend.jobs.job import TOPIC, Job
from backend.jobs.worker import Lane
from backend.settings import Settings
from backend.webhooks import progress, repository
from backend.webhooks.courier import Courier, Receiver
from backend.webhooks.notice import Notice
from backend.webhooks.sender import Answer

log = logging.getLogger(__name__)

RETRY_AFTER_S: Final = (10.0, 60.0, 300.0, 900.0, 3_600.0)
"""Pauses before the second to the sixth try, each a tenth shorter or longer; the sixth failure is the last."""
FAILING_NOTICES: Final = 20
FAILING_HOURS: Final = 24
GONE: Final = 410
_PLACES: Final = 8
_LEASE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Turn:
    """A notice that is being sent now."""

    row: AnyRow
    attempt: int


def _notice(row: AnyRow) -> Notice:
    return Notice(
        id=row.id,
        kind=row.kind,
        at=row.at,
        account_id=row.account_id,
        account_name=row.account_name,
        data=row.data,
        title_only=row.title_only,
    )


class WebhookHandler:
    """Callable with a job whose `ref` is the notice."""

    def __init__(self, database: Database, courier: Courier) -> None:
        self._db = database
        self._courier = courier

    async def __call__(self, job: Job) -> None:
        """Send it if its turn has come, and write down what became of it."""
        async with self._db.tenant(job.account_id) as tx:
            turn = await self._begin(tx, job)
        if turn is not None:
            answer = await self._courier.send(Receiver.of(turn.row, turn.row.webhook_id), _notice(turn.row))
            async with self._db.tenant(job.account_id) as tx:
                await self._record(tx, job, turn, answer)
            self._db.wakeup.touch(TOPIC)  # the next notice of this hand-off may be due now

    async def _begin(self, tx: AsyncConnection, job: Job) -> _Turn | None:
        line = await progress.line(tx, job.account_id, job.row)
        await jobs.hold(tx, job)  # who lost the work posts nothing
        if not line or line[-1].id != job.row:
            await jobs.finish(tx, job)  # it has ended
            return None
        row = await progress.read(tx, job.account_id, job.row)
        if not row.active:
            await progress.end(tx, row, "cancelled", None, row.paused_reason or "The webhook is switched off")
            await self._finish(tx, job, row)
            return None
        if len(line) > 1:
            until = line[-2].look_again
            await progress.hold(tx, job.account_id, job.row, until)
            await jobs.again(tx, job, due_at=until)
            return None
        return _Turn(row, await progress.begin(tx, row))

    async def _record(self, tx: AsyncConnection, job: Job, turn: _Turn, answer: Answer) -> None:
        row = turn.row
        if not answer.accepted and answer.status != GONE and turn.attempt <= len(RETRY_AFTER_S):
            pause = RETRY_AFTER_S[turn.attempt - 1] * random.uniform(0.9, 1.1)  # noqa: S311 - spread, no secret
            after_s = max(pause, answer.retry_after_s or 0.0)
            await jobs.again(tx, job, due_at=await progress.again(tx, row, answer.status, answer.error, after_s))
            return
        await progress.end(tx, row, "accepted" if answer.accepted else "failed", answer.status, answer.error)
        if answer.status == GONE:
            await self._pause(tx, row, "The receiver answered 410: it does not want any more notices.")
        elif not answer.accepted:
            await self._pause_if_failing(tx, row, answer)
        await self._finish(tx, job, row)

    async def _finish(self, tx: AsyncConnection, job: Job, row: AnyRow) -> None:
        """The work is done; the turn goes to the next notice of the same webhook and hand-off.

        After a pause, which ends those: notices are locked before work everywhere.
        """
        await jobs.finish(tx, job)
        await progress.pass_on(tx, row)

    async def _pause_if_failing(self, tx: AsyncConnection, row: AnyRow, answer: Answer) -> None:
        number, long = await progress.failing(tx, row, hours=FAILING_HOURS)
        if number >= FAILING_NOTICES and long:
            lasted = f"The last {number} notices all failed, over more than {FAILING_HOURS} h."
            await self._pause(tx, row, f"{lasted} The last one: {answer.error}.")

    async def _pause(self, tx: AsyncConnection, row: AnyRow, why: str) -> None:
        if await repository.pause(tx, row.account_id, row.webhook_id, why):
            await repository.call_off(tx, row.account_id, row.webhook_id, "The webhook was paused")
            log.warning("webhook %s of account %s is paused: %s", row.webhook_id, row.account_id, why)


def webhook_lane(database: Database, settings: Settings) -> Lane:
    """The worker's lane of `webhook` work: a receiver that hangs takes a place here and nowhere else."""
    handler = WebhookHandler(database, Courier.build(settings))
    return Lane(name="webhook", handlers={"webhook": handler}, places=_PLACES, lease_s=_LEASE_S)
