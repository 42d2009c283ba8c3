"""Takes away what an account no longer keeps, a little at a time: a worker's chore."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from backend.contract.handoffs import Snapshot
from backend.contract.people import Person
from backend.db.engine import Database
from backend.db.ids import HOUSE_ACCOUNT
from backend.handoffs.snapshot import packed

log = logging.getLogger(__name__)

BATCH: Final = 50
"""Sessions at once: a transaction of some milliseconds, with the locks of hand-offs that are over."""
LOG_BATCH: Final = 1_000
_LOOK_EVERY_S: Final = 3_600.0
_REST_S: Final = 0.2


def nothing_kept() -> bytes:
    """The snapshot of an escalation whose text is no longer kept."""
    return packed(
        Snapshot(
            taken_at=datetime.fromtimestamp(0, UTC),
            title="No longer kept",
            problem="",
            customer=None,
            ticket=None,
            owner=Person(id=str(UUID(int=0)), name=""),
            messages=[],
            facts=[],
            steps=[],
            message_count=0,
        )
    )


class RetentionKeeper:
    """Looks once an hour, works until nothing is left, rests between batches so that nobody waits for it."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def keep(self) -> None:
        """One look, then an hour's rest; a worker does it as long as it runs."""
        await self.look()
        await asyncio.sleep(_LOOK_EVERY_S)

    async def look(self) -> None:
        """Empty and trim what is over its time, in any account."""
        for row in await self._db.call_many("select * from audit_accounts(null, null)"):
            if row[0] != HOUSE_ACCOUNT:
                await self._account(row[0])

    async def _account(self, account_id: UUID) -> None:
        empty = nothing_kept()
        steps = (
            ("sessions emptied", BATCH, "select empty_sessions($1, $2, $3)", (empty,)),
            ("event log entries removed", LOG_BATCH, "select trim_events($1, $2)", ()),
            ("delivery records removed", LOG_BATCH, "select trim_deliveries($1, $2)", ()),
        )
        for what, batch, statement, more in steps:
            count = 0
            while found := await self._db.pool.fetchval(statement, account_id, batch, *more):
                count += found
                await asyncio.sleep(_REST_S)
            if count:
                log.info("account %s: %s %s, past the time that it keeps them", account_id, count, what)
