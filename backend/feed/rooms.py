"""The sockets of each account, and what all of them are told: events as they come, a heartbeat where nothing came.

An idle socket costs one waiting task, no timer and no queue. An event is encoded and framed once, then written to each
socket in turn; one whose client does not read goes on in a task of its own, so that it holds nobody up.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Final

from backend.contract import events as wire
from backend.db.background import keep_doing
from backend.feed.hub import AccountFeed, TooFar
from backend.feed.link import Link
from backend.http.frames import text_frame
from backend.http.respond import encode

HEARTBEAT_S: Final = 10
AT_ONCE: Final = 250
"""Sockets told without a pause. After that many the process looks after its requests too: claims must not wait."""
_BEAT_S: Final = 1.0


class Rooms:
    """All links of this process."""

    def __init__(self) -> None:
        self._rooms: dict[AccountFeed, set[Link]] = {}
        self._rounds: dict[AccountFeed, asyncio.Task[None]] = {}
        self._again: set[AccountFeed] = set()
        self._beats = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin with heartbeats."""
        self._task = asyncio.create_task(keep_doing(self._beat, what="send heartbeats", expected=()), name="heartbeats")

    async def stop(self) -> None:
        """End all that runs here."""
        tasks = [task for task in (self._task, *self._rounds.values()) if task is not None]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def enter(self, link: Link, feed: AccountFeed) -> None:
        """From now on the link is told what the feed gains, once its client has named a position."""
        link.put_at = self._beats
        self._rooms.setdefault(feed, set()).add(link)

    def leave(self, link: Link, feed: AccountFeed) -> None:
        """Tell it no more."""
        link.detach()
        room = self._rooms[feed]
        room.discard(link)
        if not room:
            del self._rooms[feed]
        if link.busy is not None:
            link.busy.cancel()

    def told(self, feed: AccountFeed) -> None:
        """The feed has gained events: tell its links."""
        room = self._rooms.get(feed, ())
        if len(room) <= AT_ONCE:
            for link in tuple(room):
                self.advance(link, feed)
        elif feed in self._rounds:
            self._again.add(feed)  # those who have had their turn get another one
        else:
            self._rounds[feed] = asyncio.create_task(self._round(feed), name="fan-out")

    def resumed(self, link: Link, feed: AccountFeed, after: int, epoch: str | None) -> None:
        """The client has named its position: tell it what follows, and what comes."""
        link.cursor, link.epoch, link.replay_to = after, epoch or feed.epoch, feed.head
        link.named += 1
        self.advance(link, feed)

    def advance(self, link: Link, feed: AccountFeed) -> None:
        """Bring a link to the head: at once from memory, else by a task of its own."""
        if link.cursor is None or link.busy is not None:
            return
        if link.epoch == feed.epoch:
            head = feed.head
            while (cursor := link.cursor) < head:
                entry = feed.next(cursor)
                if entry is None or not link.put(entry.wire(replay=entry.seq <= link.replay_to)):
                    break
                link.cursor, link.put_at = entry.seq, self._beats
            if link.cursor == head:
                return
        link.busy = asyncio.create_task(self._own_pace(link, self._caught_up(link, feed)), name="catch-up")

    async def _round(self, feed: AccountFeed) -> None:
        try:
            while True:
                self._again.discard(feed)
                for n, link in enumerate(tuple(self._rooms.get(feed, ())), start=1):
                    self.advance(link, feed)
                    if n % AT_ONCE == 0:
                        await asyncio.sleep(0)
                if feed not in self._again:
                    return
        finally:
            del self._rounds[feed]

    async def _own_pace(self, link: Link, work: Coroutine[None, None, None]) -> None:
        """Do it; what goes wrong ends the socket."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - raised again by the task that reads the socket
            link.end(error)
        finally:
            link.busy = None

    async def _caught_up(self, link: Link, feed: AccountFeed) -> None:
        """Until the client has been told everything, at the pace at which it reads."""
        while True:
            named = link.named
            await self._follow(link, feed)
            if link.named == named:  # no await from here to `busy`: news that come now find the link free, or were seen
                return

    async def _follow(self, link: Link, feed: AccountFeed) -> None:
        named = link.named
        while link.cursor is not None and not (link.cursor == feed.head and link.epoch == feed.epoch):
            found = await feed.after(link.cursor, link.epoch)
            if link.named != named or not found:
                return
            if isinstance(found, TooFar):
                position = found.position
                reset = wire.Reset(epoch=position.epoch, head=position.head, reason=found.reason)
                link.cursor = None
                await link.send(encode(reset).decode())
                return
            for entry in found:
                await link.send(entry.frame(replay=entry.seq <= link.replay_to))
                if link.named != named:  # the client has named another position meanwhile
                    return
                link.cursor = entry.seq

    async def _nudged(self, link: Link, feed: AccountFeed) -> None:
        """A heartbeat to a client that does not read: it does by the time limit, or is told to come back."""
        await link.send(_heartbeat(feed))
        await self._caught_up(link, feed)

    async def _beat(self) -> None:
        """Once a second, whoever has heard nothing for long is told the head."""
        await asyncio.sleep(_BEAT_S)
        self._beats += 1
        looked = 0
        for feed, room in tuple(self._rooms.items()):
            frame = b""
            for link in tuple(room):
                looked += 1
                if looked % AT_ONCE == 0:
                    await asyncio.sleep(0)
                if self._beats - link.put_at < HEARTBEAT_S or link.busy is not None or link not in room:
                    continue
                link.put_at = self._beats
                frame = frame or text_frame(_heartbeat(feed))
                if not link.put(frame):
                    link.busy = asyncio.create_task(self._own_pace(link, self._nudged(link, feed)), name="nudge")


def _heartbeat(feed: AccountFeed) -> str:
    return f'{{"type":"heartbeat","head":{feed.head}}}'
