"""/admin/privacy: how long things are kept, and what can be done for a person who asks."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from backend.contract.people import AccountSettingsPatch
from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.web.admin import tabs
from backend.web.routing import PageRoute, by_script, done
from backend.web.visitor import FormVisitor, ServicesDep, Visitor, VisitorDep, services_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_HERE: Final = "/admin/privacy"
_DIGITS: Final = 4


async def _page(
    request: Request,
    visitor: Visitor,
    *,
    status: int = 200,
    error: str | None = None,
    form: dict[str, str] | None = None,
) -> Response:
    visitor.caller.require("admin")
    settings = await services_of(request).account.settings(visitor.caller)
    kept = {"days": str(settings.retention_days), "log_days": str(settings.log_retention_days)}
    return await tabs.page(
        request,
        visitor,
        "privacy",
        "admin/privacy.html",
        status=status,
        error=error,
        form={**kept, **(form or {})},
        saved=request.query_params.get("saved") == "1",
    )


def _days(text: str, what: str) -> int:
    digits = text.strip()
    if not digits.isascii() or not digits.isdigit() or len(digits) > _DIGITS:
        raise Refusal("invalid_body", f"{what} must be a number of days.")
    return int(digits)


@router.get(_HERE)
async def privacy_page(request: Request, visitor: VisitorDep) -> Response:
    """What counts now."""
    return await _page(request, visitor)


@router.post(_HERE)
async def save(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    days: Annotated[str, Form()] = "",
    log_days: Annotated[str, Form()] = "",
) -> Response:
    """Keep it; the next look of the worker goes by it."""
    visitor.caller.require("admin")
    try:
        patch = AccountSettingsPatch(
            retention_days=_days(days, "Sessions"), log_retention_days=_days(log_days, "Delivery records")
        )
        await services.account.change(visitor.caller, patch, {"retention_days", "log_retention_days"})
    except Refusal as refusal:
        if by_script(request) or refusal.code != "invalid_body":
            raise
        words = {
            "retention_days": "Sessions must be kept for 30 to 3650 days.",
            "log_retention_days": "Delivery records must be kept for 14 to 3650 days.",
        }.get(str(refusal.extensions.get("field")), refusal.detail)
        form = {"days": days[:20], "log_days": log_days[:20]}
        return await _page(request, visitor, status=STATUS[refusal.code], error=words, form=form)
    return done(request, f"{_HERE}?saved=1")
