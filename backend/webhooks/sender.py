"""One POST to a webhook: bounded in time and size, only ever to an address that was vetted a moment before.

The connection goes to the vetted address itself, so a name that answers differently the second time gains nothing; the
certificate is checked against the name. Redirects are not followed, and the machine's proxy settings are not used.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import httpcore

from backend.webhooks.addresses import Address
from backend.webhooks.resolver import SystemResolver
from backend.webhooks.target import Resolve, Target, TargetRefusedError, parse, vetted

TIMEOUT_S: Final = 5.0
_READ_BYTES: Final = 4_096
_READ_S: Final = 1.0
_EXCERPT: Final = 200
_LONGEST_RETRY_AFTER_S: Final = 3_600.0
_SPOKEN_TYPES: Final = (b"text/plain", b"application/json")
_FIRST_TRY_S: Final = 2.0
"""How long one of several addresses is tried before the next."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` is None when nothing did; `error` is one line for people, None when it was accepted."""

    status: int | None
    error: str | None
    retry_after_s: float | None = None

    @property
    def accepted(self) -> bool:
        """A 2xx answer."""
        return self.error is None


class Sender:
    """Posts to webhooks. `allow_private` lets http and addresses beside the server through (FLOWPILOT's setting)."""

    def __init__(self, *, allow_private: bool, resolve: Resolve | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self._allow_private = allow_private
        self._resolve = resolve or SystemResolver()
        self._timeout_s = timeout_s

    async def check(self, url: str) -> None:
        """Raise TargetRefusedError for an address to which nothing would be sent now."""
        target = parse(url, allow_private=self._allow_private)
        try:
            async with asyncio.timeout(self._timeout_s):
                await vetted(target, self._resolve, allow_private=self._allow_private)
        except OSError as error:  # a timeout among them
            raise TargetRefusedError(f"{target.host} cannot be found.") from error

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """Send and read the answer, in `timeout_s` seconds altogether. Never raises for what the other side does."""
        try:
            target = parse(url, allow_private=self._allow_private)
            async with asyncio.timeout(self._timeout_s):
                return await self._post(target, headers, body)
        except TimeoutError:
            return Answer(None, f"No answer within {self._timeout_s:g} s")
        except TargetRefusedError as refusal:
            return Answer(None, str(refusal))

    async def _post(self, target: Target, headers: dict[str, str], body: bytes) -> Answer:
        try:
            addresses = await vetted(target, self._resolve, allow_private=self._allow_private)
        except OSError:
            return Answer(None, f"{target.host} cannot be found")
        verify = await asyncio.to_thread(_verify) if target.scheme == "https" else None
        connection = httpcore.AsyncHTTPConnection(
            httpcore.Origin(target.scheme.encode(), target.host.encode(), target.port),
            ssl_context=verify,
            network_backend=_Pinned(addresses),
        )
        try:
            return await _exchange(connection, _request(target, headers, body))
        except httpcore.ConnectError as error:
            return Answer(None, _why_no_connection(target, error))
        except httpcore.ProtocolError:
            return Answer(None, f"{target.host} does not speak HTTP")
        except (httpcore.NetworkError, httpcore.TimeoutException):
            return Answer(None, f"The connection to {target.host} broke")
        finally:
            await connection.aclose()


@cache
def _verify() -> ssl.SSLContext:
    """The machine's trusted authorities and the usual ones; reading them takes a moment."""
    return httpcore.default_ssl_context()


class _Pinned(httpcore.AsyncNetworkBackend):
    """Connects to the vetted addresses, in turn, whatever host it is asked for."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - asked for by name, reached by address
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature that httpcore calls
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Answer the first connection that comes about."""
        *first, last = self._addresses
        for address in first:
            with contextlib.suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return await self._inner.connect_tcp(str(address), port, _FIRST_TRY_S, local_address, socket_options)
        return await self._inner.connect_tcp(str(last), port, timeout, local_address, socket_options)


def _request(target: Target, headers: dict[str, str], body: bytes) -> httpcore.Request:
    sent = {
        "Host": target.host_header,
        "User-Agent": "FlowPilot-Webhooks/1",
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(len(body)),
        "Accept-Encoding": "identity",
        "Connection": "close",
        **headers,
    }
    url = httpcore.URL(
        scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
    )
    return httpcore.Request(
        "POST", url, headers=[(name.encode(), value.encode()) for name, value in sent.items()], content=body
    )


async def _exchange(connection: httpcore.AsyncHTTPConnection, request: httpcore.Request) -> Answer:
    response = await connection.handle_async_request(request)
    try:
        if 200 <= response.status < 300:
            return Answer(response.status, None)  # what an acceptance says besides is of no interest
        fields = {name.lower(): value for name, value in response.headers}
        error = _why_refused(response.status, fields, await _beginning(response))
        return Answer(response.status, error, _retry_after(fields))
    finally:
        await response.aclose()


async def _beginning(response: httpcore.Response) -> bytes:
    """As much of a refusal's text as comes soon; the refusal stands without it."""
    read = b""
    with contextlib.suppress(TimeoutError, httpcore.NetworkError, httpcore.ProtocolError):
        async with asyncio.timeout(_READ_S):
            async for part in response.aiter_stream():
                read += part
                if len(read) >= _READ_BYTES:
                    break
    return read[:_READ_BYTES]


def _why_refused(status: int, fields: dict[bytes, bytes], read: bytes) -> str:
    if 300 <= status < 400:
        return f"Answered {status}: redirects are not followed"
    if not fields.get(b"content-type", b"").lower().startswith(_SPOKEN_TYPES):
        return f"Answered {status}"
    words = " ".join("".join(c if c.isprintable() else " " for c in read.decode("utf-8", "replace")).split())
    return f"Answered {status}: {words[:_EXCERPT]}" if words else f"Answered {status}"


def _retry_after(fields: dict[bytes, bytes]) -> float | None:
    """Seconds that the other side asks us to wait; its other form, a date, is not used by those we know."""
    text = fields.get(b"retry-after", b"").decode("ascii", "replace").strip()
    return min(float(text), _LONGEST_RETRY_AFTER_S) if text.isdigit() and len(text) < 10 else None


def _why_no_connection(target: Target, error: httpcore.ConnectError) -> str:
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"The certificate of {target.host} is not trusted: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return f"{target.host} does not agree on a secure connection"
    return f"{target.host} does not take connections on port {target.port}"
