"""Wipes one-view secrets whose time is over."""

import asyncio
from typing import Final

from backend.db.engine import Database
from backend.onetime import repository

_LOOK_EVERY_S: Final = 300.0


class SecretKeeper:
    """A worker's chore."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def keep(self) -> None:
        """One look, then five minutes' rest; a worker does it as long as it runs."""
        await self.look()
        await asyncio.sleep(_LOOK_EVERY_S)

    async def look(self) -> None:
        """Wipe what has expired in any account."""
        for row in await self._db.call_many("select * from audit_accounts(null, null)"):
            async with self._db.tenant(row[0]) as tx:
                await repository.forget_expired(tx, row[0])
