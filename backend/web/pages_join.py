"""/join: an invitation's link; setting a password and being in."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.identity.service import SecondStepNeededError
from backend.web import render
from backend.web.pages_code import second_step
from backend.web.routing import PageRoute
from backend.web.visitor import ServicesDep, keep_session, refuse_other_origins, visitor_or_none

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/join")
async def landing(request: Request) -> Response:
    """Reads the secret from the fragment (its script does), or takes it pasted; opening it changes nothing."""
    return render.html(request, "join.html", offer=None, refused=None, error=None, secret="")


@router.post("/join")
async def offer(request: Request, services: ServicesDep, ticket: Annotated[str, Form()] = "") -> Response:
    """What the invitation offers, with the form that accepts it."""
    refuse_other_origins(request)
    secret = _secret(ticket)
    try:
        found = await services.invites.look(secret)
    except Refusal as refusal:
        return render.html(
            request, "join.html", status=STATUS[refusal.code], offer=None, refused=refusal.detail, error=None, secret=""
        )
    return render.html(request, "join.html", offer=found, refused=None, error=None, secret=secret)


@router.post("/join/accept")
async def accept(
    request: Request,
    services: ServicesDep,
    ticket: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    keep: Annotated[str, Form()] = "",
) -> Response:
    """Make the person, sign this browser in."""
    refuse_other_origins(request)
    secret, before = _secret(ticket), await visitor_or_none(request)
    address = request.client.host if request.client else ""
    try:
        email = await services.invites.accept(
            secret, name=name, password=password, address=address, keep_devices=bool(keep)
        )
    except Refusal as refusal:
        if refusal.code not in {"invalid_body", "ticket_refused", "too_many_requests"}:
            raise
        try:
            found = await services.invites.look(secret) if refusal.code == "invalid_body" else None
        except Refusal as gone:
            refusal, found = gone, None
        return render.html(
            request,
            "join.html",
            status=STATUS[refusal.code],
            offer=found,
            refused=None if found else refusal.detail,
            error=refusal.detail,
            secret=secret,
        )
    try:
        session = await services.identity.sign_in(
            email, password, address=address, user_agent=request.headers.get("user-agent", "")
        )
    except SecondStepNeededError as needed:  # a link for a new password does not stand for the second factor
        return second_step(request, needed, None)
    except Refusal:
        return RedirectResponse("/sign-in", 303)
    if before is not None:  # the sign-in that this one follows in this browser is over
        await services.identity.sign_out(before.token)
    response = RedirectResponse("/sessions", 303)
    keep_session(request, response, session)
    return response


def _secret(given: str) -> str:
    """The secret itself: people paste the whole link as well."""
    return given.strip().rpartition("#t=")[2]
