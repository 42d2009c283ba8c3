"""WebSocket where it passes, requests that wait where it does not, and back again by itself.

Some proxies refuse the upgrade, others let it through and swallow the frames. Both look the same from here: no stream
with a greeting, while plain requests are answered. Nothing is remembered beyond the run of the app.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

from desktop.core.ports import (
    CLOSE_ABNORMAL,
    ApiError,
    CertificateError,
    Connector,
    SignedOutError,
    Socket,
    SocketClosedError,
)
from desktop.net.api import HttpApi
from desktop.net.poll_stream import PollStream

GREETING_S: Final = 5.0
BACK_S: Final = 60.0
"""Until the real stream is tried again beside the requests, and between later tries up to `BACK_MOST_S`."""
BACK_MOST_S: Final = 600.0
CLOSE_SWITCHED: Final = 1000
_LOG: Final = logging.getLogger(__name__)


class FallbackConnector:
    """`desktop.core.ports.Connector`. `changed` hears whether requests are used instead of the stream."""

    def __init__(
        self,
        streams: Connector,
        api: HttpApi,
        *,
        changed: Callable[[bool], None] = lambda _polling: None,
        back_s: float = BACK_S,
    ) -> None:
        self._streams = streams
        self._api = api
        self._changed = changed
        self._back_s = back_s
        self._open: Socket | None = None
        self._refused = False
        self._closing: set[asyncio.Task[None]] = set()
        self.polling = False

    async def connect(self) -> Socket:
        """Open whichever way passes; raises `ApiError` or `SocketClosedError`."""
        if (ready := self._take()) is not None:
            self._say(polling=False)
            return ready
        if self._refused:
            return await self._poll()
        try:
            stream = await self._greeted()
        except (SignedOutError, CertificateError):
            raise
        except (ApiError, SocketClosedError) as why:
            return await self._instead(why)
        self._say(polling=False)
        return stream

    async def _instead(self, why: ApiError | SocketClosedError) -> Socket:
        """Requests, if those are answered; else what was wrong with the stream is what is wrong."""
        if isinstance(why, SocketClosedError) and why.answered:
            raise why
        try:
            stream = await self._poll()
        except SignedOutError:
            raise
        except ApiError:
            raise why from None
        _LOG.info("no event stream (%s), but the server answers: asking by requests instead", why)
        self._refused = True
        return stream

    async def _poll(self) -> Socket:
        try:
            stream = await PollStream.open(self._api)
        except ApiError:
            # Another network, perhaps: the next attempt begins with the stream again.
            self._refused = False
            raise
        self._say(polling=True)
        return _Polling(stream, self)

    async def _greeted(self) -> Socket:
        """A stream that has brought its first frame."""
        stream = await self._streams.connect()
        try:
            async with asyncio.timeout(GREETING_S):
                first = await stream.receive()
        except TimeoutError:
            self._part(stream)
            raise SocketClosedError(CLOSE_ABNORMAL, "the stream opened, but nothing comes through") from None
        except BaseException:
            self._part(stream)
            raise
        return _Greeted(stream, first)

    async def look_back(self, leave: Callable[[SocketClosedError], None]) -> None:
        """Try the real stream now and then while requests do its work; when it passes, go over to it."""
        pause = self._back_s
        while True:
            await asyncio.sleep(pause)
            pause = min(BACK_MOST_S, pause * 2)
            try:
                self._open = await self._greeted()
            except (ApiError, SocketClosedError) as exc:
                _LOG.debug("still no event stream: %s", exc)
                continue
            _LOG.info("the event stream passes again")
            self._refused = False
            leave(SocketClosedError(CLOSE_SWITCHED, "going over to the event stream", 0.0))
            return

    def _part(self, stream: Socket) -> None:
        """Close it without waiting: whoever gave it up goes on at once."""
        closing = asyncio.get_running_loop().create_task(stream.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _take(self) -> Socket | None:
        ready, self._open = self._open, None
        return ready

    def _say(self, *, polling: bool) -> None:
        if polling != self.polling:
            self.polling = polling
            self._changed(polling)


class _Greeted:
    """A stream whose first frame has been read already."""

    def __init__(self, stream: Socket, first: str | bytes) -> None:
        self._stream = stream
        self._first: str | bytes | None = first
        self.send = stream.send
        self.echo = stream.echo
        self.close = stream.close

    async def receive(self) -> str | bytes:
        """The first frame, then the stream's."""
        first, self._first = self._first, None
        return first if first is not None else await self._stream.receive()


class _Polling:
    """Requests in the place of the stream, and somebody who looks whether it is back."""

    def __init__(self, stream: PollStream, connector: FallbackConnector) -> None:
        self._stream = stream
        self._looking = asyncio.get_running_loop().create_task(connector.look_back(stream.leave))
        self.send = stream.send
        self.receive = stream.receive
        self.echo = stream.echo

    async def close(self) -> None:
        """Both end."""
        self._looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._looking
        await self._stream.close()
