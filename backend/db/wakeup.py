"""Hints that something new can be read: in this process at once, in the others over a line after the commit.

A hint may be lost at any time; every reader also looks by itself (the feed every two seconds). NOTIFY inside the
writing transaction would serialise all commits of the database behind one lock, so hints are gathered and sent by a
connection of their own.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from backend.db.background import keep_doing
from backend.db.hint_line import Line, LineLostError, Wire

log = logging.getLogger(__name__)

EVERYONE: Final = "*"
"""Topic that wakes every reader: told to ourselves after the line was away, and to the others where hints were lost."""

_GATHER_S = 0.01
"""A lone hint goes at once; while more keep coming, those of this long go together."""
_CHECK_S = 10.0
_RETRY_S = 2.0
_REMIND_S = 300.0
_MAX_PAYLOAD = 7_000  # NOTIFY refuses 8,000 bytes and more


@dataclass(slots=True)
class HintFigures:
    """What `/metrics` tells: whether the line works, and topics told to, heard from and not told to other processes."""

    up: bool = False
    told: int = 0
    heard: int = 0
    lost: int = 0


class Wakeup:
    """Topics are short strings: an account's id for its event log, a session's id for its chat."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.figures = HintFigures()
        self._listeners: list[Callable[[str], None]] = []
        self._pending: set[str] = set()
        self._some = asyncio.Event()
        self._me = uuid4().hex[:12]
        self._task: asyncio.Task[None] | None = None
        self._complained: float | None = None

    def subscribe(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Call `listener(topic)` for each hint, in the event loop; answers what ends the subscription."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def touch(self, *topics: str) -> None:
        """Tell readers here and elsewhere. Call it after the commit; never fails."""
        for topic in topics:
            self._tell(topic)
        if self.figures.up:
            self._pending.update(topics)
        else:
            self._lose(len(topics))
        self._some.set()

    def here(self, topic: str) -> None:
        """Tell readers of this process only: for what changes many times a second, such as a reply that is written."""
        self._tell(topic)

    def start(self) -> None:
        """Begin to send and to listen."""
        self._task = asyncio.create_task(
            keep_doing(self._run, what="exchange hints between processes", expected=(), pause_s=_RETRY_S),
            name="wakeup",
        )

    async def stop(self) -> None:
        """End both; hints not yet sent are lost, which readers can bear."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def _tell(self, topic: str) -> None:
        for listener in tuple(self._listeners):
            listener(topic)

    def _lose(self, topics: int) -> None:
        """Nothing is kept for a line that is away: when it is back, one word for all makes up for any number."""
        self.figures.lost += topics
        if topics:
            self._pending = {EVERYONE}

    def _heard(self, payload: str) -> None:
        sender, _, topics = payload.partition("|")
        if sender != self._me:
            for topic in topics.split(","):
                self.figures.heard += 1
                self._tell(topic)

    async def _run(self) -> None:
        """One connection's life, or one attempt."""
        try:
            async with self.line.connected(self._heard, self._some.set) as wire:
                self.figures.up = True
                if self._complained is not None:
                    log.info("hints between processes go over %s again", self.line.where)
                    self._complained = None
                self._tell(EVERYONE)
                await self._serve(wire)
        except LineLostError as error:
            self._complain(error)
        finally:
            self.figures.up = False
            self._lose(len(self._pending - {EVERYONE}))
        await asyncio.sleep(_RETRY_S * random.uniform(0.5, 1.5))  # noqa: S311 - not everyone at the same moment

    def _complain(self, error: LineLostError) -> None:
        now = time.monotonic()
        if self._complained is None or now - self._complained > _REMIND_S:
            self._complained = now
            log.warning(
                "hints between processes are lost, %s does not work: %s. Readers look by themselves every two seconds",
                self.line.where,
                error,
            )

    async def _serve(self, wire: Wire) -> None:
        sent_at = float("-inf")
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CHECK_S):
                    await self._some.wait()
            self._some.clear()
            if not self._pending:  # quiet for long, or the line stirred
                await wire.check()
                continue
            await asyncio.sleep(max(sent_at + _GATHER_S - time.monotonic(), 0))
            sent_at = time.monotonic()
            topics, self._pending = sorted(self._pending), set()
            try:
                for payload in _payloads(self._me, topics):
                    await wire.send(payload)
            except Exception:
                self._lose(len(topics))
                raise
            self.figures.told += len(topics)


def _payloads(sender: str, topics: list[str]) -> list[str]:
    """As few notifications as fit the size limit."""
    payloads: list[str] = []
    current = ""
    for topic in topics:
        if current and len(current) + len(topic) + 1 > _MAX_PAYLOAD:
            payloads.append(f"{sender}|{current}")
            current = ""
        current = f"{current},{topic}" if current else topic
    if current:
        payloads.append(f"{sender}|{current}")
    return payloads
