"""Server time, and background work whose errors are never lost."""

import asyncio
import logging
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, Final

from desktop.core.ports import Clock

_LOG: Final = logging.getLogger(__name__)


class ServerTime:
    """This computer's clock, corrected by what the server said last."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.offset = timedelta()

    def mono(self) -> float:
        """Monotonic seconds."""
        return self._clock.monotonic()

    def wall(self) -> datetime:
        """The server's UTC time."""
        return self._clock.now() + self.offset


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
