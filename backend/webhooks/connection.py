"""Connections to addresses that someone has typed in: to the vetted address, whatever the name says meanwhile."""

import contextlib
import ssl
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

import httpcore

from backend.webhooks.addresses import Address
from backend.webhooks.target import Target

_FIRST_TRY_S: Final = 2.0
"""How long one of several addresses is tried before the next."""


@cache
def verify() -> ssl.SSLContext:
    """The machine's trusted authorities and the usual ones; reading them takes a moment."""
    return httpcore.default_ssl_context()


class Pinned(httpcore.AsyncNetworkBackend):
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


def connection(
    target: Target, addresses: Sequence[Address], trusted: ssl.SSLContext | None
) -> httpcore.AsyncHTTPConnection:
    """One connection for one exchange; `trusted` for https."""
    return httpcore.AsyncHTTPConnection(
        httpcore.Origin(target.scheme.encode(), target.host.encode(), target.port),
        ssl_context=trusted,
        network_backend=Pinned(addresses),
    )


def request(method: str, target: Target, headers: dict[str, str], body: bytes | None) -> httpcore.Request:
    """A request for that target; a body's length goes with it."""
    sent = {"Host": target.host_header, "Accept-Encoding": "identity", "Connection": "close", **headers}
    if body is not None:
        sent["Content-Length"] = str(len(body))
    url = httpcore.URL(
        scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
    )
    fields = [(name.encode(), value.encode()) for name, value in sent.items()]
    return httpcore.Request(method, url, headers=fields, content=body)


def why_no_connection(target: Target, error: httpcore.ConnectError) -> str:
    """What went wrong, in words for an administrator."""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"The certificate of {target.host} is not trusted: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return f"{target.host} does not agree on a secure connection"
    return f"{target.host} does not take connections on port {target.port}"
