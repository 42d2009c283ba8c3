"""SQL of due work."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db.engine import Database
from backend.jobs.job import Job, LeaseLostError

_ENQUEUE = sa.text("select enqueue_job(:account, :kind, :key, :handoff, :ref, :due)")
_HOLD = sa.text("select id from job where account_id = :account and id = :id and lease_no = :lease for update")
_FINISH = sa.text("delete from job where account_id = :account and id = :id and lease_no = :lease")
_AGAIN = sa.text(
    "update job set due_at = :due, attempts = case when :fresh then 0 else attempts end, lease_until = null"
    " where account_id = :account and id = :id and lease_no = :lease"
)


async def enqueue(
    tx: AsyncConnection,
    *,
    account_id: UUID,
    kind: str,
    key: str,
    handoff_id: UUID | None = None,
    ref: UUID | None = None,
    due_at: datetime | None = None,
) -> None:
    """Plan work for `due_at` (now when left out); work that is planned under this key is moved there."""
    values = {"account": account_id, "kind": kind, "key": key, "handoff": handoff_id, "ref": ref, "due": due_at}
    await tx.execute(_ENQUEUE, values)


async def hold(tx: AsyncConnection, job: Job) -> None:
    """Keep others off the work until the transaction ends. Raises LeaseLostError where this worker has it no more."""
    held = await tx.execute(_HOLD, {"account": job.account_id, "id": job.id, "lease": job.lease_no})
    if held.first() is None:
        raise LeaseLostError


async def finish(tx: AsyncConnection, job: Job) -> None:
    """Nothing is left to do. Raises LeaseLostError."""
    done = await tx.execute(_FINISH, {"account": job.account_id, "id": job.id, "lease": job.lease_no})
    if done.rowcount != 1:
        raise LeaseLostError


async def again(tx: AsyncConnection, job: Job, *, due_at: datetime, fresh: bool = False) -> None:
    """Go on at `due_at`; `fresh` forgets the attempts so far, for work that recurs. Raises LeaseLostError."""
    values = {"account": job.account_id, "id": job.id, "lease": job.lease_no, "due": due_at, "fresh": fresh}
    if (await tx.execute(_AGAIN, values)).rowcount != 1:
        raise LeaseLostError


async def take(
    database: Database,
    kinds: Sequence[str],
    limit: int,
    lease_s: float,
    *,
    held: Sequence[UUID] = (),
    each: int | None = None,
) -> list[Job]:
    """Lease up to `limit` due pieces of work, accounts taking turns.

    `held` are the accounts of what the caller is doing already, one for each piece: who holds fewest comes first, and
    nobody gets to hold more than `each`.
    """
    values = (list(kinds), limit, lease_s, list(held), limit if each is None else each)
    rows = await database.call_many("select * from take_jobs($1, $2, $3, $4, $5)", *values)
    return [Job(**row) for row in rows]


async def put_back(database: Database, job: Job, after_s: float) -> None:
    """After a fault: give the lease back, to be taken again in `after_s` seconds by whoever comes."""
    await database.call("select put_back_job($1, $2, $3, $4)", job.account_id, job.id, job.lease_no, after_s)
