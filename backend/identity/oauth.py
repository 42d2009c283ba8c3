"""The authorization server's routes for programs: metadata (RFC 8414), tokens (RFC 6749), revocation (RFC 7009).

The page on which a person says yes is the web app's (`backend/web/pages_pairing.py`).
"""

from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse

from backend.contract.pairing import CLIENT_ID, METADATA_PATH, MINIMUM_APP_VERSION
from backend.http.origins import origin_of
from backend.identity.authorization import AuthorizationService, Granted
from backend.identity.dependencies import is_secure
from backend.identity.failures import Failures
from backend.identity.oauth_request import OAuthError, once

router = APIRouter(tags=["sign-in"])

MAX_FORM: Final = 8 * 1024
"""Bytes. The largest honest request is under one KiB."""
_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_FORM: Final = "application/x-www-form-urlencoded"
_failures: Final = Failures()


def issuer(connection: HTTPConnection) -> str:
    """This server's name as the asker knows it: the origin asked, where that is one of ours, else the public one."""
    host = connection.headers.get("host", "")
    asked = f"{connection.url.scheme}://{host}"
    known: frozenset[str] | None = connection.app.state.origins
    if known is None:
        return f"{'https' if is_secure(connection) else 'http'}://{host}"
    return asked if asked in known else origin_of(connection.app.state.public_url)


def _body(**fields: str) -> dict[str, Any]:
    """The request body as OpenAPI describes it."""
    schema = {
        "type": "object",
        "properties": {name: {"type": "string", "description": d} for name, d in fields.items()},
    }
    return {"requestBody": {"required": True, "content": {_FORM: {"schema": schema}}}}


@router.get(METADATA_PATH, summary="What this authorization server can do (RFC 8414)")
async def metadata(request: Request) -> JSONResponse:
    """Endpoints and abilities. `flowpilot_minimum_app_version` is the oldest desktop app that works with it."""
    name = issuer(request)
    return JSONResponse(
        {
            "issuer": name,
            "authorization_endpoint": f"{name}/oauth/authorize",
            "token_endpoint": f"{name}/oauth/token",
            "revocation_endpoint": f"{name}/oauth/revoke",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            "authorization_response_iss_parameter_supported": True,
            "flowpilot_minimum_app_version": MINIMUM_APP_VERSION,
        },
        headers=_NO_STORE,
    )


@router.post(
    "/oauth/token",
    summary="A code or a refresh token becomes an access token (RFC 6749, with PKCE)",
    openapi_extra=_body(
        grant_type="authorization_code or refresh_token",
        client_id=CLIENT_ID,
        code="with authorization_code",
        redirect_uri="with authorization_code: the one of the request",
        code_verifier="with authorization_code (RFC 7636)",
        refresh_token="with refresh_token",  # noqa: S106 - a description
    ),
    responses={
        400: {"description": "RFC 6749, 5.2: invalid_request, invalid_client, invalid_grant, unsupported_grant_type"},
        429: {"description": "Too many failed requests from this address"},
    },
)
async def token(request: Request) -> JSONResponse:
    """Tokens for a device. The refresh token replaces the one that was sent as soon as it is used itself."""
    authorization: AuthorizationService = request.app.state.services.authorization
    address = request.client.host if request.client else ""
    if not _failures.may_try(address):
        body = {"error": "invalid_request", "error_description": "Too many failed requests. Try again in a minute."}
        return JSONResponse(body, 429, {**_NO_STORE, "Retry-After": "60"})
    try:
        granted = await _grant(authorization, await _form(request))
    except OAuthError as error:
        _failures.failed(address)
        return _refused(error)
    return JSONResponse(
        {
            "access_token": granted.access_token,
            "token_type": "Bearer",
            "expires_in": granted.expires_in,
            "refresh_token": granted.refresh_token,
        },
        headers=_NO_STORE,
    )


@router.post(
    "/oauth/revoke",
    summary="Sign a device out (RFC 7009)",
    openapi_extra=_body(token="the device's refresh token", client_id=CLIENT_ID),  # noqa: S106 - a description
    responses={400: {"description": "RFC 7009, 2.2.1: invalid_request, invalid_client"}},
)
async def revoke(request: Request) -> JSONResponse:
    """Ends the device with all its tokens and sockets. Unknown tokens are answered with 200 too."""
    authorization: AuthorizationService = request.app.state.services.authorization
    try:
        form = await _form(request)
        await authorization.revoke(_needed(form, "token"))
    except OAuthError as error:
        return _refused(error)
    return JSONResponse({}, headers=_NO_STORE)


async def _grant(authorization: AuthorizationService, form: dict[str, str]) -> Granted:
    match form.get("grant_type"):
        case "authorization_code":
            return await authorization.redeem(
                code=_needed(form, "code"),
                verifier=_needed(form, "code_verifier"),
                redirect_uri=_needed(form, "redirect_uri"),
            )
        case "refresh_token":
            return await authorization.refresh(_needed(form, "refresh_token"))
        case None | "":
            raise OAuthError("invalid_request", "`grant_type` is missing.")
        case _:
            raise OAuthError("unsupported_grant_type", "Use authorization_code or refresh_token.")


async def _form(request: Request) -> dict[str, str]:
    """The form's fields, each once. Raises OAuthError; checks the client's name, which every request must carry."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise OAuthError("invalid_request", f"Send {_FORM}.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            raise OAuthError("invalid_request", f"The body is over {MAX_FORM} bytes.")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError as error:
        raise OAuthError("invalid_request", "The form cannot be read.") from error
    form = once(pairs)
    if form.get("client_id") != CLIENT_ID:
        raise OAuthError("invalid_client", f"`client_id` must be {CLIENT_ID}.")
    return form


def _needed(form: dict[str, str], name: str) -> str:
    if not form.get(name):
        raise OAuthError("invalid_request", f"`{name}` is missing.")
    return form[name]


def _refused(error: OAuthError) -> JSONResponse:
    return JSONResponse({"error": error.error, "error_description": error.description}, 400, _NO_STORE)
