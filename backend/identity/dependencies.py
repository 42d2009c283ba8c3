"""How a route learns who is calling: a bearer token, or the web app's cookie with its protections."""

from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from backend.domain.refusal import Refusal
from backend.domain.scopes import needed
from backend.identity.caller import Caller
from backend.identity.service import IdentityService

SESSION_COOKIE: Final = "fp_session"
BROWSER_COOKIE: Final = "fp_browser"
STEP_COOKIE: Final = "fp_step"
SSO_COOKIE: Final = "fp_sso"
CSRF_HEADER: Final = "x-csrf-token"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_NO_CREDENTIAL: Final = "Send `Authorization: Bearer` with a personal access token, or sign in in the browser."


def is_secure(connection: HTTPConnection) -> bool:
    """True when people reach the server by https, directly or by way of a proxy that FLOWPILOT_PUBLIC_URL names."""
    public: str = connection.app.state.public_url
    return public.startswith("https://") or connection.url.scheme in {"https", "wss"}


def cookie_name(connection: HTTPConnection, name: str) -> str:
    """`__Host-` binds a cookie to this very host; browsers accept it with https only."""
    return f"__Host-{name}" if is_secure(connection) else name


def same_origin(connection: HTTPConnection) -> bool:
    """True when the Origin header is exactly the address that people use; a missing one is not.

    Where an operator has named that address (FLOWPILOT_PUBLIC_URL), it and the one that the server listens on are the
    only ones, whatever the Host header says; else it is the host that the browser asked.
    """
    origin = connection.headers.get("origin", "")
    known: frozenset[str] | None = connection.app.state.origins
    if known is not None:
        return origin in known
    scheme = "https" if is_secure(connection) else "http"
    return origin == f"{scheme}://{connection.headers.get('host', '')}"


def bearer(connection: HTTPConnection) -> str | None:
    """The token of the Authorization header, or None."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _identity(connection: HTTPConnection) -> IdentityService:
    service: IdentityService = connection.app.state.services.identity
    return service


def identity_service(request: Request) -> IdentityService:
    """The service, for routes."""
    return _identity(request)


async def caller_of(connection: HTTPConnection) -> Caller | None:
    """Who is calling, or None. A bearer token that does not hold is never rescued by a cookie."""
    token = bearer(connection)
    if token is not None:
        return await _identity(connection).caller_from_token(token)
    cookie = connection.cookies.get(cookie_name(connection, SESSION_COOKIE))
    return await _identity(connection).caller_from_cookie(cookie) if cookie else None


async def require_caller(request: Request) -> Caller:
    """The caller; refuses strangers, and changes by cookie without the anti-forgery header from our own origin."""
    caller = await caller_of(request)
    if caller is None:
        raise Refusal("unauthenticated", _NO_CREDENTIAL)
    scope = needed(request.method, request.scope["path"])  # as it was routed; the URL is built of headers, too
    if caller.scopes is not None and scope not in caller.scopes:
        raise Refusal("scope_required", f"This access token has no `{scope}` scope. Nothing was changed.", scope=scope)
    if caller.kind == "web" and request.method not in _SAFE:
        cookie = request.cookies[cookie_name(request, SESSION_COOKIE)]
        if "origin" in request.headers and not same_origin(request):
            raise Refusal("origin_refused", "Changes by cookie are taken from this server's own pages only.")
        if not _identity(request).check_csrf(cookie, request.headers.get(CSRF_HEADER, "")):
            raise Refusal("csrf_failed", "The page is out of date. Reload it and try again. Nothing was changed.")
    return caller


CallerDep = Annotated[Caller, Depends(require_caller)]
Identity = Annotated[IdentityService, Depends(identity_service)]
