"""Who has a session's page open and in sight now. Never in the event log: it is true for a moment only."""

import asyncio
import logging
from uuid import UUID

from backend.contract.people import Person
from backend.db.engine import Database
from backend.db.ids import new_id
from backend.http.problems import DATABASE_DOWN
from backend.identity.caller import Caller
from backend.sessions import mapping, visitors
from backend.sessions.service import session_id_of

log = logging.getLogger(__name__)


class SessionPresence:
    """Pages come and go by their stream; a process that dies takes its pages with it after `visitors.BELIEVED_S`."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._leaving: set[asyncio.Task[None]] = set()

    async def arrive(self, caller: Caller, session_id: str) -> UUID:
        """A page has opened; answers what it leaves by."""
        visit = new_id()
        async with self._db.tenant(caller.account_id) as tx:
            await visitors.arrive(tx, caller.account_id, session_id_of(session_id), caller.user_id, visit)
        self._db.wakeup.touch(session_id)
        return visit

    async def stay(self, caller: Caller, visit: UUID) -> None:
        """It is still open."""
        async with self._db.tenant(caller.account_id) as tx:
            await visitors.stay(tx, caller.account_id, visit)

    def leave(self, caller: Caller, session_id: str, visit: UUID) -> None:
        """It has gone. Carried out beside the caller, whose own task is ending."""
        task = asyncio.get_running_loop().create_task(self._leave(caller, session_id, visit))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _leave(self, caller: Caller, session_id: str, visit: UUID) -> None:
        try:
            async with self._db.tenant(caller.account_id) as tx:
                await visitors.leave(tx, caller.account_id, visit)
        except DATABASE_DOWN as error:
            log.info("a page that was closed counts as open a while longer, the database is away: %s", error)
        else:
            self._db.wakeup.touch(session_id)

    async def stop(self) -> None:
        """Wait for those that are leaving."""
        await asyncio.gather(*self._leaving)

    async def here(self, caller: Caller, session_id: str) -> list[Person]:
        """Everybody else who has the page open, by name."""
        async with self._db.tenant(caller.account_id) as tx:
            rows = await visitors.others(tx, caller.account_id, session_id_of(session_id), caller.user_id)
        return [mapping.known_person(row.id, row.name) for row in rows]
