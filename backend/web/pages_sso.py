"""/sign-in/sso: to the account's own identity provider and back."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.identity.oauth import issuer
from backend.identity.service import SecondStepNeededError
from backend.sso.port import SsoError
from backend.web import render
from backend.web.pages_code import second_step
from backend.web.routing import PageRoute
from backend.web.visitor import (
    ServicesDep,
    keep_session,
    keep_way,
    refuse_other_origins,
    safe_next,
    visitor_or_none,
    way_of,
)

router = APIRouter(route_class=PageRoute, include_in_schema=False)
CALLBACK: Final = "/sign-in/sso/callback"


def redirect_uri(request: Request) -> str:
    """Where the provider sends the browser back to; its administrator enters this address there."""
    return issuer(request) + CALLBACK


def _page(
    request: Request, target: str | None, *, status: int = 200, error: str | None = None, email: str = ""
) -> Response:
    return render.html(request, "sso.html", status=status, error=error, email=email, next=target, way=None)


@router.get("/sign-in/sso")
async def sso_page(request: Request, next: str = "") -> Response:  # noqa: A002 - its name
    """Asks for the address, whose domain names the provider."""
    return _page(request, safe_next(next))


@router.post("/sign-in/sso")
async def begin(
    request: Request,
    services: ServicesDep,
    email: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "",  # noqa: A002 - the field's name
) -> Response:
    """Set out. A page that goes on by itself: browsers let no form of ours be redirected to another site."""
    refuse_other_origins(request)
    target = safe_next(next)
    address = request.client.host if request.client else ""
    try:
        way = await services.sso.begin(email, redirect_uri=redirect_uri(request), target=target, address=address)
    except Refusal as refusal:
        return _page(request, target, status=STATUS[refusal.code], error=refusal.detail, email=email[:254])
    response = render.html(request, "sso.html", error=None, email="", next=None, way=way)
    response.headers["Referrer-Policy"] = "no-referrer"
    keep_way(request, response, way.cookie)
    return response


@router.get(CALLBACK)
async def callback(
    request: Request,
    services: ServicesDep,
    state: str = "",
    code: str = "",
    iss: str | None = None,
    error: str = "",
) -> Response:
    """Back from the provider. Only the browser that set out can arrive, once."""
    before = await visitor_or_none(request)
    try:
        arrived = await services.sso.arrive(
            state=state,
            code=code,
            issuer=iss,
            error=error,
            cookie=way_of(request),
            redirect_uri=redirect_uri(request),
            address=request.client.host if request.client else "",
            user_agent=request.headers.get("user-agent", ""),
        )
    except SecondStepNeededError as needed:
        return second_step(request, needed, needed.target)
    except SsoError as refused:
        return _page(request, None, status=403, error=refused.text)
    if before is not None:
        await services.identity.sign_out(before.token)
    response = RedirectResponse(arrived.next or "/sessions", 303, {"Cache-Control": "no-store"})
    keep_session(request, response, arrived.session)
    return response
