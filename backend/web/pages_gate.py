"""Signing in and out, the one-time ticket's landing page, and the theme."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.identity.dependencies import BROWSER_COOKIE, cookie_name, is_secure
from backend.identity.service import SecondStepNeededError
from backend.web import render
from backend.web.pages_code import second_step
from backend.web.routing import PageRoute, done
from backend.web.visitor import (
    FormVisitor,
    ServicesDep,
    VisitorDep,
    drop_session,
    keep_session,
    refuse_other_origins,
    safe_next,
    visitor_or_none,
)

router = APIRouter(route_class=PageRoute, include_in_schema=False)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


@router.get("/")
async def home(_visitor: VisitorDep) -> Response:
    """The first page is the session list."""
    return RedirectResponse("/sessions", 303)


@router.get("/sign-in")
async def sign_in_page(request: Request, next: str = "", again: str = "") -> Response:  # noqa: A002 - its name
    """The sign-in form; someone signed in goes straight on, unless the password is to be given `again`."""
    target = safe_next(next)
    if not again and await visitor_or_none(request):
        return RedirectResponse(target or "/sessions", 303)
    return render.html(request, "sign_in.html", error=None, until=None, notice=None, next=target, email="")


@router.post("/sign-in")
async def sign_in(
    request: Request,
    services: ServicesDep,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "",  # noqa: A002 - the field's name
) -> Response:
    """Check the password; one message for an unknown address and a wrong password."""
    refuse_other_origins(request)
    target, before = safe_next(next), await visitor_or_none(request)
    try:
        session = await services.identity.sign_in(
            email, password, address=_address(request), user_agent=request.headers.get("user-agent", "")
        )
    except SecondStepNeededError as needed:
        return second_step(request, needed, target)
    except Refusal as refusal:
        until = refusal.extensions.get("paused_until")
        return render.html(
            request,
            "sign_in.html",
            status=STATUS[refusal.code],
            error=refusal.detail,
            until=datetime.fromisoformat(str(until)) if until else None,
            notice=None,
            next=target,
            email=email[:254],
        )
    if before is not None:  # the sign-in that this one follows in this browser is over
        await services.identity.sign_out(before.token)
    response = RedirectResponse(target or "/sessions", 303)
    keep_session(request, response, session)
    return response


@router.post("/sign-out")
async def sign_out(request: Request, visitor: FormVisitor, services: ServicesDep) -> Response:
    """End this browser's sign-in."""
    await services.identity.sign_out(visitor.token)
    response = RedirectResponse("/sign-in", 303)
    drop_session(request, response)
    return response


@router.post("/preferences/theme")
async def theme(
    request: Request,
    _visitor: FormVisitor,
    theme: Annotated[str, Form()] = "system",
    back: Annotated[str, Form()] = "/",
) -> Response:
    """Keep the theme for this browser."""
    response = done(request, safe_next(back) or "/")
    chosen = theme if theme in render.THEMES else "system"
    response.set_cookie(render.THEME_COOKIE, chosen, 365 * 86_400, path="/", secure=is_secure(request), samesite="lax")
    return response


@router.get("/go")
async def go_page(request: Request) -> Response:
    """Reads the ticket from the fragment (its script does) and posts it back; the fragment never reaches a server."""
    return render.html(request, "go.html", info=None, refused=False)


@router.post("/go")
async def go(
    request: Request,
    services: ServicesDep,
    ticket: Annotated[str, Form()] = "",
    explicit: Annotated[str, Form()] = "",
) -> Response:
    """Use the ticket: at once for the same person or a browser that person has proved, else after the button."""
    refuse_other_origins(request)
    trusted = request.cookies.get(cookie_name(request, BROWSER_COOKIE))
    here = await visitor_or_none(request)
    info = await services.tickets.peek(ticket, trusted_cookie=trusted)
    if info is None:
        return render.html(request, "go.html", status=403, info=None, refused=True)
    same = here is not None and (here.caller.account_id, here.caller.user_id) == (info.account_id, info.user_id)
    # A proved browser lets its person straight in, but nobody else's sign-in is ever replaced unseen.
    at_once = same or (info.trusted and here is None)
    if not (at_once or explicit):
        current = here.caller.name if here else None
        return render.html(request, "go.html", info=info, refused=False, ticket=ticket, current=current)
    try:
        redeemed = await services.tickets.redeem(
            ticket,
            trusted_cookie=trusted,
            explicit=same or bool(explicit),
            address=_address(request),
            user_agent=request.headers.get("user-agent", ""),
        )
    except Refusal:
        return render.html(request, "go.html", status=403, info=None, refused=True)
    response = RedirectResponse(await services.claiming.destination(info.account_id, redeemed.handoff_id), 303)
    if same:
        # The sign-in at hand stays: other tabs' forms carry its anti-forgery value.
        await services.identity.sign_out(redeemed.web_session.token)
    else:
        if here is not None:  # as at a sign-in: the one that this one follows in this browser is over
            await services.identity.sign_out(here.token)
        keep_session(request, response, redeemed.web_session)
    return response
