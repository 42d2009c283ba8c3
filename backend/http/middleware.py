"""Plain ASGI middleware (the framework's own costs half a millisecond a request): size limit, headers, access log."""

import logging
import time
from typing import Final
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.http.client import note_client
from backend.http.methods import answer_head
from backend.http.problems import broken, problem_response

log = logging.getLogger("flowpilot.access")

MAX_BODY: Final = 448 * 1024
"""Bytes. The largest field is a 64 KiB message, of which JSON escapes can make six times as much."""

_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


_FRAMEWORKS_OWN: Final = 307
"""How an address with one slash too many is answered, with an address made of whatever Host header came."""
_HTTPS_ONLY: Final = (b"strict-transport-security", b"max-age=31536000")


class BodyTooLargeError(HTTPException):
    """The client sends more than it may; raised out of `receive`, and of a kind that body parsers let through."""

    def __init__(self) -> None:
        super().__init__(413)


class Edge:
    """Request id, body limit, security headers and one access line per request."""

    def __init__(self, app: ASGIApp, *, by_https: bool = False) -> None:
        """`by_https`: people reach the server by https, so their browsers never ask for it by anything else again."""
        self.app = app
        self._headers = (*_HEADERS, _HTTPS_ONLY) if by_https else _HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; other scopes pass."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        note_client(scope)
        if scope["path"].startswith("/api/") and b"=" in scope["query_string"]:
            scope["query_string"] = _given(scope["query_string"])
        started = time.perf_counter()
        request_id = uuid4().hex[:16]
        status = 0
        received = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = _headers(message)
                present = {name for name, _ in headers}
                headers += [header for header in self._headers if header[0] not in present]
                headers.append((b"x-request-id", request_id.encode()))
                message = {**message, "headers": headers}
            await send(message)

        async def limited_receive() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > MAX_BODY:
                    raise BodyTooLargeError
            return message

        too_large = problem_response("payload_too_large", f"The body is over {MAX_BODY} bytes.")
        try:
            app = too_large if _declared_length(scope) > MAX_BODY else self._answer_faults
            await app(scope, limited_receive, send_with_headers)
        except BodyTooLargeError:
            if status == 0:
                await too_large(scope, receive, send_with_headers)
        finally:
            # The path only: queries and fragments can carry what must not stand in a log.
            log.info(
                "%s %s %s %.1f ms %s",
                scope["method"],
                scope["path"],
                status,
                (time.perf_counter() - started) * 1000,
                request_id,
            )

    async def _answer_faults(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A fault of ours is answered here: left to the server, it would cut the connection of the next request too."""
        begun = False

        async def noting_send(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            if scope["method"] == "HEAD":
                await answer_head(self.app, scope, receive, noting_send)
            else:
                await self.app(scope, receive, noting_send)
        except BodyTooLargeError:
            raise
        except Exception as error:
            if begun:
                raise
            await broken(f"{scope['method']} {scope['path']}", error)(scope, receive, send)


def _headers(message: Message) -> list[tuple[bytes, bytes]]:
    """The answer's own. Where they lead to an address that the framework made, they lead to this server's."""
    headers = list(message.get("headers", ()))
    if message["status"] == _FRAMEWORKS_OWN:
        return [(name, _path(value) if name == b"location" else value) for name, value in headers]
    return headers


def _path(address: bytes) -> bytes:
    """What follows the host."""
    return b"/" + address.partition(b"://")[2].partition(b"/")[2].lstrip(b"/")


def _given(query: bytes) -> bytes:
    """The query without parameters that say nothing: `?mine=&limit=` asks what a form left empty asks, the default."""
    return b"&".join(part for part in query.split(b"&") if not part.endswith(b"=") or part.count(b"=") > 1)


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
