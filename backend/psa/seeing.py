"""Looks for a note that the claimer has written in the PSA itself: the handler of `psa_seen` work.

A PSA's webhook only says that there is something to see; what counts is what the ticket says. A note is the claimer's
when the member who wrote it has the claimer's address, and it counts when it is younger than the claim.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db.engine import Database
from backend.db.tables import AnyRow
from backend.handoffs import repository as handoffs
from backend.jobs import repository as jobs
from backend.jobs.job import Job
from backend.psa import repository
from backend.psa.asking import asked
from backend.psa.connections import Connections
from backend.psa.port import AwayError, Psa, RemoteNote
from backend.psa.wording import MARKER_BEGINS

_PAUSE: Final = timedelta(seconds=30)
_MOST_TRIES: Final = 10
_LOOK = sa.text(
    "select h.id, h.account_id, h.session_id, h.claimed_by, h.claimed_at, u.email, s.ticket_id"
    " from handoff h join app_user u on u.account_id = h.account_id and u.id = h.claimed_by"
    " join ai_session s on s.account_id = h.account_id and s.id = h.session_id"
    " where h.account_id = :account and h.id = :handoff and h.status = 'claimed' and h.first_action_at is null"
)


class SeenHandler:
    """Callable with a job about a handoff, whose `ref` is the connector."""

    def __init__(self, database: Database, connections: Connections) -> None:
        self._db = database
        self._connections = connections

    async def __call__(self, job: Job) -> None:
        """Look once; again for some minutes while the PSA is away."""
        async with self._db.tenant(job.account_id) as tx:
            await jobs.hold(tx, job)
            values = {"account": job.account_id, "handoff": job.about}
            claim = (await tx.execute(_LOOK, values)).one_or_none()
            connector = await repository.connector(tx, job.account_id, job.row)
            if claim is None or connector is None or not connector.active:
                await jobs.finish(tx, job)
                return
            if (busy := await repository.take_turn(tx, job.account_id, connector.id)) is not None:
                await jobs.again(tx, job, due_at=busy.free_at, fresh=True)
                return

        async def look(psa: Psa) -> RemoteNote | bool:
            return await _first_of(psa, claim) or False

        answer = await asked(self._connections, connector, look)
        async with self._db.tenant(job.account_id) as tx:
            await handoffs.lock(tx, job.account_id, job.about)
            await jobs.hold(tx, job)
            if isinstance(answer.error, AwayError) and job.attempts < _MOST_TRIES:
                await jobs.again(tx, job, due_at=datetime.now(UTC) + _PAUSE)
            else:
                await jobs.finish(tx, job)
            await answer.give_turn(tx, self._connections, connector)
            if isinstance(answer.found, RemoteNote):
                await _count(tx, claim, answer.found)
        self._db.wakeup.touch(str(job.account_id), str(claim.session_id))


async def _first_of(psa: Psa, claim: AnyRow) -> RemoteNote | None:
    """The claimer's first note after the claim; PSAs tell times to the second."""
    since = claim.claimed_at.replace(microsecond=0)
    theirs: dict[str, bool] = {}
    for note in reversed(await psa.notes(claim.ticket_id)):
        if note.author is None or note.at is None or note.at < since or MARKER_BEGINS in note.text:
            continue
        if note.author not in theirs:
            email = await psa.member_email(note.author)
            theirs[note.author] = email is not None and email.casefold() == claim.email.casefold()
        if theirs[note.author]:
            return note
    return None


async def _count(tx: AsyncConnection, claim: AnyRow, note: RemoteNote) -> None:
    """The first action was when the note was written, not when we heard of it."""
    where = (claim.account_id, claim.session_id, claim.claimed_by)
    counted = await handoffs.mark_first_action(tx, *where, "psa_note")
    if counted is None:
        return  # they have acted here meanwhile, or hold it no more
    at = min(max(note.at or datetime.now(UTC), claim.claimed_at), datetime.now(UTC))
    await handoffs.update(tx, claim.account_id, counted, first_action_at=at)
    await handoffs.announce_first_action(tx, claim.account_id, counted, claim.claimed_by, "psa_note")
