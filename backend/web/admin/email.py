"""/admin/email: what mails contain, when they go, as whom; and a test whose result is told as it is."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from backend.delivery.mail_settings import EmailSettings, Tested
from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.web.admin import tabs
from backend.web.routing import PageRoute, by_script, done
from backend.web.visitor import FormVisitor, ServicesDep, Visitor, VisitorDep, services_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_HERE: Final = "/admin/email"


async def _page(
    request: Request,
    visitor: Visitor,
    *,
    status: int = 200,
    form: dict[str, str] | None = None,
    error: str | None = None,
    tested: Tested | None = None,
) -> Response:
    services = services_of(request)
    settings = await services.email_settings.settings(visitor.caller)
    return await tabs.page(
        request,
        visitor,
        "e-mail",
        "admin/email.html",
        status=status,
        server=services.email_settings.server,
        form=form or _form(settings),
        error=error,
        tested=tested,
        saved=request.query_params.get("saved") == "1",
    )


def _form(settings: EmailSettings) -> dict[str, str]:
    return {
        "content": settings.content,
        "delay": str(settings.delay_s),
        "sender_name": settings.sender_name or "",
    }


@router.get(_HERE)
async def email_page(request: Request, visitor: VisitorDep) -> Response:
    """The settings that count."""
    return await _page(request, visitor)


@router.post(_HERE)
async def save(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    content: Annotated[str, Form()] = "",
    delay: Annotated[str, Form()] = "",
    sender_name: Annotated[str, Form()] = "",
) -> Response:
    """Save them."""
    given = {"content": content, "delay": delay.strip(), "sender_name": sender_name}
    try:
        await services.email_settings.change(visitor.caller, **given)
    except Refusal as refusal:
        if by_script(request) or refusal.code != "invalid_body":
            raise
        return await _page(request, visitor, status=STATUS[refusal.code], form=given, error=refusal.detail)
    return done(request, f"{_HERE}?saved=1")


@router.post(f"{_HERE}/test")
async def test(request: Request, visitor: FormVisitor, services: ServicesDep) -> Response:
    """Send a test to oneself; the page waits for the mail server's answer."""
    return await _page(request, visitor, tested=await services.email_settings.test(visitor.caller))
