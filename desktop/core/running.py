"""Server time, and background work whose errors are never lost."""

import asyncio
import logging
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, Final

from desktop.core.ports import Clock

_LOG: Final = logging.getLogger(__name__)


class ServerTime:
    """What time it is at the server: its own word at the last greeting, and what has passed since, sleep included.

    Setting this computer's clock, by hand or by a time service, moves nothing. Before the first greeting its clock is
    all there is.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said: tuple[datetime, float] | None = None

    def is_now(self, server_time: datetime) -> None:
        """The server has said so."""
        self._said = server_time, self._clock.elapsed()

    def mono(self) -> float:
        """Monotonic seconds."""
        return self._clock.monotonic()

    def wall(self) -> datetime:
        """The server's UTC time."""
        if self._said is None:
            return self._clock.now()
        at, then = self._said
        return at + timedelta(seconds=self._clock.elapsed() - then)

    @property
    def offset(self) -> timedelta:
        """How far the server is ahead of this computer's clock, to half a second: it is drawn, and must not tremble."""
        ahead = (self.wall() - self._clock.now()).total_seconds()
        return timedelta(seconds=round(ahead * 2) / 2)


class Tasks:
    """Tasks that run beside: kept until they end, their errors logged, all cancelled at the end."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def stop(self) -> None:
        """Cancel what still runs and wait for it."""
        running = list(self._tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (exc := task.exception()) is not None:
            _LOG.error("background work failed", exc_info=exc)
