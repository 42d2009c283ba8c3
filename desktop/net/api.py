"""The HTTP calls: httpx below, contract dataclasses and the errors of `desktop.core.ports` above.

One connection pool for the life of the app. No retry here: whether to ask again is a rule, and rules live in the core.
"""

import ssl
from collections.abc import Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from backend.contract.events import TrialAlert
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
MAX_PAGES: Final = 50
CONNECT_S: Final = 5.0
ANSWER_S: Final = 15.0
_T = TypeVar("_T")


class HttpApi:
    """`desktop.core.ports.Api` over HTTP. `verify` is the app's one TLS context, null for plain http."""

    def __init__(self, session: Session, verify: ssl.SSLContext | None) -> None:
        self._session = session
        self._verify = verify
        self._client = self._new_client()

    def _new_client(self) -> httpx.AsyncClient:
        session = self._session
        return httpx.AsyncClient(
            verify=self._verify if self._verify is not None else False,
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            headers={"User-Agent": session.user_agent, "Accept": "application/json"},
            limits=httpx.Limits(max_connections=4, max_keepalive_connections=2, keepalive_expiry=30.0),
            follow_redirects=False,
            **session.proxy.httpx_options(loopback=session.loopback),
        )

    async def reopen(self) -> None:
        """The session has another proxy now: what is asked from here on goes its way."""
        former, self._client = self._client, self._new_client()
        await former.aclose()

    async def close(self) -> None:
        """Let the connections go."""
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

    async def _call(
        self,
        method: str,
        path: str,
        answer: type[_T],
        *,
        params: Mapping[str, str] | None = None,
        body: dict[str, Any] | None = None,
    ) -> _T:
        token = await self._session.bearer()
        response = await self._send(method, path, token, params=params, body=body)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            # Refused before anything was done, so the same request may be sent again with a newer token.
            token = await self._session.bearer(refused=token)
            response = await self._send(method, path, token, params=params, body=body)
        response = _checked(response)
        try:
            return msgspec.json.decode(response.content, type=answer)
        except msgspec.DecodeError as exc:
            raise NotAServerError(f"{path} did not answer as a FlowPilot server does: {exc}") from exc

    async def _send(
        self,
        method: str,
        path: str,
        token: str,
        *,
        params: Mapping[str, str] | None = None,
        body: dict[str, Any] | None = None,
    ) -> httpx.Response:
        try:
            return await self._client.request(
                method,
                f"{self._session.server}/api/v1{path}",
                params=params,
                json=body,
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


def _reason(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}".rstrip(": ")


def _checked(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    if response.status_code == httpx.codes.UNAUTHORIZED:
        raise SignedOutError
    try:
        problem: Any = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        problem = None
    match problem:
        case {"code": str(code), **rest}:
            extra = {str(key): value for key, value in rest.items()}
            raise RefusedError(response.status_code, code, str(extra.get("detail") or ""), extra)
        case _ if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise RefusedError(response.status_code, "internal_error", response.reason_phrase)
        case _:
            raise NotAServerError(f"an answer of {response.status_code} without a problem document")
