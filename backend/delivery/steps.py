"""The escalation policy at work.

A waiting handoff is looked at when its next step is due, or when something that the policy goes by has changed, and it
never stays without a next step.
"""

import logging
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db.engine import Database
from backend.db.tables import AnyRow
from backend.delivery import repository
from backend.delivery.plan import AccountPlan, account_plan, next_step
from backend.domain.policy import Due, next_due
from backend.handoffs import repository as handoffs
from backend.jobs import repository as jobs
from backend.jobs.job import TOPIC, Job

log = logging.getLogger(__name__)

_CAUSE: Final = {"widen": "widened", "step": "step", "repeat": "repeat"}
_LOOK_AGAIN: Final = timedelta(milliseconds=50)


class Steps:
    """Handler of `step` work."""

    def __init__(self, database: Database, *, email_after_s: float) -> None:
        self._db = database
        self._email_after_s = email_after_s

    async def __call__(self, job: Job) -> None:
        """Do what the policy says now, and plan what it says next, in one transaction."""
        async with self._db.tenant(job.account_id) as tx:
            row = await handoffs.lock(tx, job.account_id, job.about)
            if row is None or row.status != "pending":
                await jobs.finish(tx, job)
                return
            plan = await account_plan(tx, job.account_id)
            to = await repository.whom(tx, job.account_id, row.id)
            due = self._due(plan, row, row.steps_done, head_start=to is not None)
            if due.at <= plan.now:
                await self._alert(tx, job.account_id, plan, row, due)
                exhausted = due.final or row.exhausted_at is not None
                due = self._due(plan, row, due.index + 1, head_start=False, exhausted=exhausted)
            elif row.steps_done == 0:
                to = await self._ask_another(tx, job.account_id, plan, row, to)
                due = self._due(plan, row, 0, head_start=to is not None)
            names = plan.names(due.own, row.target_user_id, but=row.handed_off_by)
            planned = next_step(due.at, due.kind, due.own.who, names, final=due.final)
            await handoffs.update(tx, job.account_id, row.id, next_step=planned)
            await jobs.again(tx, job, due_at=max(due.at, plan.now + _LOOK_AGAIN), fresh=True)
        self._db.wakeup.touch(str(job.account_id), str(row.session_id), TOPIC)

    @staticmethod
    def _due(plan: AccountPlan, row: AnyRow, done: int, *, head_start: bool, exhausted: bool | None = None) -> Due:
        return next_due(
            plan.policy,
            tz=plan.tz,
            priority=row.priority,
            has_target=head_start,
            waiting_since=row.waiting_since,
            done=done,
            now=plan.now,
            exhausted=row.exhausted_at is not None if exhausted is None else exhausted,
        )

    async def _alert(self, tx: AsyncConnection, account_id: UUID, plan: AccountPlan, row: AnyRow, due: Due) -> None:
        names = plan.names(due.own, row.target_user_id, but=row.handed_off_by)
        await repository.realert(
            tx,
            account_id,
            row.id,
            to=None,  # every step alerts those of the steps before it, and the first alert is to every senior
            done=due.index + 1,
            final=due.final,
            cause="exhausted" if due.final else _CAUSE[due.kind],
            detail="Everyone" if due.kind == "widen" else ", ".join(names) or "Everyone again",
            email_after_s=self._email_after_s,
        )
        if due.final:
            log.warning("hand-off %s: the policy's last step has run and nobody has claimed", row.id)

    async def _ask_another(
        self, tx: AsyncConnection, account_id: UUID, plan: AccountPlan, row: AnyRow, told: list[UUID] | None
    ) -> list[UUID] | None:
        """Before the first step another person may be asked for, or nobody in particular any more.

        Answers who is told in the round at hand.
        """
        to = await repository.first_round(tx, account_id, row.id)
        if to == told:
            return told
        named = [one.name for one in plan.people if to is not None and one.id in to]
        await repository.realert(
            tx,
            account_id,
            row.id,
            to=to,
            done=0,
            final=False,
            cause="step" if to else "widened",
            detail=", ".join(named) or "Everyone",
            email_after_s=self._email_after_s,
        )
        return to
