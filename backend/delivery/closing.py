"""Who was e-mailed is told, in the same thread, that somebody has come or that nobody needs to."""

from backend.db.engine import Database
from backend.delivery import mail_repository
from backend.handoffs import repository as handoffs
from backend.jobs import repository as jobs
from backend.jobs.job import TOPIC, Job


class Closing:
    """Handler of `closed` work: one message per person who was e-mailed, but the one who claimed."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def __call__(self, job: Job) -> None:
        """Plan the messages; what they say is decided when they are sent."""
        async with self._db.tenant(job.account_id) as tx:
            row = await handoffs.lock(tx, job.account_id, job.about)
            if row is not None and row.status != "pending":
                for user_id in await mail_repository.to_be_closed(tx, job.account_id, row.id):
                    if user_id != row.claimed_by:
                        await mail_repository.plan_closing(tx, job.account_id, row.id, row.rung, user_id)
            await jobs.finish(tx, job)
        self._db.wakeup.touch(TOPIC)
