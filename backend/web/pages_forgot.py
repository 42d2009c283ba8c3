"""/forgot: asking for a link to set a new password. One answer for every address, known or not."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.web import render
from backend.web.routing import PageRoute
from backend.web.visitor import ServicesDep, refuse_other_origins, sends_mail

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/forgot")
async def forgot_page(request: Request) -> Response:
    """Asks for the address; where the server sends no mail, says whom to ask."""
    return render.html(request, "forgot.html", sends_mail=sends_mail(request), asked=None, error=None)


@router.post("/forgot")
async def forgot(request: Request, services: ServicesDep, email: Annotated[str, Form()] = "") -> Response:
    """Keep the request; a worker looks whether somebody has the address and mails the link."""
    refuse_other_origins(request)
    address = request.client.host if request.client else ""
    error, status, asked = None, 200, email.strip()[:254]
    try:
        if sends_mail(request) and asked:
            await services.forgotten.ask(asked, address=address)
    except Refusal as refusal:
        error, status, asked = refusal.detail, STATUS[refusal.code], ""
    return render.html(
        request, "forgot.html", status=status, sends_mail=sends_mail(request), asked=asked or None, error=error
    )
