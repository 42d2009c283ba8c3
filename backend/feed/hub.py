"""One reader of each account's log per process; every socket and long poll is a cursor on it.

Nothing is queued per socket, so nothing can overflow or be dropped: a reader that is woken asks for what follows its
own position, from the last couple of hundred events in memory or from the database.
"""

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from backend.db.background import keep_doing
from backend.db.engine import Database
from backend.db.wakeup import EVERYONE
from backend.feed.log import LogEntry, LogPosition, read_after, read_position
from backend.http.problems import DATABASE_DOWN

RING: Final = 200
REPLAY_LIMIT: Final = 500
"""Further behind than this, a client fetches the queue instead of replaying."""
CHECK_S: Final = 2.0
"""Hints may be lost; this often the positions of all connected accounts are compared."""


@dataclass(frozen=True, slots=True)
class TooFar:
    """The log cannot serve the position: trimmed, too far behind, ahead of the server, or another epoch."""

    reason: str
    position: LogPosition


def _unservable(seq: int, epoch: str | None, position: LogPosition) -> str | None:
    """Why the log cannot serve a position, or None when it can."""
    if epoch is not None and epoch != position.epoch:
        return "other_epoch"
    if seq > position.head:
        return "ahead"
    if seq + 1 < position.oldest:
        return "trimmed"
    return "too_far" if position.head - seq > REPLAY_LIMIT else None


class AccountFeed:
    """The newest events of one account, and who waits for the next."""

    def __init__(self, account_id: UUID, database: Database) -> None:
        self.account_id = account_id
        self.readers = 0
        self._db = database
        self._ring: deque[LogEntry] = deque(maxlen=RING)
        self._position = LogPosition(epoch="", head=0, oldest=1)
        self._loaded = False
        self._news = asyncio.Condition()
        self._lock = asyncio.Lock()

    @property
    def head(self) -> int:
        """The last position known to this process."""
        return self._position.head

    @property
    def epoch(self) -> str:
        """The log's identity; another one means that positions have no common meaning."""
        return self._position.epoch

    async def refresh(self) -> None:
        """Read what the log gained and wake everyone who waits. Raises what the driver raises."""
        async with self._lock:
            before = self._position
            after = await read_position(self._db, self.account_id)
            if self._loaded and after.epoch == before.epoch and after.head <= before.head:
                self._position = LogPosition(before.epoch, before.head, after.oldest)  # old events may have gone
                return
            if not self._loaded or after.epoch != before.epoch or after.head - before.head > RING:
                self._ring.clear()
                entries = await read_after(self._db, self.account_id, max(after.head - RING, 0), RING)
            else:
                entries = await read_after(self._db, self.account_id, before.head, RING)
            self._ring.extend(entries)
            head = self._ring[-1].seq if self._ring else after.head
            self._position = LogPosition(after.epoch, head, after.oldest)
            self._loaded = True
        async with self._news:
            self._news.notify_all()

    async def wait_beyond(self, seq: int, timeout: float) -> bool:  # noqa: ASYNC109 - a long poll's own time limit
        """True as soon as the log goes beyond `seq` or is another log, False when the time is up."""
        epoch = self.epoch
        try:
            async with asyncio.timeout(timeout), self._news:
                await self._news.wait_for(lambda: self.head > seq or self.epoch != epoch)
        except TimeoutError:
            return False
        return True

    async def after(self, seq: int, epoch: str | None, limit: int = REPLAY_LIMIT) -> list[LogEntry] | TooFar:
        """The events that follow a position, oldest first, at most `limit`."""
        position = self._position
        reason = _unservable(seq, epoch, position)
        if reason is not None:
            return TooFar(reason, position)
        if seq == position.head:
            return []
        if self._ring and self._ring[0].seq <= seq + 1:
            start = seq + 1 - self._ring[0].seq
            held = [self._ring[i] for i in range(start, min(start + limit, len(self._ring)))]
            # Positions never lead backwards: a reader would go round in circles and the whole process with it.
            if held and held[0].seq == seq + 1 and held[-1].seq == seq + len(held):
                return held
        entries = await read_after(self._db, self.account_id, seq, limit)
        if not entries or entries[0].seq != seq + 1:
            return TooFar("trimmed", position)  # it went while we looked: never a gap that nobody mentions
        return entries


class FeedHub:
    """The feeds of the accounts that have a reader in this process."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._feeds: dict[UUID, AccountFeed] = {}
        self._dirty: set[UUID] = set()
        self._work = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._unsubscribe = database.wakeup.subscribe(self._hear)

    def start(self) -> None:
        """Begin to follow hints and positions."""
        loops = {"read the event logs": self._follow_hints, "compare event log positions": self._check_positions}
        self._tasks = [
            asyncio.create_task(keep_doing(step, what=what, expected=DATABASE_DOWN), name=f"feed: {what}")
            for what, step in loops.items()
        ]

    async def stop(self) -> None:
        """End both."""
        self._unsubscribe()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def open(self, account_id: UUID) -> AccountFeed:
        """The account's feed, counted as one more reader; give it back with `close`."""
        feed = self._feeds.get(account_id)
        if feed is None:
            feed = self._feeds[account_id] = AccountFeed(account_id, self._db)
        feed.readers += 1
        try:
            await feed.refresh()
        except BaseException:
            self.close(feed)
            raise
        return feed

    def close(self, feed: AccountFeed) -> None:
        """One reader less; the last one takes the feed's memory along."""
        feed.readers -= 1
        if feed.readers == 0 and self._feeds.get(feed.account_id) is feed:
            del self._feeds[feed.account_id]

    def _hear(self, topic: str) -> None:
        if topic == EVERYONE:
            self._dirty.update(self._feeds)
        else:
            with contextlib.suppress(ValueError):
                account_id = UUID(topic)
                if account_id in self._feeds:
                    self._dirty.add(account_id)
        if self._dirty:
            self._work.set()

    async def _follow_hints(self) -> None:
        await self._work.wait()
        while self._dirty:  # one that cannot be read is asked for again by the position check; the others are kept
            feed = self._feeds.get(self._dirty.pop())
            if feed is not None:
                await feed.refresh()
        self._work.clear()

    async def _check_positions(self) -> None:
        await asyncio.sleep(CHECK_S)
        if not self._feeds:
            return
        for row in await self._db.call_many("select * from stream_heads($1)", list(self._feeds)):
            feed = self._feeds.get(row["account_id"])
            if feed and (row["last_seq"] > feed.head or str(row["epoch"]) != feed.epoch):
                self._dirty.add(row["account_id"])
        if self._dirty:
            self._work.set()
