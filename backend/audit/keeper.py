"""Keeps the audit log: seals what has been written, anchors each chain once a day outside the database."""

import asyncio
from pathlib import Path
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from backend.audit import anchors
from backend.db.engine import Database

SEAL_EVERY_S: Final = 5.0
BATCH: Final = 1_000
"""What one call of `audit_seal` takes at most."""


async def seal(database: Database, account_id: UUID) -> None:
    """Seal what this account has written so far."""
    while (await database.pool.fetchval("select audit_seal($1)", account_id)) >= BATCH:
        pass


class AuditKeeper:
    """A worker's chore."""

    def __init__(self, database: Database, data_dir: Path) -> None:
        self._db = database
        self._data_dir = data_dir

    async def keep(self) -> None:
        """One look, then some seconds' rest; a worker does it as long as it runs."""
        await self.look()
        await asyncio.sleep(SEAL_EVERY_S)

    async def look(self) -> None:
        """Seal what waits in any account, and write the day's anchors."""
        for row in await self._db.call_many("select audit_behind()"):
            await seal(self._db, row[0])
        await self.anchor()

    async def anchor(self) -> None:
        """Write today's anchors, each once, whichever of several workers comes first."""
        async with self._db.before_account() as tx:
            rows = (await tx.execute(sa.text("select * from audit_anchor()"))).all()
            # Before the commit: an anchor that could not be written is asked for again.
            found = [anchors.Anchor(row.account_id, row.no, bytes(row.hash)) for row in rows]
            await asyncio.to_thread(anchors.write, self._data_dir, found)
