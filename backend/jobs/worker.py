"""The worker: takes due work, lane by lane, and sees that nothing is lost when it goes wrong.

A lane is a set of kinds with its own number of places, so that a mail server that does not answer never keeps the
escalation policy from going on. One account never has all places of a lane, and the next free place goes to whoever
holds fewest. Any number of workers may run beside each other.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from backend.db.background import keep_doing
from backend.db.engine import Database
from backend.db.wakeup import EVERYONE
from backend.jobs import repository
from backend.jobs.job import TOPIC, Handler, Job, LeaseLostError

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0
_GIVE_BACK_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Kinds that share `places`; a piece of work must be done within `lease_s` seconds, or another takes it over.

    `most` is how many places one account may hold, three quarters where nothing is said: work of one account that
    stands still (a receiver that hangs) leaves room for everybody else's.
    """

    name: str
    handlers: Mapping[str, Handler]
    places: int
    lease_s: float
    most: int | None = None

    @property
    def each(self) -> int:
        """Places that one account may hold at once."""
        return self.most or max(1, self.places * 3 // 4)


class Worker:
    """Runs the lanes until stopped. `away` are the exceptions of a database that does not answer.

    `chores` are what every worker does beside them, again and again, by what it completes "cannot …".
    """

    def __init__(
        self,
        database: Database,
        lanes: Sequence[Lane],
        *,
        away: tuple[type[Exception], ...],
        chores: Mapping[str, Callable[[], Awaitable[None]]] | None = None,
    ) -> None:
        self._db = database
        self._lanes = lanes
        self._away = away
        self._chores = chores or {}
        self._tasks: list[asyncio.Task[None]] = []
        self._runs: list[_LaneRun] = []
        self._wake = {lane.name: asyncio.Event() for lane in lanes}
        self._unsubscribe: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin to look for due work."""
        self._unsubscribe = self._db.wakeup.subscribe(self._heard)
        for what, chore in self._chores.items():
            self._tasks.append(asyncio.create_task(keep_doing(chore, what=what, expected=self._away), name=what))
        for lane in self._lanes:
            run = _LaneRun(self._db, lane, self._wake[lane.name], self._away)
            what = f"look for due work ({lane.name})"
            task = asyncio.create_task(keep_doing(run.step, what=what, expected=self._away), name=f"lane-{lane.name}")
            self._runs.append(run)
            self._tasks.append(task)

    async def stop(self) -> None:
        """End at once. The leases of what was under way are given back, for another worker or after a restart.

        May be called again. What was under way has been told when this first waits for anything.
        """
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        for task in self._tasks:
            task.cancel()
        for run in self._runs:
            run.end()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for run in self._runs:
            await run.abandon()

    def _heard(self, topic: str) -> None:
        if topic in {TOPIC, EVERYONE}:
            for event in self._wake.values():
                event.set()


class _LaneRun:
    """One lane's places and what stands in them."""

    def __init__(self, database: Database, lane: Lane, wake: asyncio.Event, away: tuple[type[Exception], ...]) -> None:
        self._db = database
        self._lane = lane
        self._wake = wake
        self._away = away
        self._running: dict[asyncio.Task[None], UUID] = {}
        self._ended = False

    async def step(self) -> None:
        """Fill the free places, then wait for an occasion: a hint, a place that gets free, a second gone by."""
        self._wake.clear()
        free = self._lane.places - len(self._running)
        taken = await self._take(free) if free else []
        for job in taken:
            task = asyncio.create_task(self._work(job), name=f"{job.kind} {job.id}")
            self._running[task] = job.account_id
            task.add_done_callback(self._free)
        if len(taken) == free and free:
            return  # there may be more
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._wake.wait()

    async def _take(self, free: int) -> list[Job]:
        lane, held = self._lane, list(self._running.values())
        return await repository.take(self._db, tuple(lane.handlers), free, lane.lease_s, held=held, each=lane.each)

    def end(self) -> None:
        """Tell what is under way to end; once, since a second word would cut off the giving back."""
        if not self._ended:
            self._ended = True
            for task in self._running:
                task.cancel()

    async def abandon(self) -> None:
        """Until all has ended; its leases are given back as far as the database answers."""
        self.end()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _free(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        self._wake.set()

    async def _work(self, job: Job) -> None:
        try:
            await self._lane.handlers[job.kind](job)
        except asyncio.CancelledError:
            await self._put_back(job, 0)
            raise
        except LeaseLostError:
            log.info("%s work was taken over by another worker or asked for anew", job.kind)
        except Exception as error:
            # A value that the driver cannot send is among the errors of a database that is away, and a fault of ours.
            if isinstance(error, self._away) and not isinstance(error, ValueError):
                log.warning("%s work waits for the database: %s", job.kind, str(error) or type(error).__name__)
            else:
                log.exception("a fault in %s work of hand-off %s, attempt %d", job.kind, job.handoff_id, job.attempts)
            pause = min(_LONGEST_PAUSE_S, 2.0 ** min(job.attempts, 6)) * random.uniform(0.5, 1.0)  # noqa: S311 - spread
            await self._put_back(job, pause)

    async def _put_back(self, job: Job, after_s: float) -> None:
        with contextlib.suppress(TimeoutError, *self._away):  # the lease runs out by itself then
            async with asyncio.timeout(_GIVE_BACK_S):
                await repository.put_back(self._db, job, after_s)
