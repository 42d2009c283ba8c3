"""/sign-in/code: the second step of a sign-in, and on the way setting up what the account asks for."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.identity.service import SecondStepNeededError
from backend.web import render
from backend.web.routing import PageRoute
from backend.web.visitor import (
    ServicesDep,
    keep_session,
    keep_step,
    refuse_other_origins,
    safe_next,
    services_of,
    step_of,
    visitor_or_none,
)

router = APIRouter(route_class=PageRoute, include_in_schema=False)


def second_step(request: Request, needed: SecondStepNeededError, target: str | None) -> Response:
    """Lead the browser from a right password to the page for the code."""
    where = f"/sign-in/code?next={quote(target, safe='')}" if target else "/sign-in/code"
    response = RedirectResponse(where, 303, {"Cache-Control": "no-store"})
    keep_step(request, response, needed.token)
    return response


def qr(uri: str) -> Markup:
    """The QR code as an SVG without a word of style, which the policy of our pages would not let through."""
    import segno  # noqa: PLC0415 - for whoever sets up a second factor

    drawn = segno.make(uri, error="m", micro=False).svg_inline(
        scale=4, border=3, dark="#000", light="#fff", svgclass="qr", lineclass=None, omitsize=True
    )
    return Markup(drawn)  # noqa: S704 - segno draws it from bits; nothing of what was encoded stands in it as text


async def _page(request: Request, target: str | None, *, status: int = 200, error: str | None = None) -> Response:
    pending = await services_of(request).two_steps.look(step_of(request))
    if pending is None:
        return RedirectResponse("/sign-in", 303, {"Cache-Control": "no-store"})
    return render.html(
        request,
        "code.html",
        status=status,
        pending=pending,
        picture=qr(pending.setup.uri) if pending.setup else None,
        codes=None,
        next=target,
        error=error,
    )


@router.get("/sign-in/code")
async def code_page(request: Request, next: str = "") -> Response:  # noqa: A002 - its name
    """Asks for the code; for whoever must set up a second factor first, shows how."""
    return await _page(request, safe_next(next))


@router.post("/sign-in/code")
async def code(
    request: Request,
    services: ServicesDep,
    code: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "",  # noqa: A002 - the field's name
) -> Response:
    """Finish the sign-in."""
    refuse_other_origins(request)
    target, before = safe_next(next), await visitor_or_none(request)
    try:
        finished = await services.two_steps.finish(
            step_of(request),
            code[:64],
            address=request.client.host if request.client else "",
            user_agent=request.headers.get("user-agent", ""),
        )
    except Refusal as refusal:
        if refusal.code not in {"unauthenticated", "too_many_requests"}:
            return RedirectResponse("/sign-in", 303, {"Cache-Control": "no-store"})
        return await _page(request, target, status=STATUS[refusal.code], error=refusal.detail)
    if before is not None:
        await services.identity.sign_out(before.token)
    response: Response = RedirectResponse(target or "/sessions", 303, {"Cache-Control": "no-store"})
    if finished.codes:
        response = render.html(
            request, "code.html", pending=None, picture=None, codes=finished.codes, next=target, error=None
        )
    keep_session(request, response, finished.session)
    return response
