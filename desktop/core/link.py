"""Keeps one event stream open: connect, feed, wait, again. The only place that decides when to reconnect.

A stream that is given up is left at once and closed behind our back: a dead peer must not hold up the next attempt.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, Protocol

from backend.contract.events import CLOSE_NOT_ALLOWED, CLOSE_TOKEN, Event, Holding, Receipt, TrialAlert
from backend.contract.handoffs import QueuePage
from backend.contract.people import UserView
from desktop.core.alarm import Alarm
from desktop.core.backoff import Backoff
from desktop.core.feed import Apply, Beat, CaughtUp, Effect, Feed, Greeted, HangUp, Refetch, Send, Tested
from desktop.core.frames import encode
from desktop.core.ports import (
    CLOSE_ABNORMAL,
    ApiError,
    Clock,
    Connector,
    SignedOutError,
    Socket,
    SocketClosedError,
)
from desktop.core.receipts import Receipts

_LOG: Final = logging.getLogger(__name__)
ROLE_RETRY_S: Final = 60.0
FRESH_S: Final = 1.0
"""An attempt that is younger than this is not begun anew, however many reasons come at once."""
RETRY_AFTER_MOST_S: Final = 300.0
"""Whatever a server, or something on the way that answers for it, asks for."""
PONG_S: Final = 5.0
"""How long an echo over the stream is waited for."""
HOLDING: Final = Holding().type
FAREWELL_S: Final = 0.5
"""How long the end of the app waits for its streams to close well."""


class LinkListener(Protocol):
    """Who hears what the link brings."""

    def link_up(self, user: UserView, server_time: datetime) -> None:
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
        self._holding = Holding()
        self._takes: frozenset[str] = frozenset()
        self._my_id: str | None = None
        self._outage = False
        self._fetching: asyncio.Task[None] | None = None
        self._alarm = Alarm(self._on_time)
        self._socket: Socket | None = None
        self._over: asyncio.Future[str] | None = None
        self._retry_after_s: float | None = None
        self._attempt: asyncio.Task[Socket] | None = None
        self._began = 0.0
        self._closing: set[asyncio.Task[None]] = set()
        self.heard_test: Callable[[TrialAlert], None] = lambda _alert: None

    @property
    def heard_at(self) -> float | None:
        """When the server was last heard, monotonic seconds; also while there is no stream."""
        return self.feed.last_heard

    def poke(self) -> None:
        """Try again at once: the user asked, the network is back, or a new token is there. An open stream stays."""
        self._backoff.reset()
        if self._socket is not None:
            return
        self._poked.set()
        if self._attempt is not None and self._clock.monotonic() - self._began >= FRESH_S:
            # It may wait for an answer to what was sent into a network that is no more.
            self._attempt.cancel()

    def drop(self) -> None:
        """Leave the stream and open a new one: after sleep an open socket proves nothing."""
        self.poke()
        if self._socket is not None:
            self._hang_up(HangUp("dropped on purpose", 0.0))

    def tell(self, receipt: Receipt) -> None:
        """Send a receipt that says anything new; again after each greeting until the server is known to have it."""
        if self._receipts.add(receipt) and self._my_id is not None:
            self._outbox.put_nowait(self.feed.receipt(receipt).text)

    def hold(self, holding: Holding) -> None:
        """Say whether alerts are held back here; again after each greeting, as a new stream knows nothing of it.

        A server of before does not know the frame, and would close the stream for it.
        """
        if holding == self._holding:
            return
        self._holding = holding
        if self._my_id is not None and HOLDING in self._takes:
            self._outbox.put_nowait(encode(holding))

    async def echo(self) -> float | None:
        """Seconds to the server and back over the open stream; null without one, and when none comes in time."""
        socket = self._socket
        if socket is None:
            return None
        try:
            async with asyncio.timeout(PONG_S):
                return await socket.echo()
        except (SocketClosedError, TimeoutError):
            return None

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await self._pause(await self._once())
        finally:
            self._alarm.stop()
            if self._closing:
                await asyncio.wait(self._closing, timeout=FAREWELL_S)

    async def _once(self) -> float | None:
        """One stream from connect to close; answers the seconds to wait, null for until poked."""
        self._retry_after_s = None
        try:
            socket = await self._connect()
        except SignedOutError:
            self._listener.link_signed_out()
            return None
        except ApiError as exc:
            return self._failed(str(exc), None)
        except SocketClosedError as exc:
            return self._closed(exc)
        began = self._clock.monotonic()
        try:
            raise await self._serve(socket)
        except SocketClosedError as exc:
            self._backoff.linked_for(self._clock.monotonic() - began)
            return self._closed(exc)
        finally:
            self._leave()
            self._close(socket)

    async def _connect(self) -> Socket:
        self._poked.clear()
        self._began = self._clock.monotonic()
        attempt = self._attempt = asyncio.get_running_loop().create_task(self._connector.connect())
        try:
            await asyncio.wait({attempt})
        except asyncio.CancelledError:
            attempt.add_done_callback(self._unwanted)
            raise
        finally:
            self._attempt = None
            attempt.cancel()
        if attempt.cancelled():
            raise SocketClosedError(CLOSE_ABNORMAL, "begun anew", 0.0)
        return attempt.result()

    def _unwanted(self, attempt: "asyncio.Task[Socket]") -> None:
        """A stream that opened in the very moment in which it was given up is closed again."""
        if not attempt.cancelled() and attempt.exception() is None:
            self._close(attempt.result())

    async def _serve(self, socket: Socket) -> SocketClosedError:
        """Until the stream ends or is given up; answers why."""
        loop = asyncio.get_running_loop()
        self._socket, over = socket, loop.create_future()
        self._over = over
        self._outbox = asyncio.Queue()
        self.feed.opened(self._clock.monotonic())
        self._set_alarm()
        writer = loop.create_task(self._write(socket))
        reader = loop.create_task(self._read(socket, over))
        try:
            await asyncio.wait({reader, over}, return_when=asyncio.FIRST_COMPLETED)
            return SocketClosedError(CLOSE_ABNORMAL, over.result()) if over.done() else reader.result()
        finally:
            writer.cancel()
            reader.cancel()

    async def _read(self, socket: Socket, over: "asyncio.Future[str]") -> SocketClosedError:
        while not over.done():
            try:
                text = await socket.receive()
            except SocketClosedError as exc:
                return exc
            self._carry_out(self.feed.received(text, self._clock.monotonic()))
        return SocketClosedError(CLOSE_ABNORMAL, over.result())

    async def _write(self, socket: Socket) -> None:
        while True:
            text = await self._outbox.get()
            try:
                await socket.send(text)
            except SocketClosedError:
                return

    def _close(self, socket: Socket) -> None:
        closing = asyncio.get_running_loop().create_task(socket.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _leave(self) -> None:
        self._socket = self._over = None
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
                case Tested():
                    self.heard_test(effect.alert)
                case HangUp():
                    self._hang_up(effect)
        self._set_alarm()

    def _greet(self, greeted: Greeted) -> None:
        self._listener.link_up(greeted.user, greeted.server_time)
        self._my_id = greeted.user.id
        self._outage = False
        self._takes = greeted.takes
        if self._holding.reason is not None and HOLDING in self._takes:
            self._outbox.put_nowait(encode(self._holding))
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
        if self._over is not None and not self._over.done():
            self._over.set_result(effect.reason)

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
        delay = self._backoff.delay() if retry_after_s is None else min(retry_after_s, RETRY_AFTER_MOST_S)
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
