"""The server's authorization server, as the app asks it: what it is, tokens for a code, the next tokens, sign-out."""

import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from backend.contract.pairing import CLIENT_ID, METADATA_PATH
from backend.contract.setup import SETUP_PATH
from desktop.core.ports import (
    ApiError,
    CertificateError,
    NotAServerError,
    RefusedError,
    SignedOutError,
    UnreachableError,
)
from desktop.net.api import ANSWER_S, CONNECT_S, certificate_reason
from desktop.net.keeper import Tokens
from desktop.net.lean_httpx import httpx
from desktop.net.proxy import SYSTEM, ProxyChoice
from desktop.version import version


class TooOldError(ApiError):
    """The server works with newer apps only; the text is the version it needs."""


class AuthServer:
    """`server` is its address without a closing slash, `proxy` says at each call which way leads there.

    Each call opens a connection of its own: they are rare.
    """

    def __init__(
        self,
        server: str,
        verify: ssl.SSLContext | None,
        user_agent: str,
        proxy: Callable[[], ProxyChoice] = lambda: SYSTEM,
    ) -> None:
        self.server = server
        parts = urlsplit(server)
        self.issuer = f"{parts.scheme}://{parts.netloc.lower()}"
        self._verify = verify
        self._user_agent = user_agent
        self._proxy = proxy

    async def discover(self) -> None:
        """Whether this is a FlowPilot server that works with this app. Raises `ApiError`."""
        response = await self._send("GET", METADATA_PATH)
        told = _object(response) if response.is_success else {}
        needed = told.get("flowpilot_minimum_app_version")
        if told.get("issuer") != self.issuer or not isinstance(needed, str):
            raise NotAServerError(f"no FlowPilot server calls itself {self.issuer}")
        if "S256" not in told.get("code_challenge_methods_supported", ()):
            raise NotAServerError("it does not take S256")
        if _numbers(needed) > _numbers(version()):
            raise TooOldError(needed)

    async def set_up_for(self, code: str) -> str | None:
        """The name of the account that a set-up code names; null for a code that is not in use. Raises `ApiError`."""
        response = await self._send("GET", f"{SETUP_PATH}/{quote(code, safe='')}")
        match _object(response):
            case {"account": str(account)} if response.is_success:
                return account
            case {"code": "not_found"}:
                return None
        raise NotAServerError(f"{SETUP_PATH} answered {response.status_code}")

    def authorize_url(self, **parameters: str) -> str:
        """The page on which a person says yes."""
        request = {"response_type": "code", "client_id": CLIENT_ID, "code_challenge_method": "S256", **parameters}
        return f"{self.server}/oauth/authorize?{urlencode(request)}"

    async def redeem(self, code: str, verifier: str, redirect_uri: str) -> Tokens:
        """The first tokens. Raises `ApiError`."""
        return await self._tokens(
            grant_type="authorization_code", code=code, code_verifier=verifier, redirect_uri=redirect_uri
        )

    async def renew(self, refresh_token: str) -> Tokens:
        """The next tokens; `SignedOutError` when the server has ended this sign-in, others when it may be well."""
        return await self._tokens(grant_type="refresh_token", refresh_token=refresh_token)

    async def revoke(self, refresh_token: str) -> bool:
        """Sign this computer out at the server; false when it could not be told."""
        try:
            response = await self._send("POST", "/oauth/revoke", token=refresh_token)
        except ApiError:
            return False
        return response.is_success

    async def _tokens(self, **form: str) -> Tokens:
        response = await self._send("POST", "/oauth/token", **form)
        answer = _object(response)
        match answer:
            case {"access_token": str(access), "refresh_token": str(refresh), "expires_in": int(life)}:
                return Tokens(access_token=access, refresh_token=refresh, expires_in=float(life))
            case {"error": "invalid_grant"}:
                raise SignedOutError
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
            raise RefusedError(response.status_code, "internal_error", response.reason_phrase)
        raise NotAServerError(f"/oauth/token answered {response.status_code}")

    async def _send(self, method: str, path: str, **form: str) -> httpx.Response:
        try:
            async with httpx.AsyncClient(
                verify=self._verify if self._verify is not None else False,
                timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
                headers={"User-Agent": self._user_agent, "Accept": "application/json"},
                follow_redirects=False,
                **self._proxy().httpx_options(self.server),
            ) as client:
                data = {"client_id": CLIENT_ID, **form} if form else None
                return await client.request(method, f"{self.server}{path}", data=data)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
            reason = certificate_reason(exc)
            if reason is not None:
                raise CertificateError(reason) from exc
            # The words of the error may hold the form; its kind is enough.
            raise UnreachableError(type(exc).__name__, sent=False) from exc


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        found: Any = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _numbers(text: str) -> tuple[int, ...]:
    """`1.2.0` as numbers; what is none counts as zero."""
    return tuple(int(part) if part.isascii() and part.isdigit() else 0 for part in text.split("."))
