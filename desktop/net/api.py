"""The HTTP calls: httpcore below, contract dataclasses and the errors of `desktop.core.ports` above.

httpcore is httpx without its upper half (cookies, redirects, a command line), none of which is needed here and which
costs 9 MB in every tray. One connection pool for the life of the app. No retry: whether to ask again is a rule, and
rules live in the core.
"""

import ssl
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import httpcore
import msgspec

from backend.contract.handoffs import ClaimResult, Handoff, QueuePage, QueueRow
from backend.contract.people import Me
from desktop.core.ports import (
    CertificateError,
    NotAServerError,
    RefusedError,
    SignedOutError,
    UnreachableError,
)
from desktop.net.proxy import environment_proxy
from desktop.net.session import Session

PAGE_LIMIT: Final = 200
MAX_PAGES: Final = 50
CONNECT_S: Final = 5.0
ANSWER_S: Final = 15.0
KEEP_S: Final = 30.0
_T = TypeVar("_T")


class HttpApi:
    """`desktop.core.ports.Api` over HTTP. `verify` is the app's one TLS context, null for plain http."""

    def __init__(self, session: Session, verify: ssl.SSLContext | None) -> None:
        self._session = session
        proxy = None if session.loopback else environment_proxy(session.server)
        self._pool: httpcore.AsyncConnectionPool
        if proxy is None:
            self._pool = httpcore.AsyncConnectionPool(ssl_context=verify, max_connections=4, keepalive_expiry=KEEP_S)
        else:
            self._pool = httpcore.AsyncHTTPProxy(
                proxy.url, proxy_auth=proxy.auth, ssl_context=verify, max_connections=4, keepalive_expiry=KEEP_S
            )

    async def close(self) -> None:
        """Let the connections go."""
        await self._pool.aclose()

    async def me(self) -> Me:
        """`GET /me`."""
        return await self._call("GET", "/me", Me)

    async def queue(self) -> QueuePage:
        """All pages of the waiting queue, with the `seq` of the first.

        What changed while the later pages were read is in the log after that `seq`, so the stream brings it.
        """
        rows: dict[str, QueueRow] = {}
        params: dict[str, str] = {"status": "pending", "limit": str(PAGE_LIMIT)}
        first: QueuePage | None = None
        for _ in range(MAX_PAGES):
            page = await self._call("GET", f"/handoffs?{urlencode(params)}", QueuePage)
            first = first or page
            rows |= {row.id: row for row in page.items}
            if page.next_cursor is None:
                break
            params["cursor"] = page.next_cursor
        return QueuePage(items=list(rows.values()), next_cursor=None, seq=first.seq if first else 0)

    async def handoff(self, handoff_id: str) -> Handoff:
        """`GET /handoffs/{id}`."""
        return await self._call("GET", f"/handoffs/{quote(handoff_id, safe='')}", Handoff)

    async def claim(self, handoff_id: str) -> ClaimResult:
        """`POST /handoffs/{id}/claim`."""
        return await self._call("POST", f"/handoffs/{quote(handoff_id, safe='')}/claim", ClaimResult)

    async def release(self, handoff_id: str, note: str) -> Handoff:
        """`POST /handoffs/{id}/release`."""
        return await self._call("POST", f"/handoffs/{quote(handoff_id, safe='')}/release", Handoff, {"note": note})

    async def _call(self, method: str, path: str, answer: type[_T], body: dict[str, Any] | None = None) -> _T:
        content = _checked(await self._send(method, path, body))
        try:
            return msgspec.json.decode(content, type=answer)
        except msgspec.DecodeError as exc:
            raise NotAServerError(f"{path} did not answer as a FlowPilot server does: {exc}") from exc

    async def _send(self, method: str, path: str, body: dict[str, Any] | None) -> httpcore.Response:
        if self._session.token is None:
            raise SignedOutError
        headers: list[tuple[str | bytes, str | bytes]] = [
            *self._session.headers().items(),
            ("User-Agent", self._session.user_agent),
            ("Accept", "application/json"),
        ]
        if body is not None:
            headers.append(("Content-Type", "application/json"))
        try:
            return await self._pool.request(
                method,
                f"{self._session.server}/api/v1{path}",
                headers=headers,
                content=msgspec.json.encode(body) if body is not None else b"",
                extensions={"timeout": {"connect": CONNECT_S, "pool": CONNECT_S, "write": ANSWER_S, "read": ANSWER_S}},
            )
        except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout, httpcore.ProxyError) as exc:
            reason = certificate_reason(exc)
            if reason is not None:
                raise CertificateError(reason) from exc
            raise UnreachableError(_reason(exc), sent=False) from exc
        except (
            httpcore.NetworkError,
            httpcore.TimeoutException,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
        ) as exc:
            raise UnreachableError(_reason(exc), sent=True) from exc


def certificate_reason(exc: BaseException) -> str | None:
    """Why a certificate was refused, when that is what lies below this error."""
    seen: BaseException | None = exc
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return str(seen.verify_message)
        seen = seen.__cause__ or seen.__context__
    return None


def _reason(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}".rstrip(": ")


def _checked(response: httpcore.Response) -> bytes:
    if 200 <= response.status < 300:
        return response.content
    if response.status == 401:
        raise SignedOutError
    try:
        problem: Any = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        problem = None
    match problem:
        case {"code": str(code), **rest}:
            extra = {str(key): value for key, value in rest.items()}
            raise RefusedError(response.status, code, str(extra.get("detail") or ""), extra)
        case _ if response.status >= 500:
            raise RefusedError(response.status, "internal_error", "")
        case _:
            raise NotAServerError(f"an answer of {response.status} without a problem document")
