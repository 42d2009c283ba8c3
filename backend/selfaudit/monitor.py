"""What `/metrics` shows of the self-audit: read in the background, so that a scrape never waits for the database."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Final

from backend.db.background import keep_doing
from backend.db.engine import Database
from backend.http.problems import DATABASE_DOWN
from backend.selfaudit.state import TOPIC, State, read_state

log = logging.getLogger(__name__)

READ_EVERY_S: Final = 15.0


class Monitor:
    """The last state that this process has read; None before the first."""

    def __init__(self, database: Database) -> None:
        self.state: State | None = None
        self._db = database
        self._began = time.monotonic()
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._unsubscribe: Callable[[], None] | None = None

    @property
    def up_s(self) -> float:
        """How long this process has been looking, in seconds."""
        return time.monotonic() - self._began

    def start(self) -> None:
        """Begin to read."""
        self._unsubscribe = self._db.wakeup.subscribe(self._heard)
        self._task = asyncio.create_task(
            keep_doing(self._read, what="read what the self-audit found", expected=DATABASE_DOWN), name="monitor"
        )

    async def stop(self) -> None:
        """End it."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def _heard(self, topic: str) -> None:
        if topic == TOPIC:
            self._news.set()

    async def _read(self) -> None:
        self._news.clear()
        self.state = await read_state(self._db)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READ_EVERY_S):
                await self._news.wait()
