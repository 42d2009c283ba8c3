"""/admin/sign-in: who must give a second factor."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from backend.web.admin import tabs
from backend.web.routing import PageRoute, done
from backend.web.visitor import FormVisitor, ServicesDep, Visitor, VisitorDep, services_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
HERE: Final = "/admin/sign-in"
POLICY_LABEL: Final = {
    "optional": "Nobody; each person decides",
    "admins": "Administrators and owners",
    "all": "Everybody",
}


async def page(request: Request, visitor: Visitor, *, status: int = 200, **shown: object) -> Response:
    """The page; `shown` is what came of a form."""
    visitor.caller.require("admin")
    services = services_of(request)
    return await tabs.page(
        request,
        visitor,
        "sign-in",
        "admin/sign_in.html",
        status=status,
        policy=await services.factors.policy(visitor.caller),
        policies=POLICY_LABEL,
        **{"error": None, "about": "", "saved": request.query_params.get("saved", ""), **shown},
    )


@router.get(HERE)
async def sign_in_settings(request: Request, visitor: VisitorDep) -> Response:
    """The settings that count."""
    return await page(request, visitor)


@router.post(f"{HERE}/second-factor")
async def second_factor(
    request: Request, visitor: FormVisitor, services: ServicesDep, policy: Annotated[str, Form()] = ""
) -> Response:
    """Who must give a second factor, from the next sign-in on."""
    await services.factors.set_policy(visitor.caller, policy)
    return done(request, f"{HERE}?saved=factor")
