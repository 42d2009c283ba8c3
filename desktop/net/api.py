"""The HTTP calls: httpx below, contract dataclasses and the errors of `desktop.core.ports` above.

One connection pool for the life of the app. No retry here: whether to ask again is a rule, and rules live in the core.
"""

import asyncio
import ssl
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from backend.contract.events import Holding, Receipt, TrialAlert
from backend.contract.handoffs import ClaimResult, Handoff, QueuePage, QueueRow
from backend.contract.people import Me
from desktop.core.ports import (
    CertificateError,
    NotAServerError,
    RefusedError,
    SignedOutError,
    UnreachableError,
)
from desktop.net.lean_httpx import httpx
from desktop.net.session import Session

PAGE_LIMIT: Final = 200
EVENTS_LIMIT: Final = 200
MAX_PAGES: Final = 50
CONNECT_S: Final = 5.0
ANSWER_S: Final = 15.0
_T = TypeVar("_T")


class RawPage(msgspec.Struct):
    """`EventPage` with its events as they came: kinds of a newer server pass."""

    events: list[msgspec.Raw]
    head: int
    epoch: str
    reset: bool = False
    test: TrialAlert | None = None


class HttpApi:
    """`desktop.core.ports.Api` over HTTP. `verify` is the app's one TLS context, null for plain http."""

    def __init__(self, session: Session, verify: ssl.SSLContext | None) -> None:
        self._session = session
        self._verify = verify
        self._client: httpx.AsyncClient | None = None
        self._by: str | None = None
        self._former: set[asyncio.Task[None]] = set()

    def _client_now(self) -> httpx.AsyncClient:
        """The one pool of connections; another when another proxy leads to the server now. Raises `ApiError`."""
        session = self._session
        by = session.proxy.url_for(session.server)
        if self._client is not None and by == self._by:
            return self._client
        if self._client is not None:
            closing = asyncio.get_running_loop().create_task(self._client.aclose())
            self._former.add(closing)
            closing.add_done_callback(self._former.discard)
        self._by = by
        self._client = httpx.AsyncClient(
            verify=self._verify if self._verify is not None else False,
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            headers={"User-Agent": session.user_agent, "Accept": "application/json"},
            limits=httpx.Limits(max_connections=4, max_keepalive_connections=2, keepalive_expiry=30.0),
            follow_redirects=False,
            trust_env=False,
            proxy=by,
        )
        return self._client

    async def close(self) -> None:
        """Let the connections go."""
        if self._client is not None:
            await self._client.aclose()

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
            page = await self._call("GET", "/handoffs", QueuePage, params=params)
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
        return await self._call("POST", f"/handoffs/{quote(handoff_id, safe='')}/release", Handoff, body={"note": note})

    async def test_notification(self) -> TrialAlert:
        """`POST /devices/test-notification`."""
        return await self._call("POST", "/devices/test-notification", TrialAlert)

    async def events(
        self,
        *,
        after: int,
        epoch: str | None = None,
        wait: int = 0,
        limit: int = EVENTS_LIMIT,
        present: bool = True,
        holding: Holding | None = None,
    ) -> "tuple[RawPage, datetime | None]":
        """`GET /events`, `present` as one that shows or holds alerts; with the server's time, if it says so."""
        params = {"after": str(after), "limit": str(limit), "wait": str(wait), "present": str(present).lower()}
        if epoch is not None:
            params["epoch"] = epoch
        if holding is not None and holding.reason is not None:
            params["held"] = holding.reason
            if holding.until is not None:
                params["held_until"] = holding.until.isoformat()
        response = await self._asked("GET", "/events", params=params, answer_s=ANSWER_S + wait)
        return _decoded(response, "/events", RawPage), _date(response)

    async def tell(self, receipt: Receipt) -> None:
        """`POST /handoffs/{id}/receipts`. A handoff that is no more, or no more ours to claim, needs none."""
        body = {"state": receipt.state, "reason": receipt.reason, "rung": receipt.rung}
        try:
            await self._asked("POST", f"/handoffs/{quote(receipt.handoff_id, safe='')}/receipts", body=body)
        except RefusedError as exc:
            if exc.code not in {"not_found", "role_required"}:
                raise

    async def tell_test(self, test_id: str, receipt: Receipt) -> None:
        """`POST /devices/test-notification/receipts`: what became of a test notification."""
        body = {"id": test_id, "state": receipt.state, "reason": receipt.reason}
        await self._asked("POST", "/devices/test-notification/receipts", body=body)

    async def _call(
        self,
        method: str,
        path: str,
        answer: type[_T],
        *,
        params: Mapping[str, str] | None = None,
        body: dict[str, Any] | None = None,
    ) -> _T:
        return _decoded(await self._asked(method, path, params=params, body=body), path, answer)

    async def _asked(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: dict[str, Any] | None = None,
        answer_s: float = ANSWER_S,
    ) -> httpx.Response:
        token = await self._session.bearer()
        response = await self._send(method, path, token, params=params, body=body, answer_s=answer_s)
        if _unauthenticated(response):
            # Refused before anything was done, so the same request may be sent again with a newer token.
            token = await self._session.bearer(refused=token)
            response = await self._send(method, path, token, params=params, body=body, answer_s=answer_s)
        return _checked(response)

    async def _send(
        self,
        method: str,
        path: str,
        token: str,
        *,
        params: Mapping[str, str] | None = None,
        body: dict[str, Any] | None = None,
        answer_s: float,
    ) -> httpx.Response:
        client = self._client_now()
        try:
            return await client.request(
                method,
                f"{self._session.server}/api/v1{path}",
                params=params,
                json=body,
                timeout=httpx.Timeout(answer_s, connect=CONNECT_S),
                headers={"Authorization": f"Bearer {token}"},
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as exc:
            reason = certificate_reason(exc)
            if reason is not None:
                raise CertificateError(reason) from exc
            raise UnreachableError(_reason(exc), sent=False) from exc
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise UnreachableError(_reason(exc), sent=True) from exc


def certificate_reason(exc: BaseException) -> str | None:
    """Why a certificate was refused, when that is what lies below this error."""
    seen: BaseException | None = exc
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return str(seen.verify_message)
        seen = seen.__cause__ or seen.__context__
    return None


def _decoded(response: httpx.Response, path: str, answer: type[_T]) -> _T:
    try:
        return msgspec.json.decode(response.content, type=answer)
    except msgspec.DecodeError as exc:
        raise NotAServerError(f"{path} did not answer as a FlowPilot server does: {exc}") from exc


def _date(response: httpx.Response) -> datetime | None:
    try:
        return parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return None


def _reason(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}".rstrip(": ")


def problem_of(kind: str, content: bytes) -> dict[str, Any] | None:
    """The problem document in an answer; null for what somebody else on the way has written."""
    if not kind.startswith("application/problem+json"):
        return None
    try:
        found: Any = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("code"), str) else None


def _unauthenticated(response: httpx.Response) -> bool:
    """Whether the server itself, and not a page on the way, does not know the token."""
    kind = response.headers.get("Content-Type", "")
    return response.status_code == httpx.codes.UNAUTHORIZED and problem_of(kind, response.content) is not None


def _checked(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    problem = problem_of(response.headers.get("Content-Type", ""), response.content)
    if _unauthenticated(response):
        raise SignedOutError
    match problem:
        case {"code": str(code), **rest}:
            extra = {str(key): value for key, value in rest.items()}
            raise RefusedError(response.status_code, code, str(extra.get("detail") or ""), extra)
        case _ if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise RefusedError(response.status_code, "internal_error", response.reason_phrase)
        case _:
            raise NotAServerError(f"an answer of {response.status_code} without a problem document")
