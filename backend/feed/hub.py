"""One reader of each account's log per process; every socket and long poll is a cursor on it.

Nothing is queued per socket, so nothing can overflow or be dropped: a reader that is woken asks for what follows its
own position, from the last couple of hundred events in memory or from the database. The database is asked for many
accounts at once, and for none twice at the same time: a thousand sockets that come back cost some calls.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from backend.db.background import keep_doing
from backend.db.engine import Database
from backend.db.wakeup import EVERYONE
from backend.feed.log import LogEntry, LogPart, LogPosition, moved, read_after, read_logs
from backend.http.problems import DATABASE_DOWN

RING: Final = 200
RING_CHARACTERS: Final = 128 * 1024
"""What the events in memory of one account may hold together: a thousand busy accounts must not fill a machine."""
_FRAMED: Final = 16
"""Of so many newest events the frames are kept as well; an older one's are made anew for whoever comes back so late."""
REPLAY_LIMIT: Final = 500
"""Further behind than this, a client fetches the queue instead of replaying."""
CHECK_S: Final = 2.0
"""Hints may be lost; this often the positions of all connected accounts are compared."""
FRESH_S: Final = 2.5
"""Whoever comes to a log that was read this lately is served from memory: it is no staler than a lost hint allows."""
PAUSE_S: Final = 0.05
"""A lone hint is followed at once; while hints keep coming, the accounts they name are read together this often."""
_AT_ONCE: Final = 200
"""Accounts per call: the call's answer must not keep the process's one thread busy for long."""
_REWRITTEN: Final = "rewritten:"


def rewritten(account_id: UUID) -> str:
    """Hint: events that were told already read otherwise now, since a person was erased; memory is to forget them."""
    return f"{_REWRITTEN}{account_id}"


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

    def __init__(
        self, account_id: UUID, database: Database, refresh: "Callable[[AccountFeed], Awaitable[None]]"
    ) -> None:
        self.account_id = account_id
        self.readers = 0
        self.read_at = float("-inf")
        """When it was last read, on the steady clock."""
        self.read_in = 0
        """The hub's last call that has read it."""
        self._db = database
        self._refresh = refresh
        self._ring: deque[LogEntry] = deque()
        self._held = 0
        self._position = LogPosition(epoch="", head=0, oldest=1)
        self._news = asyncio.Condition()
        self._waiting = 0

    @property
    def head(self) -> int:
        """The last position known to this process."""
        return self._position.head

    @property
    def epoch(self) -> str:
        """The log's identity; another one means that positions have no common meaning. Empty before the first read."""
        return self._position.epoch

    @property
    def wanted(self) -> int | None:
        """The position after which the log is to be read; None for its newest events."""
        return self._position.head if self.epoch else None

    def take(self, part: LogPart, wanted: int | None) -> bool:
        """What was read after `wanted`, kept. True when readers have something new."""
        before, after = self._position, part.position
        self.read_at = time.monotonic()
        if after.epoch == before.epoch and after.head <= before.head:
            self._position = LogPosition(before.epoch, before.head, after.oldest)  # old events may have gone
            return False
        entries = part.entries
        if after.epoch != before.epoch:
            self.forget()
            if wanted is not None:  # these follow a position of the former log
                entries = []
        elif wanted != before.head:
            entries = [entry for entry in entries if entry.seq > before.head]
        if entries and self._ring and entries[0].seq != self._ring[-1].seq + 1:
            self.forget()  # what lies between was trimmed: memory has no gaps
        self._keep(entries)
        # More than one call's events: the position stays with what was read, and the rest is asked for next.
        head = self._ring[-1].seq if entries else after.head
        self._position = LogPosition(after.epoch, head, after.oldest)
        return True

    def forget(self) -> None:
        """Keep no event in memory: what is asked for next comes from the database."""
        self._ring.clear()
        self._held = 0

    def _keep(self, entries: list[LogEntry]) -> None:
        ring = self._ring
        for entry in entries:
            ring.append(entry)
            self._held += len(entry.data)
            if len(ring) > _FRAMED:
                ring[-1 - _FRAMED].forget_frames()
        while len(ring) > RING or (self._held > RING_CHARACTERS and len(ring) > 1):
            self._held -= len(ring.popleft().data)

    async def tell(self) -> None:
        """Wake everyone who waits in `wait_beyond`."""
        if self._waiting:
            async with self._news:
                self._news.notify_all()

    async def wait_beyond(self, seq: int, timeout: float) -> bool:  # noqa: ASYNC109 - a long poll's own time limit
        """True as soon as the log goes beyond `seq` or is another log, False when the time is up."""
        epoch = self.epoch
        self._waiting += 1
        try:
            async with asyncio.timeout(timeout), self._news:
                await self._news.wait_for(lambda: self.head > seq or self.epoch != epoch)
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
        return True

    def next(self, seq: int) -> LogEntry | None:
        """The event that follows a position, when it is in memory."""
        if not self._ring or not max(self._ring[0].seq, self._position.oldest) <= seq + 1 <= self._ring[-1].seq:
            return None  # what was trimmed is told to nobody, whether memory has it or not
        entry = self._ring[seq - self._ring[-1].seq]
        return entry if entry.seq == seq + 1 else None  # never another one: a reader would go round in circles

    def held(self, seq: int, limit: int = REPLAY_LIMIT) -> list[LogEntry]:
        """The events that follow a position as far as they are in memory without a gap; else nothing."""
        if not self._ring or not max(self._ring[0].seq, self._position.oldest) <= seq + 1 <= self._ring[-1].seq:
            return []  # what was trimmed is told to nobody, whether memory has it or not
        start = seq + 1 - self._ring[0].seq
        found = [self._ring[i] for i in range(start, min(start + limit, len(self._ring)))]
        # Positions never lead backwards: a reader would go round in circles and the whole process with it.
        return found if found and found[0].seq == seq + 1 and found[-1].seq == seq + len(found) else []

    async def after(self, seq: int, epoch: str | None, limit: int = REPLAY_LIMIT) -> list[LogEntry] | TooFar:
        """The events that follow a position, oldest first, at most `limit`."""
        if seq > self.head:  # told by another process, whose hint has not come yet
            await self._refresh(self)
        position = self._position
        reason = _unservable(seq, epoch, position)
        if reason is not None:
            return TooFar(reason, position)
        if seq == position.head:
            return []
        if held := self.held(seq, limit):
            return held
        entries = await read_after(self._db, self.account_id, seq, limit)
        if not entries or entries[0].seq != seq + 1:
            return TooFar("trimmed", position)  # it went while we looked: never a gap that nobody mentions
        return entries


