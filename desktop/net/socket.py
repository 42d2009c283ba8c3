"""The event stream over WebSocket. One connection at a time; reconnecting is the link's business, not the library's."""

import asyncio
import contextlib
import json
import logging
import ssl
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from backend.contract.events import CLOSE_NOT_ALLOWED, CLOSE_TOKEN, MAX_FRAME_BYTES
from desktop.core.ports import (
    CLOSE_ABNORMAL,
    ApiError,
    CertificateError,
    SignedOutError,
    Socket,
    SocketClosedError,
    UnreachableError,
)
from desktop.net.api import certificate_reason, problem_of
from desktop.net.session import Session

OPEN_S: Final = 10.0
CLOSE_S: Final = 2.0
_QUIET: Final = logging.getLogger("flowpilot.websocket")
# The library logs whole handshakes, with the Authorization header, at its debug level.
_QUIET.setLevel(logging.WARNING)


class WebSocket:
    """`desktop.core.ports.Socket` over one connection, opened with `token` and kept open with its successors."""

    def __init__(self, connection: ClientConnection, session: Session, token: str) -> None:
        self._connection = connection
        self._session = session
        self._token = token
        self._proofs: set[asyncio.Task[None]] = set()
        if session.keeper is not None:
            session.keeper.renewed.append(self._prove)

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
            closed = _closed(exc)
            if closed.code == CLOSE_TOKEN and await self._only_ran_out():
                raise SocketClosedError(CLOSE_ABNORMAL, "the access token had run out") from exc
            raise closed from exc

    async def echo(self) -> float:
        """The time until a ping's answer is here; every WebSocket peer answers one."""
        try:
            return await (await self._connection.ping())
        except ConnectionClosed as exc:
            raise _closed(exc) from exc

    async def close(self) -> None:
        """Close; a peer that does not answer is left after 2 s."""
        if self._session.keeper is not None and self._prove in self._session.keeper.renewed:
            self._session.keeper.renewed.remove(self._prove)
        for task in self._proofs:
            task.cancel()
        try:
            await self._connection.close()
        finally:  # also when the app ends before the peer has answered
            self._connection.transport.abort()

    def _prove(self, token: str) -> None:
        """There is a newer token: tell the server, so that the stream outlives the one it was opened with."""
        self._token = token
        task = asyncio.get_running_loop().create_task(self._reauth(token))
        self._proofs.add(task)
        task.add_done_callback(self._proofs.discard)

    async def _reauth(self, token: str) -> None:
        # A stream that is closing needs no proof any more.
        with contextlib.suppress(ConnectionClosed):
            await self._connection.send(json.dumps({"type": "reauth", "token": token}))

    async def _only_ran_out(self) -> bool:
        """Whether a token ran out, asleep perhaps, and not the sign-in behind it. No answer counts as yes."""
        try:
            await self._session.bearer(refused=self._token)
        except SignedOutError:
            return False
        except ApiError:
            return True
        return True


class WebSocketConnector:
    """Opens the stream. No compression, frames of 64 KiB at most, the server's heartbeat instead of pings of ours."""

    def __init__(self, session: Session, verify: ssl.SSLContext | None) -> None:
        self._session = session
        self._verify = verify

    async def connect(self) -> Socket:
        """Open one stream; raises `ApiError` or `SocketClosedError`."""
        token = await self._session.bearer()
        try:
            return await self._open(token)
        except SignedOutError:
            return await self._open(await self._session.bearer(refused=token))

    async def _open(self, token: str) -> Socket:
        url = self._session.stream_url
        proxy = self._session.proxy.url_for(self._session.server)
        try:
            opened = await connect(
                url,
                ssl=self._verify if url.startswith("wss") else None,
                additional_headers={"Authorization": f"Bearer {token}"},
                user_agent_header=self._session.user_agent,
                compression=None,
                proxy=proxy,
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
        return WebSocket(opened, self._session, token)


def _closed(exc: ConnectionClosed) -> SocketClosedError:
    frame = exc.rcvd
    if frame is None:
        return SocketClosedError(CLOSE_ABNORMAL, "the link broke")
    return SocketClosedError(frame.code, frame.reason, answered=True)


def _refused(exc: InvalidStatus) -> Exception:
    """A handshake that was answered with an HTTP error: by the server, or by something on the way that speaks for it.

    Only the server's own word may sign anybody out.
    """
    response = exc.response
    problem = problem_of(response.headers.get("Content-Type", ""), bytes(response.body or b""))
    if response.status_code == 401 and problem is not None:
        return SignedOutError()
    wish = response.headers.get("Retry-After", "")
    retry_after_s = float(wish) if wish.isascii() and wish.isdigit() else None
    code = CLOSE_NOT_ALLOWED if response.status_code == 403 and problem is not None else CLOSE_ABNORMAL
    said = f"handshake answered {response.status_code}"
    return SocketClosedError(code, said, retry_after_s, answered=problem is not None)
