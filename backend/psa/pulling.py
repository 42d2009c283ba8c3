"""Fetches what a session's ticket says: the handler of `psa_pull` work, planned when a session with a ticket is opened.

What a person has written stays. An empty customer is filled in, and so are a title and a problem that say no more than
which ticket it is; summary and description of the ticket become facts, so that a snapshot has them. Customers write
passwords into tickets: those are taken out like those that people here write.
"""

import logging
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db import tables as t
from backend.db.engine import Database
from backend.db.ids import new_id
from backend.db.tables import AnyRow
from backend.domain.secrets import redact
from backend.handoffs import repository as handoffs
from backend.jobs import repository as jobs
from backend.jobs.job import Job
from backend.psa import repository
from backend.psa.asking import Asking, asked
from backend.psa.connections import Connections
from backend.psa.port import AwayError, Psa, RefusedError, Ticket
from backend.sessions import repository as sessions

log = logging.getLogger(__name__)

TRIED_FOR: Final = timedelta(minutes=10)
_PAUSE: Final = timedelta(seconds=30)
_LONGEST: Final = {"title": 200, "customer": 120, "description": 8_000}
_HANDOFFS = sa.text(
    "select id, status in ('pending', 'claimed') as open from handoff"
    " where account_id = :account and session_id = :session order by id for no key update"
)
_FILL = sa.text(
    "update ai_session set customer = coalesce(customer, :customer), ticket_url = coalesce(ticket_url, :url),"
    " title = case when lower(title) in (:bare, 'ticket ' || :bare, 'ticket #' || :bare) then :title else title end,"
    " problem = case when lower(problem) in (:bare, 'ticket ' || :bare, 'ticket #' || :bare)"
    "  then coalesce(:description, problem) else problem end"
    " where account_id = :account and id = :session"
).bindparams(
    sa.bindparam("customer", type_=sa.Text),
    sa.bindparam("url", type_=sa.Text),
    sa.bindparam("bare", type_=sa.Text),
    sa.bindparam("title", type_=sa.Text),
    sa.bindparam("description", type_=sa.Text),
)


class PullHandler:
    """Callable with a job whose `ref` is the session."""

    def __init__(self, database: Database, connections: Connections) -> None:
        self._db = database
        self._connections = connections

    async def __call__(self, job: Job) -> None:
        """Fetch and fill in; give up ten minutes after the session was opened."""
        async with self._db.tenant(job.account_id) as tx:
            session = await sessions.session(tx, job.account_id, job.row)
            await jobs.hold(tx, job)
            found = session and await repository.for_ticket(tx, job.account_id, session.ticket_system or "")
            if not session or not found or found.paused_reason or not found.pull_tickets:
                await jobs.finish(tx, job)
                return
            if (busy := await repository.take_turn(tx, job.account_id, found.id)) is not None:
                await self._later(tx, job, session, busy.free_at)
                return

        async def get(psa: Psa) -> Ticket:
            return await psa.get_ticket(session.ticket_id)

        answer = await asked(self._connections, found, get)
        async with self._db.tenant(job.account_id) as tx:
            await self._record(tx, job, session, answer)
            await answer.give_turn(tx, self._connections, found)
        self._db.wakeup.touch(str(session.id), str(job.account_id))

    async def _record(self, tx: AsyncConnection, job: Job, session: AnyRow, answer: Asking[Ticket]) -> None:
        if isinstance(answer.error, AwayError):
            await self._later(tx, job, session, datetime.now(UTC) + _PAUSE)
            return
        if answer.found is not None:
            of_session = (await tx.execute(_HANDOFFS, {"account": job.account_id, "session": session.id})).all()
            await _fill(tx, session, answer.found)
            await jobs.finish(tx, job)
            for waiting in (one.id for one in of_session if one.open):  # its card shows the customer
                await handoffs.changed(tx, job.account_id, waiting, "updated", None, "ticket")
            return
        if isinstance(answer.error, RefusedError) and answer.error.about == "ticket":
            await _facts(tx, job.account_id, session.id, [("Ticket", f"Not read: {answer.error.text}")])
        await jobs.finish(tx, job)

    async def _later(self, tx: AsyncConnection, job: Job, session: AnyRow, due: datetime) -> None:
        if due > session.created_at + TRIED_FOR:
            log.info("the ticket of session %s was not fetched: its PSA did not answer in time", session.id)
            await jobs.finish(tx, job)
        else:
            await jobs.again(tx, job, due_at=due)


async def _fill(tx: AsyncConnection, session: AnyRow, ticket: Ticket) -> None:
    title, customer = _safe("title", ticket.title), _safe("customer", ticket.customer) or None
    description = _safe("description", ticket.description) or None
    summary = f"{title} ({ticket.status})" if ticket.status else title
    facts = [("Ticket", summary)]
    if customer and session.customer and session.customer.casefold() != customer.casefold():
        facts.append(("Customer of the ticket", customer))
    if description:
        facts.append(("Description of the ticket", description))
    if not await _facts(tx, session.account_id, session.id, facts):
        return
    values = {"customer": customer, "url": ticket.url, "title": title, "description": description}
    where = {"account": session.account_id, "session": session.id, "bare": session.ticket_id.lower()}
    await tx.execute(_FILL, {**values, **where})


def _safe(name: str, text: str | None) -> str:
    """Without secrets, then cut: one that the cut goes through is still known as one."""
    longest = _LONGEST[name]
    return redact((text or "")[: 2 * longest]).text[:longest]


async def _facts(tx: AsyncConnection, account_id: UUID, session_id: UUID, facts: list[tuple[str, str]]) -> bool:
    """False when the session has ended meanwhile: nothing is added then."""
    state = await sessions.touch(tx, account_id, session_id)
    if state is None or state.status == "resolved":
        return False
    for label, value in facts:
        await sessions.insert_entry(
            tx,
            t.fact,
            account_id=account_id,
            id=new_id(),
            session_id=session_id,
            author_id=None,
            version=state.version,
            label=label,
            value=value,
        )
    return True