class FeedHub:
    """The feeds of the accounts that have a reader in this process. `told` is called when one has gained events."""

    def __init__(self, database: Database) -> None:
        self.told: Callable[[AccountFeed], None] = lambda _feed: None
        self._db = database
        self._feeds: dict[UUID, AccountFeed] = {}
        self._topics: dict[str, UUID] = {}
        self._dirty: set[UUID] = set()
        self._asked: set[AccountFeed] = set()
        self._calls = 0
        self._followed_at = float("-inf")
        self._gate = asyncio.Lock()
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

    async def open(self, account_id: UUID, *, anew: bool = False) -> AccountFeed:
        """The account's feed, counted as one more reader; give it back with `close`.

        `anew`: with all that is committed by now, also by other processes whose hints have not come.
        """
        feed = self._feeds.get(account_id)
        if feed is None:
            feed = self._feeds[account_id] = AccountFeed(account_id, self._db, self.refresh)
            self._topics[str(account_id)] = account_id
        feed.readers += 1
        try:
            if anew or account_id in self._dirty or time.monotonic() - feed.read_at > FRESH_S:
                await self.refresh(feed)
        except BaseException:
            self.close(feed)
            raise
        return feed

    def close(self, feed: AccountFeed) -> None:
        """One reader less; the last one takes the feed's memory along."""
        feed.readers -= 1
        if feed.readers == 0 and self._feeds.get(feed.account_id) is feed:
            del self._feeds[feed.account_id]
            del self._topics[str(feed.account_id)]

    async def refresh(self, feed: AccountFeed) -> None:
        """Read what the log gained since this call. Raises what the driver raises."""
        await self._refresh([feed])

    async def _refresh(self, feeds: Iterable[AccountFeed]) -> None:
        """Whoever comes while a call is under way is read for by the next one, together with all others who came."""
        mine, came = set(feeds), self._calls
        self._asked |= mine
        async with self._gate:
            if all(feed.read_in > came for feed in mine):
                return
            asked, self._asked = list(self._asked | mine), set()
            for start in range(0, len(asked), _AT_ONCE):
                await self._read(asked[start : start + _AT_ONCE])

    async def _read(self, feeds: list[AccountFeed]) -> None:
        self._calls += 1
        wanted = {feed.account_id: feed.wanted for feed in feeds}
        self._dirty.difference_update(wanted)  # a hint that comes from now on is of something newer
        try:
            parts = await read_logs(self._db, wanted, RING)
        except BaseException:
            self._dirty.update(wanted)
            raise
        for feed in feeds:
            if (part := parts.get(feed.account_id)) is None:
                continue
            feed.read_in = self._calls
            if feed.take(part, wanted[feed.account_id]):
                if feed.head < part.position.head:
                    self._mark(feed.account_id)
                self.told(feed)
                await feed.tell()
        if missing := wanted.keys() - parts.keys():
            raise RuntimeError(f"no event log of account {', '.join(map(str, missing))}")

    def _mark(self, account_id: UUID) -> None:
        if account_id in self._feeds:
            self._dirty.add(account_id)
            self._work.set()

    def _hear(self, topic: str) -> None:
        if topic == EVERYONE:
            for account_id in self._feeds:
                self._mark(account_id)
        elif topic in self._topics:
            self._mark(self._topics[topic])
        elif (told := self._topics.get(topic.removeprefix(_REWRITTEN))) is not None:
            self._feeds[told].forget()

    async def _follow_hints(self) -> None:
        await self._work.wait()
        if (early := self._followed_at + PAUSE_S - time.monotonic()) > 0:
            await asyncio.sleep(early)
        self._work.clear()
        if feeds := [self._feeds[account_id] for account_id in self._dirty if account_id in self._feeds]:
            self._followed_at = time.monotonic()
            await self._refresh(feeds)
        for account_id in [one for one in self._dirty if one not in self._feeds]:  # never through all that are followed
            self._dirty.discard(account_id)

    async def _check_positions(self) -> None:
        await asyncio.sleep(CHECK_S)
        if not self._feeds:
            return
        known = {account_id: (feed.head, feed.epoch or None) for account_id, feed in self._feeds.items()}
        for account_id in await moved(self._db, known):
            self._mark(account_id)
        if self._dirty:  # also what could not be read when its hint came
            self._work.set()
