"""/admin/ai: whether an AI model is asked for this account, and in plain words what leaves for it."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from backend.contract.people import AccountSettingsPatch
from backend.domain.refusal import Refusal
from backend.web.admin import tabs
from backend.web.routing import PageRoute, done
from backend.web.visitor import FormVisitor, ServicesDep, VisitorDep

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_HERE: Final = "/admin/ai"


@router.get(_HERE)
async def ai_page(request: Request, visitor: VisitorDep, services: ServicesDep) -> Response:
    """The switch, the model, and what it is told."""
    visitor.caller.require("admin")
    settings = await services.account.settings(visitor.caller)
    return await tabs.page(
        request,
        visitor,
        "ai-model",
        "admin/assistant.html",
        model=services.replies.model,
        enabled=settings.ai_enabled,
        saved=request.query_params.get("saved") == "1",
    )


@router.post(_HERE)
async def save(
    request: Request, visitor: FormVisitor, services: ServicesDep, enabled: Annotated[str, Form()] = ""
) -> Response:
    """Switch it for this account; whoever did it stands in the audit log."""
    if enabled not in {"yes", "no"}:
        raise Refusal("invalid_body", "Choose whether the model is asked. Nothing was changed.")
    patch = AccountSettingsPatch(ai_enabled=enabled == "yes")
    await services.account.change(visitor.caller, patch, {"ai_enabled"})
    return done(request, f"{_HERE}?saved=1")
