"""The canary: every minute an escalation of our own goes the whole way, and says where the way is broken.

It is recurring work, done by one worker at a time. Each run first takes away what earlier ones left, so that a run that
was cut off leaves nothing for long.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db.engine import Database
from backend.db.ids import new_id
from backend.identity.credentials import TOKEN_PREFIX, digest, new_secret
from backend.identity.repository import insert_token
from backend.jobs import repository as jobs
from backend.jobs.job import Job
from backend.selfaudit import repository
from backend.selfaudit.house import HOUSE, JUNIOR, SENIOR
from backend.selfaudit.journey import Journey, JourneyError
from backend.selfaudit.state import TOPIC as NEWS
from backend.settings import Settings

log = logging.getLogger(__name__)

WHOLE_S: Final = 40.0
_SECOND_TRY: Final = timedelta(seconds=5)
_TOKEN_LIFE: Final = timedelta(minutes=2)


def canary_address(settings: Settings) -> str | None:
    """Where this process's canary goes: its own server, else the public address. None: it has none, or is not to."""
    if settings.canary_every_s <= 0:
        return None
    return settings.served_at or (settings.public_url if settings.public_url_given else None)


class Canary:
    """Handler of `canary` work."""

    def __init__(self, database: Database, address: str, *, every_s: float) -> None:
        self._db = database
        self._address = address
        self._every_s = every_s

    async def __call__(self, job: Job) -> None:
        """One run, and the next one planned."""
        run_id = new_id()
        async with self._db.tenant(HOUSE) as tx:
            before = await repository.last_canary_stage(tx)
            due_at = await repository.now(tx) + timedelta(seconds=self._every_s)
            await repository.begin_canary(tx, run_id)
            journey = Journey(
                self._address, junior_token=await _token(tx, JUNIOR), senior_token=await _token(tx, SENIOR)
            )
        began = time.monotonic()
        failed = await _run(journey)
        if failed is not None and failed.passing and job.attempts == 1:
            log.info("the canary escalation is sent again after “%s”: %s", failed.stage, failed.reason)
            async with self._db.tenant(HOUSE) as tx:
                await jobs.again(tx, job, due_at=await repository.now(tx) + _SECOND_TRY)
            return
        seconds = {**journey.seconds, "total": time.monotonic() - began}
        stage, reason = (failed.stage, failed.reason) if failed else (None, None)
        async with self._db.tenant(HOUSE) as tx:
            await repository.end_canary(tx, run_id, ok=failed is None, stage=stage, error=reason, seconds=seconds)
            await jobs.again(tx, job, due_at=due_at, fresh=True)
        self._db.wakeup.touch(NEWS)
        if failed is not None and stage != before:  # as long as it stays so, the audit says it again now and then
            log.error("the canary escalation fails at “%s” on %s: %s", stage, self._address, reason)
        elif before is not None and failed is None:
            log.warning("the canary escalation goes through again; it had failed at “%s”", before)


async def _run(journey: Journey) -> JourneyError | None:
    try:
        async with asyncio.timeout(WHOLE_S):
            await journey.go()
    except JourneyError as error:
        return error
    except TimeoutError:
        return JourneyError("whole way", f"not through within {WHOLE_S:.0f} s")
    return None


async def _token(tx: AsyncConnection, user_id: UUID) -> str:
    token = new_secret(TOKEN_PREFIX)
    await insert_token(
        tx,
        account_id=HOUSE,
        token_id=new_id(),
        user_id=user_id,
        token_hash=digest(token),
        label="canary",
        expires_at=datetime.now(UTC) + _TOKEN_LIFE,
    )
    return token
