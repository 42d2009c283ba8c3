"""The auditor: each minute one worker of the installation looks whether what was promised is being kept.

It is a piece of recurring work like any other: a lease makes it one at a time, and when its worker dies another takes
it over. That nobody does it at all shows in the age of the last run.
"""

import logging
import time
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from backend.db.engine import Database
from backend.jobs import repository as jobs
from backend.jobs.job import TOPIC, Job
from backend.selfaudit import repository
from backend.selfaudit.findings import figures, findings, tallied
from backend.selfaudit.house import HOUSE
from backend.selfaudit.state import AUDIT_EVERY_S, Finding, canary_fault, read_state
from backend.selfaudit.state import TOPIC as NEWS

log = logging.getLogger(__name__)

_ACCOUNTS_AT_ONCE: Final = 100
_MENDED: Final = frozenset({"no_step", "no_idle"})


class Auditor:
    """Handler of `audit` work. `canary_every_s` says whether a canary is to be expected; 0 is none."""

    def __init__(self, database: Database, *, canary_every_s: float) -> None:
        self._db = database
        self._canary_every_s = canary_every_s

    async def __call__(self, job: Job) -> None:
        """Look, keep what was found, say what is new."""
        began = time.monotonic()
        rows, number = await self._look()
        tallies = tallied(rows)
        state = await read_state(self._db)
        measured = figures(
            tallies,
            accounts=number,
            oldest_due_s=await repository.oldest_due_s(self._db),
            clock_s=state.clock_s,
        )
        async with self._db.tenant(HOUSE) as tx:
            now = await repository.now(tx)
            found = findings(tallies, now=now, clock_s=state.clock_s, canary=canary_fault(state, self._canary_every_s))
            measured["took_s"] = time.monotonic() - began
            said = await repository.keep(tx, measured, found, now.timestamp())
            await jobs.again(tx, job, due_at=now + timedelta(seconds=AUDIT_EVERY_S), fresh=True)
        self._db.wakeup.touch(NEWS, *((TOPIC,) if _MENDED & tallies.keys() else ()))
        _say(said)

    async def _look(self) -> tuple[list[Any], int]:
        """All customers' accounts, some at a time so that no statement takes long."""
        rows: list[Any] = []
        number = 0
        last: UUID | None = None
        while some := await repository.accounts(self._db, last, _ACCOUNTS_AT_ONCE):
            rows += await repository.look(self._db, some)
            number += len(some)
            last = some[-1]
        return rows, number


def _say(said: list[Finding]) -> None:
    for one in said:
        log.log(logging.ERROR if one.level == "error" else logging.WARNING, "%s. To mend it: %s", one.text, one.mend)
