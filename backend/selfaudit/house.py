"""The installation's own account: the audit's work and records, and the two people of the canary."""

import asyncio
from typing import Final
from uuid import UUID

from backend.db.engine import Database
from backend.db.ids import HOUSE_ACCOUNT
from backend.jobs.job import TOPIC

HOUSE: Final = HOUSE_ACCOUNT
"""No customer: it stands in no count, and nothing is mailed to its people."""

JUNIOR: Final = UUID("00000000-0000-7000-8000-00000000ca01")
SENIOR: Final = UUID("00000000-0000-7000-8000-00000000ca02")
_LOOK_EVERY_S: Final = 60.0


class House:
    """Sees that the account, its people and its recurring work are there."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def keep(self) -> None:
        """One look, then a minute's rest; a worker does it as long as it runs."""
        await self._db.call("select house_keep()")
        self._db.wakeup.touch(TOPIC)
        await asyncio.sleep(_LOOK_EVERY_S)
