"""The event stream over WebSocket. One connection at a time; reconnecting is the link's business, not the library's."""

import asyncio
import logging
import ssl
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from backend.contract.events import CLOSE_NOT_ALLOWED, MAX_FRAME_BYTES
from desktop.core.ports import CertificateError, SignedOutError, Socket, SocketClosedError, UnreachableError
from desktop.net.api import certificate_reason
from desktop.net.session import Session

OPEN_S: Final = 10.0
CLOSE_S: Final = 2.0
_ABNORMAL: Final = 1006
_QUIET: Final = logging.getLogger("flowpilot.websocket")
# The library logs whole handshakes, with the Authorization header, at its debug level.
_QUIET.setLevel(logging.WARNING)


class WebSocket:
    """`desktop.core.ports.Socket` over one connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, text: str) -> None:
        """Send one text frame."""
        try:
            await self._connection.send(text)
        except ConnectionClosed as exc:
            raise _closed(exc) from exc

    async def receive(self) -> str | bytes:
        """The next frame."""
        try:
            return await self._connection.recv()
        except ConnectionClosed as exc:
            raise _closed(exc) from exc

    async def close(self) -> None:
        """Close; a peer that does not answer is left after 2 s."""
        await self._connection.close()


class WebSocketConnector:
    """Opens the stream. No compression, frames of 64 KiB at most, the server's heartbeat instead of pings of ours."""

    def __init__(self, session: Session, verify: ssl.SSLContext | None) -> None:
        self._session = session
        self._verify = verify

    async def connect(self) -> Socket:
        """Open one stream; raises `ApiError` or `SocketClosedError`."""
        if self._session.token is None:
            raise SignedOutError
        url = self._session.stream_url
        try:
            opened = await connect(
                url,
                ssl=self._verify if url.startswith("wss") else None,
                additional_headers=self._session.headers(),
                user_agent_header=self._session.user_agent,
                compression=None,
                proxy=None if self._session.loopback else True,
                max_size=MAX_FRAME_BYTES,
                open_timeout=OPEN_S,
                close_timeout=CLOSE_S,
                ping_interval=None,
                process_exception=lambda exc: exc,
                logger=_QUIET,
            )
        except InvalidStatus as exc:
            raise _refused(exc) from exc
        except (OSError, WebSocketException, TimeoutError, asyncio.IncompleteReadError, EOFError) as exc:
            reason = certificate_reason(exc)
            if reason is not None:
                raise CertificateError(reason) from exc
            raise UnreachableError(f"{type(exc).__name__}: {exc}", sent=False) from exc
        return WebSocket(opened)


def _closed(exc: ConnectionClosed) -> SocketClosedError:
    frame = exc.rcvd
    return SocketClosedError(frame.code, frame.reason) if frame else SocketClosedError(_ABNORMAL, "the link broke")


def _refused(exc: InvalidStatus) -> Exception:
    """A handshake that was answered with an HTTP error."""
    response = exc.response
    if response.status_code == 401:
        return SignedOutError()
    wish = response.headers.get("Retry-After", "")
    retry_after_s = float(wish) if wish.isascii() and wish.isdigit() else None
    code = CLOSE_NOT_ALLOWED if response.status_code == 403 else _ABNORMAL
    return SocketClosedError(code, f"handshake answered {response.status_code}", retry_after_s)
