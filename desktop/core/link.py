"""Keeps one event stream open: connect, feed, wait, again. The only place that decides when to reconnect."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, Protocol

from backend.contract.events import CLOSE_NOT_ALLOWED, CLOSE_TOKEN, Event, Receipt
from backend.contract.handoffs import QueuePage
from backend.contract.people import UserView
from desktop.core.alarm import Alarm
from desktop.core.backoff import Backoff
from desktop.core.feed import Apply, Beat, CaughtUp, Effect, Feed, Greeted, HangUp, Refetch, Send
from desktop.core.ports import ApiError, Clock, Connector, SignedOutError, Socket, SocketClosedError
from desktop.core.receipts import Receipts

_LOG: Final = logging.getLogger(__name__)
ROLE_RETRY_S: Final = 60.0


class LinkListener(Protocol):
    """Who hears what the link brings."""

    def link_up(self, user: UserView, clock_offset: timedelta) -> None:
        """The server greeted; the log is being caught up with."""
        ...

    def link_live(self) -> None:
        """All that had happened is known."""
        ...

    def link_down(self, reason: str, retry_in_s: float | None) -> None:
        """No stream; the next try comes in so many seconds."""
        ...

    def link_event(self, event: Event) -> None:
        """One event, once, in order."""
        ...

    def link_queue(self, page: QueuePage) -> None:
        """The queue was fetched anew."""
        ...

    def link_signed_out(self) -> None:
        """The token is not valid; nothing is tried until `poke`."""
        ...

    def link_not_allowed(self) -> None:
        """The role does not include the stream any more."""
        ...


class Link:
    """Run `run()` as one task; `poke()` tries at once, `tell()` sends a receipt now or after the next connect."""

    def __init__(
        self,
        connector: Connector,
        fetch_queue: Callable[[], Awaitable[QueuePage]],
        listener: LinkListener,
        clock: Clock,
        *,
        backoff: Backoff | None = None,
        receipts: Receipts | None = None,
    ) -> None:
        self.feed = Feed()
        self._connector = connector
        self._fetch_queue = fetch_queue
        self._listener = listener
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._poked = asyncio.Event()
        self._outbox: asyncio.Queue[str] = asyncio.Queue()
        self._receipts = receipts or Receipts()
        self._my_id: str | None = None
        self._outage = False
        self._fetching: asyncio.Task[None] | None = None
        self._alarm = Alarm(self._on_time)
        self._socket: Socket | None = None
        self._retry_after_s: float | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def heard_at(self) -> float | None:
        """When the server was last heard, monotonic seconds; also while there is no stream."""
        return self.feed.last_heard

    def poke(self) -> None:
        """Try again at once: the user asked, the network is back, or a new token is there."""
        self._backoff.reset()
        self._poked.set()

    def drop(self) -> None:
        """Close the stream and open a new one: after sleep an open socket proves nothing."""
        self.poke()
        if self._socket is not None:
            self._hang_up(HangUp("dropped on purpose", 0.0))

    def tell(self, receipt: Receipt) -> None:
        """Send a receipt that says anything new; again after each greeting until the server is known to have it."""
        if self._receipts.add(receipt) and self._my_id is not None:
            self._outbox.put_nowait(self.feed.receipt(receipt).text)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await self._pause(await self._once())
        finally:
            self._alarm.stop()

    async def _once(self) -> float | None:
        """One stream from connect to close; answers the seconds to wait, null for until poked."""
        self._retry_after_s = None
        try:
            socket = await self._connector.connect()
        except SignedOutError:
            self._listener.link_signed_out()
            return None
        except ApiError as exc:
            return self._failed(str(exc), None)
        except SocketClosedError as exc:
            return self._closed(exc)
        began = self._clock.monotonic()
        try:
            await self._serve(socket)
        except SocketClosedError as exc:
            self._backoff.linked_for(self._clock.monotonic() - began)
            return self._closed(exc)
        finally:
            self._leave()
            await socket.close()
        return 0.0

    async def _serve(self, socket: Socket) -> None:
        self._socket = socket
        self._poked.clear()
        self._outbox = asyncio.Queue()
        self.feed.opened(self._clock.monotonic())
        self._set_alarm()
        writer = asyncio.get_running_loop().create_task(self._write(socket))
        try:
            while True:
                text = await socket.receive()
                self._carry_out(self.feed.received(text, self._clock.monotonic()))
        finally:
            writer.cancel()

    async def _write(self, socket: Socket) -> None:
        while True:
            text = await self._outbox.get()
            try:
                await socket.send(text)
            except SocketClosedError:
                return

    def _leave(self) -> None:
        self._socket = None
        self._my_id = None
        self.feed.closed()
        self._alarm.at(None)
        if self._fetching is not None:
            self._fetching.cancel()
            self._fetching = None

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send():
                    self._outbox.put_nowait(effect.text)
                case Apply():
                    self._receipts.heard(effect.event, self._my_id or "")
                    self._listener.link_event(effect.event)
                case Greeted():
                    self._greet(effect)
                case CaughtUp():
                    self._listener.link_live()
                case Beat():
                    self._receipts.beat()
                case Refetch():
                    self._receipts.log_is(self.feed.epoch)
                    self._refetch(effect.reason)
                case HangUp():
                    self._hang_up(effect)
        self._set_alarm()

    def _greet(self, greeted: Greeted) -> None:
        self._listener.link_up(greeted.user, greeted.server_time - self._clock.now())
        self._my_id = greeted.user.id
        self._outage = False
        self._receipts.greeted()
        for receipt in self._receipts.unconfirmed:
            self._outbox.put_nowait(self.feed.receipt(receipt).text)

    def _refetch(self, reason: str) -> None:
        _LOG.info("fetching the queue: %s", reason)
        if self._fetching is not None:
            self._fetching.cancel()
        self._fetching = asyncio.get_running_loop().create_task(self._fetch())

    async def _fetch(self) -> None:
        try:
            page = await self._fetch_queue()
        except ApiError as exc:
            self._hang_up(HangUp(f"the queue could not be fetched: {exc}"))
            return
        self._listener.link_queue(page)
        self._carry_out(self.feed.queue_loaded(page.seq, self._clock.monotonic()))

    def _hang_up(self, effect: HangUp) -> None:
        _LOG.info("closing the stream: %s", effect.reason)
        self._retry_after_s = effect.retry_after_s
        if self._socket is not None:
            self._closing = asyncio.get_running_loop().create_task(self._socket.close())

    def _on_time(self) -> None:
        self._carry_out(self.feed.on_time(self._clock.monotonic()))

    def _set_alarm(self) -> None:
        self._alarm.at(self.feed.deadline if self._socket is not None else None)

    def _closed(self, exc: SocketClosedError) -> float | None:
        if exc.code == CLOSE_TOKEN:
            self._listener.link_signed_out()
            return None
        if exc.code == CLOSE_NOT_ALLOWED:
            self._listener.link_not_allowed()
            return ROLE_RETRY_S
        wish = self._retry_after_s if self._retry_after_s is not None else exc.retry_after_s
        return self._failed(str(exc), wish)

    def _failed(self, reason: str, retry_after_s: float | None) -> float:
        delay = self._backoff.delay() if retry_after_s is None else retry_after_s
        # One line for each outage: a night without the server must not fill the log.
        _LOG.log(logging.DEBUG if self._outage else logging.INFO, "no stream (%s); next try in %.1f s", reason, delay)
        self._outage = True
        self._listener.link_down(reason, delay)
        return delay

    async def _pause(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._poked.wait()
        except TimeoutError:
            pass
        self._poked.clear()
