"""Claimed but idle: who claimed and did nothing is reminded, then the handoff goes back to the queue.

What somebody holds whose sign-in has ended goes back at once, whatever they did and whatever the policy says.
"""

import logging
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db.engine import Database
from backend.db.tables import AnyRow
from backend.delivery import repository
from backend.delivery.plan import AccountPlan, account_plan, next_step
from backend.domain.policy import idle_due
from backend.domain.working_hours import add_minutes
from backend.handoffs import repository as handoffs
from backend.handoffs.leaving import LEFT
from backend.jobs import repository as jobs
from backend.jobs.job import TOPIC, Job

log = logging.getLogger(__name__)


def _grace(plan: AccountPlan, row: AnyRow, since: datetime) -> datetime | None:
    """When an idle claim that was reminded at `since` goes back, by the account's hours; None for never."""
    minutes = plan.policy.idle_return_minutes
    hours = None if row.priority == "urgent" else plan.policy.working_hours
    return None if minutes is None else add_minutes(since, minutes, hours, plan.tz)


class IdleClaims:
    """Handler of `idle` work."""

    def __init__(self, database: Database, *, email_after_s: float) -> None:
        self._db = database
        self._email_after_s = email_after_s

    async def __call__(self, job: Job) -> None:
        """Look whether the holder has begun; remind, take back, or look again later."""
        async with self._db.tenant(job.account_id) as tx:
            row = await handoffs.lock(tx, job.account_id, job.about)
            if row is None or row.status != "claimed":
                await jobs.finish(tx, job)
                return
            if await handoffs.has_left(tx, job.account_id, row.claimed_by):
                await self._return(tx, job.account_id, row, row.claimed_by, LEFT)
                log.warning("hand-off %s went back to the queue: its claimer has left", row.id)
            elif await repository.acted_since(tx, job.account_id, row.session_id, row.claimed_by, row.claimed_at):
                await handoffs.update(tx, job.account_id, row.id, next_step=None)
                await jobs.finish(tx, job)
                return
            else:
                await self._unbegun(tx, job, row, await account_plan(tx, job.account_id))
        self._db.wakeup.touch(str(job.account_id), str(row.session_id), TOPIC)

    async def _unbegun(self, tx: AsyncConnection, job: Job, row: AnyRow, plan: AccountPlan) -> None:
        nudge_at, return_at = idle_due(plan.policy, tz=plan.tz, claimed_at=row.claimed_at, priority=row.priority)
        if nudge_at is not None and row.nudged_at is None:
            if nudge_at > plan.now:
                await self._later(tx, job, row, nudge_at, "nudge")
                return
            # Reminded late (nothing ran for a while): the time to answer counts from the reminder.
            return_at = _grace(plan, row, plan.now)
            await repository.nudge(tx, job.account_id, row.id, return_at, self._email_after_s)
        elif row.nudged_at is not None and nudge_at is not None and return_at is not None:
            return_at = max(return_at, _grace(plan, row, row.nudged_at) or return_at)
        if return_at is None:
            await handoffs.update(tx, job.account_id, row.id, next_step=None)
            await jobs.finish(tx, job)
        elif return_at > plan.now:
            await self._later(tx, job, row, return_at, "return")
        else:
            minutes = round((plan.now - row.claimed_at).total_seconds() / 60)
            await self._return(tx, job.account_id, row, None, f"No first action in {minutes} min")
            log.warning("hand-off %s went back to the queue: its claimer did nothing for %d min", row.id, minutes)

    @staticmethod
    async def _later(tx: AsyncConnection, job: Job, row: AnyRow, at: datetime, kind: str) -> None:
        planned = next_step(at, kind, "claimer", [row.holder_name])
        await handoffs.update(tx, job.account_id, row.id, next_step=planned)
        await jobs.again(tx, job, due_at=at, fresh=True)

    async def _return(
        self, tx: AsyncConnection, account_id: UUID, row: AnyRow, actor_id: UUID | None, why: str
    ) -> None:
        await handoffs.reopen(tx, account_id, row.id, self._email_after_s)  # ends this work too
        await handoffs.changed(tx, account_id, row.id, "released", actor_id, why)
