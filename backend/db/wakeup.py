"""Hints that something new can be read: in this process at once, in the others by NOTIFY after the commit.

A hint may be lost at any time; every reader also looks by itself (the feed every two seconds). NOTIFY inside the
writing transaction would serialise all commits of the database behind one lock, so hints are gathered and sent by a
connection of their own.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Final
from uuid import uuid4

import asyncpg

from backend.db.background import keep_doing

CHANNEL: Final = "flowpilot_hint"
EVERYONE: Final = "*"
"""Topic that wakes every reader: sent to ourselves after the listening connection was away."""

_GATHER_S = 0.005
_CHECK_S = 10.0
_RETRY_S = 2.0
_AWAY: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
_MAX_PAYLOAD = 7_000  # NOTIFY refuses 8,000 bytes and more


class Wakeup:
    """Topics are short strings: an account's id for its event log, a session's id for its chat."""

    def __init__(self, url: str, server_settings: Mapping[str, str]) -> None:
        self._url = url
        self._settings = dict(server_settings)
        self._listeners: list[Callable[[str], None]] = []
        self._pending: set[str] = set()
        self._some = asyncio.Event()
        self._me = uuid4().hex[:12]
        self._task: asyncio.Task[None] | None = None

    def subscribe(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Call `listener(topic)` for each hint, in the event loop; answers what ends the subscription."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def touch(self, *topics: str) -> None:
        """Tell readers here and elsewhere. Call it after the commit; never fails."""
        for topic in topics:
            self._tell(topic)
        self._pending.update(topics)
        self._some.set()

    def here(self, topic: str) -> None:
        """Tell readers of this process only: for what changes many times a second, such as a reply that is written."""
        self._tell(topic)

    def start(self) -> None:
        """Begin to send and to listen."""
        self._task = asyncio.create_task(
            keep_doing(self._run, what="exchange hints between processes", expected=_AWAY, pause_s=_RETRY_S),
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

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        sender, _, topics = str(payload).partition("|")
        if sender != self._me:
            for topic in topics.split(","):
                self._tell(topic)

    async def _run(self) -> None:
        connection = await asyncpg.connect(self._url, server_settings=self._settings, timeout=10)
        try:
            await connection.add_listener(CHANNEL, self._heard)
            self._tell(EVERYONE)
            await self._serve(connection)
        finally:
            connection.terminate()

    async def _serve(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        while True:
            try:
                async with asyncio.timeout(_CHECK_S):
                    await self._some.wait()
            except TimeoutError:
                await connection.fetchval("select 1", timeout=5)  # notices a dead link
                continue
            await asyncio.sleep(_GATHER_S)
            self._some.clear()
            topics, self._pending = sorted(self._pending), set()
            for payload in _payloads(self._me, topics):
                await connection.execute("select pg_notify($1, $2)", CHANNEL, payload, timeout=5)


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
