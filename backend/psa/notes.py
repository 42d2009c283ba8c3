"""Notes that people write on a session's ticket from FlowPilot."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.contract.psa import NewPsaNote, PsaNote, PsaNotePage
from backend.contract.vocabulary import FirstActionKind
from backend.db.engine import Database
from backend.db.ids import new_id, parse_id
from backend.db.tables import AnyRow
from backend.domain.refusal import Refusal
from backend.domain.text import said
from backend.handoffs.first_action import FirstActionRecorder
from backend.identity.caller import Caller
from backend.jobs import repository as jobs
from backend.jobs.job import TOPIC
from backend.psa import mapping, progress, repository
from backend.psa.systems import SYSTEMS
from backend.psa.wording import LONGEST
from backend.sessions import repository as sessions
from backend.sessions.service import not_found

_ROOM_FOR_NAME = 200


@dataclass(frozen=True, slots=True)
class NoteDesk:
    """Notes of a session: `system` is the PSA that they can be written to now, `paused` while it takes none."""

    system: str | None
    paused: bool
    notes: list[PsaNote]


_FIRST: FirstActionKind = "psa_note"


class PsaNoteService:
    """Notes of the caller's account."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._first_actions = FirstActionRecorder()

    async def write(self, caller: Caller, session_id: str, new: NewPsaNote) -> PsaNote:
        """Plan the note and answer at once; the claimer's first one is their first action.

        Refuses `psa_not_connected`; `invalid_body` for a public note that the account or the caller has not allowed.
        """
        text = said("text", new.text, longest=LONGEST - _ROOM_FOR_NAME)
        async with self._db.tenant(caller.account_id) as tx:
            session = await self._session(tx, caller, session_id)
            caller.require("technician")
            connector = await self._connector(tx, caller, session)
            public = new.visibility == "public"
            if public and not connector.public_notes:
                raise Refusal(
                    "invalid_body", "`visibility`: your account writes internal notes only.", field="visibility"
                )
            if public and not new.confirmed:
                words = "`confirmed`: say that the customer is meant to read this note."
                raise Refusal("invalid_body", words, field="confirmed")
            handoff_id = await self._first_actions.mark(tx, caller, session.id, _FIRST)
            await sessions.touch(tx, caller.account_id, session.id)  # open pages look again
            note_id = new_id()
            await progress.insert(
                tx,
                account=caller.account_id,
                id=note_id,
                connector=connector.id,
                session=session.id,
                handoff=handoff_id,
                author=caller.user_id,
                visibility=new.visibility,
                confirmed_by=caller.user_id if public else None,
                ticket=session.ticket_id,
                data={"text": text, "actor": {"id": str(caller.user_id), "name": caller.name}},
            )
            await jobs.enqueue(
                tx,
                account_id=caller.account_id,
                kind="psa_note",
                key=f"psa_note:{note_id}",
                handoff_id=handoff_id,
                ref=note_id,
            )
            answer = mapping.note(await progress.read(tx, caller.account_id, note_id))
            if handoff_id is not None:
                await self._first_actions.announce(tx, caller, handoff_id, _FIRST)
        self._db.wakeup.touch(TOPIC, session_id, *([str(caller.account_id)] if handoff_id else []))
        return answer

    async def of_session(self, caller: Caller, session_id: str) -> PsaNotePage:
        """All notes on the session's ticket that FlowPilot wrote or is writing, oldest first."""
        async with self._db.tenant(caller.account_id) as tx:
            session = await self._session(tx, caller, session_id)
            rows = await progress.of_session(tx, caller.account_id, session.id)
        return PsaNotePage(items=[mapping.note(row) for row in rows], next_cursor=None)

    async def desk(self, caller: Caller, session_id: str) -> NoteDesk:
        """Where notes of this session go, and those that there are, oldest first."""
        async with self._db.tenant(caller.account_id) as tx:
            session = await self._session(tx, caller, session_id)
            if session.ticket_id is None:
                return NoteDesk(None, paused=False, notes=[])
            row = await repository.for_ticket(tx, caller.account_id, session.ticket_system)
            rows = await progress.of_session(tx, caller.account_id, session.id)
        name = SYSTEMS[row.system].name if row is not None else None
        return NoteDesk(name, paused=bool(row and row.paused_reason), notes=[mapping.note(one) for one in rows])

    @staticmethod
    async def _session(tx: AsyncConnection, caller: Caller, session_id: str) -> AnyRow:
        parsed: UUID | None = parse_id(session_id)
        row = await sessions.session(tx, caller.account_id, parsed) if parsed else None
        if row is None:
            raise not_found()
        return row

    @staticmethod
    async def _connector(tx: AsyncConnection, caller: Caller, session: AnyRow) -> AnyRow:
        if session.ticket_id is None:
            raise Refusal("psa_not_connected", "This session names no ticket.")
        row = await repository.for_ticket(tx, caller.account_id, session.ticket_system)
        if row is None:
            raise Refusal("psa_not_connected", f"{session.ticket_system} is not connected to your account.")
        return row
