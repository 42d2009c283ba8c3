"""/secrets/{id}: who left a secret, and a button that shows it once. Opening the page uses nothing up."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.contract.onetime import SecretLink
from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.web import formats, render
from backend.web.routing import PageRoute
from backend.web.visitor import FormVisitor, ServicesDep, Visitor, VisitorDep, services_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)


async def _page(
    request: Request,
    visitor: Visitor,
    about: SecretLink,
    *,
    content: str | None = None,
    gone: str | None = None,
    status: int = 200,
) -> Response:
    services = services_of(request)
    seq, waiting = await services.handoffs.shell_state(visitor.caller)
    return render.html(
        request,
        "secret.html",
        status=status,
        caller=visitor.caller,
        shell=visitor,
        seq=seq,
        waiting=waiting,
        about=about,
        content=content,
        gone=gone,
        over=about.viewed_at is not None or about.expires_at <= formats.now(),
    )


@router.get("/secrets/{secret_id}")
async def about(request: Request, visitor: VisitorDep, services: ServicesDep, secret_id: str) -> Response:
    """Who left it; never what it says."""
    return await _page(request, visitor, await services.secrets.about(visitor.caller, secret_id))


@router.post("/secrets/{secret_id}")
async def view(request: Request, visitor: FormVisitor, services: ServicesDep, secret_id: str) -> Response:
    """Show it, this once."""
    try:
        shown = await services.secrets.view(visitor.caller, secret_id)
    except Refusal as refusal:
        if refusal.code != "secret_gone":
            raise
        known = await services.secrets.about(visitor.caller, secret_id)
        return await _page(request, visitor, known, gone=refusal.detail, status=STATUS[refusal.code])
    known = await services.secrets.about(visitor.caller, secret_id)
    return await _page(request, visitor, known, content=shown.content)
