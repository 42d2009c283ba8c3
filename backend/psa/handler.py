"""Writes one note: the handler of `psa_note` work.

Order. Notes on one ticket are written one after the other; as long as an earlier one has neither been written nor given
up, later ones wait. One connector is asked by one worker at a time (`psa_connector.free_at`), in all processes.

Once. That it is being written stands in the database before it is, so a process that dies leaves a note that is
searched for on the ticket before it is written again (`writing`).
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
from backend.psa import progress, repository, wording
from backend.psa.asking import Asking, asked
from backend.psa.connections import Connections
from backend.psa.port import (
    AwayError,
    Consent,
    InternalNote,
    LeakingError,
    Note,
    Psa,
    PsaError,
    PublicNote,
    RefusedError,
)
from backend.psa.writing import Written, write

log = logging.getLogger(__name__)

_SHORTEST_PAUSE_S: Final = 30.0
_HIDE_AGAIN_S: Final = 5.0
_LONGEST_PAUSE_S: Final = 3_600.0
_LEAKED: Final = {
    "hidden": "customers could read it until it was hidden",
    "removed": "customers could read it until it was taken away",
    "still_public": "customers can still read it, and the PSA refuses to hide it or take it away",
}


@dataclass(frozen=True, slots=True)
class _Turn:
    """A note that is being written now, with its connector as it is now."""

    row: AnyRow
    connector: AnyRow
    text: str
    attempt: int


@dataclass(frozen=True, slots=True)
class _Done:
    """`beside` is what went wrong with status or assignment after the note was written."""

    written: Written
    beside: PsaError | None


class NoteHandler:
    """Callable with a job whose `ref` is the note."""

    def __init__(self, database: Database, connections: Connections, *, public_url: str) -> None:
        self._db = database
        self._connections = connections
        self._public_url = public_url

    async def __call__(self, job: Job) -> None:
        """Write it if its turn has come, and keep what became of it."""
        async with self._db.tenant(job.account_id) as tx:
            turn = await self._begin(tx, job)
        if turn is not None:
            result = await self._write(turn)
            async with self._db.tenant(job.account_id) as tx:
                await self._record(tx, job, turn, result)
            self._db.wakeup.touch(TOPIC)  # the next note of this ticket may be due now

    async def _begin(self, tx: AsyncConnection, job: Job) -> _Turn | None:
        line = await progress.line(tx, job.account_id, job.row)
        await jobs.hold(tx, job)
        if not line or line[-1].id != job.row:
            await jobs.finish(tx, job)  # it has ended
            return None
        row = await progress.read(tx, job.account_id, job.row)
        connector = await repository.connector(tx, job.account_id, row.connector_id)
        if connector is None or not connector.active:
            await self._finish(tx, job, row, "cancelled", error="The connector is switched off")
            return None
        if connector.paused_reason and not row.leaking:  # what customers can read is hidden, paused or not
            remedy = "Check the connector, then replay the note."
            await self._finish(tx, job, row, "failed", error=connector.paused_reason, remedy=remedy)
            return None
        taken = None if len(line) > 1 else await repository.take_turn(tx, job.account_id, connector.id)
        until = line[-2].look_again if len(line) > 1 else taken.free_at if taken else None
        if until is not None:
            await progress.hold(tx, row, until)
            await jobs.again(tx, job, due_at=until)
            return None
        text = row.text or wording.text(row.id, row.kind, row.data, self._public_url)
        return _Turn(row, connector, text, await progress.begin(tx, row, text))

    async def _write(self, turn: _Turn) -> Asking[_Done]:
        """What the account wants of this event: the note, then the change of the ticket."""

        async def do(psa: Psa) -> _Done:
            written: Written | None = None
            if turn.row.kind == "note" or turn.row.kind in turn.connector.notes_on:
                again, leaking = turn.attempt > 1, turn.row.leaking
                written = await write(psa, turn.row.ticket, _note(turn), again=again, leaking=leaking)
            try:
                await _act(psa, turn)
            except PsaError as error:
                if written is None:
                    raise
                return _Done(written, error)
            return _Done(written or Written("", "written"), None)

        return await asked(self._connections, turn.connector, do)

    async def _record(self, tx: AsyncConnection, job: Job, turn: _Turn, result: Asking[_Done]) -> None:
        row, error = turn.row, result.error
        await progress.line(tx, job.account_id, row.id)  # notes are locked before work everywhere
        await jobs.hold(tx, job)
        if result.found is not None:
            await self._written(tx, job, turn, result.found)
        elif isinstance(error, RefusedError):
            await self._finish(tx, job, row, "failed", error=error.text, remedy=error.remedy)
            if error.about == "connector":
                await self._pause(tx, row, f"{error.text} {error.remedy}")
        elif error is not None:
            await self._later(tx, job, row, error)
        await result.give_turn(tx, self._connections, turn.connector)

    async def _written(self, tx: AsyncConnection, job: Job, turn: _Turn, done: _Done) -> None:
        written, error = done.written, done.beside
        beside = f"The note is written, but the ticket was not changed: {error.text}" if error else None
        remedy = error.remedy if isinstance(error, RefusedError) else None
        if not written.leaked:
            await self._finish(tx, job, turn.row, "written", remote=written.note_id, error=beside, remedy=remedy)
            return
        what = _LEAKED[written.outcome]
        remedy = "Look at the ticket, then find the rule of the PSA that shows notes to customers, and switch it off."
        await self._finish(
            tx, job, turn.row, "leaked", remote=written.note_id, error=f"Shown by the PSA: {what}.", remedy=remedy
        )
        why = f"An internal note on ticket {turn.row.ticket} was shown by the PSA: {what}. {remedy}"
        await self._pause(tx, turn.row, why)
        await repository.update(tx, turn.row.account_id, turn.row.connector_id, {"paused_reason": why})

    async def _later(self, tx: AsyncConnection, job: Job, row: AnyRow, error: PsaError) -> None:
        leaking = isinstance(error, LeakingError)
        if row.tried_s >= progress.TRIED_FOR_S:
            state, remedy = "failed", "See that the PSA answers, then replay the note."
            if leaking or row.leaking:
                state, remedy = "leaked", "Hide the note in the PSA by hand: customers may be able to read it."
            await self._finish(tx, job, row, state, error=f"Given up after 24 h. {error.text}", remedy=remedy)
            return
        shortest = _HIDE_AGAIN_S if leaking else _SHORTEST_PAUSE_S
        pause = min(max(shortest, row.tried_s), _LONGEST_PAUSE_S) * random.uniform(1.0, 1.2)  # noqa: S311 - spread
        wait_s = error.wait_s if isinstance(error, AwayError) else None
        due = await progress.again(tx, row, error.text, max(pause, wait_s or 0.0), leaking=leaking)
        await jobs.again(tx, job, due_at=due)
        if leaking:  # said at once, not when hiding has worked or was given up
            trying = f"It could not be hidden yet and is tried again: {error.text}"
            why = f"Customers can read an internal note on ticket {row.ticket}: a rule of the PSA shows it. {trying}"
            await self._pause(tx, row, why)

    async def _finish(
        self,
        tx: AsyncConnection,
        job: Job,
        row: AnyRow,
        state: str,
        *,
        remote: str | None = None,
        error: str | None = None,
        remedy: str | None = None,
    ) -> None:
        await progress.end(tx, row, state, remote=remote, error=error, remedy=remedy)
        await jobs.finish(tx, job)
        await progress.pass_on(tx, row)

    async def _pause(self, tx: AsyncConnection, row: AnyRow, why: str) -> None:
        if await repository.pause(tx, row.account_id, row.connector_id, why):
            log.warning("psa connector %s of account %s is paused: %s", row.connector_id, row.account_id, why)


def _note(turn: _Turn) -> Note:
    """Public only where the account allows it now and a person has confirmed this note."""
    row = turn.row
    marker, title = wording.marker(row.id, row.kind), wording.title(row.kind, row.data)
    if row.visibility != "public":
        return InternalNote(marker, title, turn.text)
    try:
        consent = Consent.given(account_allows=turn.connector.public_notes, confirmed_by=row.confirmed_by)
    except ValueError as error:
        remedy = "Allow public notes in the connector, or write an internal one."
        raise RefusedError("The account does not allow public notes.", remedy=remedy, about="ticket") from error
    return PublicNote(marker, title, turn.text, consent)


async def _act(psa: Psa, turn: _Turn) -> None:
    """Change the ticket as far as the account wants that. Twice does no harm."""
    connector, row = turn.connector, turn.row
    if row.kind == "claimed" and connector.status_on_claim:
        await psa.set_status(row.ticket, connector.status_on_claim)
    if row.kind == "claimed" and connector.assign_on_claim and row.author_email:
        await psa.assign(row.ticket, row.author_email)
    if row.kind == "resolved" and connector.status_on_resolve:
        await psa.set_status(row.ticket, connector.status_on_resolve)
