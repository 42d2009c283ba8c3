"""Connecting a computer: the page on which a person says yes or no to the desktop app (`/oauth/authorize`)."""

import time
from typing import Annotated, Final
from urllib.parse import quote, urlsplit
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from backend.contract.pairing import REQUEST_LIFE_S
from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.identity.oauth import issuer
from backend.identity.oauth_request import PairingRequest, RequestError, answer, parse
from backend.web import render
from backend.web.routing import PageRoute
from backend.web.visitor import FormVisitor, Services, ServicesDep, Visitor, VisitorDep, trust_browser

router = APIRouter(route_class=PageRoute, include_in_schema=False)

EXPIRED: Final = "That code has expired."
_UNUSABLE: Final = "This is no sign-in of the desktop app. Start again from the app. Nothing was signed in."


@router.get("/oauth/authorize")
async def consent(request: Request, visitor: VisitorDep, services: ServicesDep) -> Response:
    """Who, which computer, when; nothing happens before a button is pressed."""
    try:
        asked = parse(request.query_params.multi_items())
    except RequestError as error:
        return _refuse(request, error)
    again = f"/sign-in?again=1&next={quote(f'{request.url.path}?{request.url.query}', safe='')}"
    if not await services.authorization.proved(visitor.caller):
        return RedirectResponse(again, 303, {"Cache-Control": "no-store"})
    try:
        await _setup_id(services, visitor, asked)
    except _OtherAccountError as other:
        return _result(request, str(other), status=409, again=again)
    page = render.html(
        request,
        "pairing.html",
        caller=visitor.caller,
        shell=visitor,
        asked=asked,
        asked_at=int(time.time()),
        result=None,
    )
    page.headers["Content-Security-Policy"] = _csp(asked)
    return page


@router.post("/oauth/authorize")
async def decide(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    decision: Annotated[str, Form()] = "",
    asked_at: Annotated[int, Form()] = 0,
) -> Response:
    """Yes or no; both are told to the app at its own address on this computer."""
    form = await request.form()
    ours = {"csrf", "decision", "asked_at"}
    try:
        asked = parse([(key, value) for key, value in form.multi_items() if key not in ours and isinstance(value, str)])
    except RequestError as error:
        return _refuse(request, error)
    if time.time() - asked_at > REQUEST_LIFE_S:
        return _result(request, EXPIRED, status=410)
    if decision != "approve":
        return _send(request, asked, error="access_denied")
    if not await services.authorization.proved(visitor.caller):
        raise Refusal("csrf_failed", "Sign in with your password first. Nothing was signed in.")
    try:
        approved = await services.authorization.approve(
            visitor.caller, asked, await _setup_id(services, visitor, asked)
        )
    except _OtherAccountError as other:
        return _result(request, str(other), status=409)
    except Refusal as refusal:
        return _result(request, refusal.detail, status=STATUS[refusal.code])
    response = _send(request, asked, code=approved.code)
    trust_browser(request, response, approved.trusted_cookie)
    return response


class _OtherAccountError(Exception):
    """The computer is set up for another account than the person's; the text says so."""


async def _setup_id(services: Services, visitor: Visitor, asked: PairingRequest) -> UUID | None:
    """The set-up code's id, where one was sent that holds. Raises `_OtherAccountError`."""
    named = await services.setup.named_by(asked.setup) if asked.setup else None
    if named is None:
        return None
    if named.account_id != visitor.caller.account_id:
        raise _OtherAccountError(
            f"This computer is set up for {named.account_name}, and you are signed in to {visitor.caller.account_name}."
        )
    return named.setup_id


def _send(request: Request, asked: PairingRequest, **values: str) -> Response:
    address = answer(asked.redirect_uri, issuer=issuer(request), state=asked.state, **values)
    return RedirectResponse(address, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def _refuse(request: Request, error: RequestError) -> Response:
    """To the app where its address is right; else to the person, who is never sent to an address that is not."""
    if error.redirect_uri is None:
        return _result(request, _UNUSABLE, status=400)
    address = answer(
        error.redirect_uri,
        issuer=issuer(request),
        state=error.state,
        error=error.error,
        error_description=error.description,
    )
    return RedirectResponse(address, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def _result(request: Request, words: str, *, status: int, again: str = "") -> Response:
    return render.html(request, "pairing.html", status=status, result=words, again=again)


def _csp(asked: PairingRequest) -> str:
    """Browsers hold a form's redirects to `form-action` too: this page's may lead to the app's address alone."""
    parts = urlsplit(asked.redirect_uri)
    # A policy cannot name an IPv6 address.
    target = f"http://127.0.0.1:{parts.port}" if parts.hostname == "127.0.0.1" else "http:"
    return render.CSP.replace("form-action 'self'", f"form-action 'self' {target}")
