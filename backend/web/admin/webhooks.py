"""/admin/webhooks: notices for Teams, Slack and other systems; trying them, reading their log."""

from dataclasses import dataclass
from typing import Annotated, Final, cast, get_args

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from backend.contract.webhooks import (
    DEFAULT_EVENTS,
    CreatedWebhook,
    NewWebhook,
    WebhookDelivery,
    WebhookEvent,
    WebhookFormat,
    WebhookPatch,
)
from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.web.admin import tabs
from backend.web.routing import PageRoute, by_script, done
from backend.web.visitor import FormVisitor, ServicesDep, Visitor, VisitorDep, services_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_HERE: Final = "/admin/webhooks"
_LOG: Final = 20
_FORMATS: Final = {"teams": "Microsoft Teams", "slack": "Slack", "generic": "Signed JSON, for other systems"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What stands on the page beside the list: the secret of a new one, a test's result, one's log, a refusal."""

    status: int = 200
    created: CreatedWebhook | None = None
    tested: WebhookDelivery | None = None
    about: str = ""
    log: str = ""
    error: str | None = None
    form: dict[str, str] | None = None
    events: tuple[str, ...] = DEFAULT_EVENTS


async def _page(request: Request, visitor: Visitor, shown: Shown) -> Response:
    services = services_of(request)
    hooks = (await services.webhooks.all(visitor.caller)).items
    entries = (await services.webhooks.deliveries(visitor.caller, shown.log, None, _LOG)).items if shown.log else []
    return await tabs.page(
        request,
        visitor,
        "webhooks",
        "admin/webhooks.html",
        status=shown.status,
        hooks=hooks,
        formats=_FORMATS,
        all_events=get_args(WebhookEvent),
        shown=shown,
        named=next((one.name for one in hooks if one.id == (shown.about or shown.log)), ""),
        entries=entries,
        form=shown.form or {"name": "", "url": "", "format": "teams"},
        dialog="webhook" if shown.error and shown.form else "",
    )


@router.get(_HERE)
async def webhooks(request: Request, visitor: VisitorDep, log: str = "") -> Response:
    """All of them; `log` names the one whose notices are listed."""
    visitor.caller.require("admin")
    return await _page(request, visitor, Shown(log=log))


@router.post(_HERE)
async def create(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    name: Annotated[str, Form()] = "",
    url: Annotated[str, Form()] = "",
    format: Annotated[str, Form()] = "generic",  # noqa: A002 - the field's name
    event: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Make one. Its secret is on the page that answers, and never again."""
    events = tuple(one for one in event or [] if one in get_args(WebhookEvent))
    kind = format if format in get_args(WebhookFormat) else "generic"
    new = NewWebhook(
        name=name, url=url, format=cast("WebhookFormat", kind), events=cast("list[WebhookEvent]", list(events))
    )
    try:
        made = await services.webhooks.create(visitor.caller, new)
    except Refusal as refusal:
        if by_script(request) or refusal.code not in {"invalid_body", "limit_reached"}:
            raise
        form = {"name": name, "url": url, "format": kind}
        shown = Shown(status=STATUS[refusal.code], error=refusal.detail, form=form, events=events)
        return await _page(request, visitor, shown)
    return await _page(request, visitor, Shown(created=made, about=made.id))


@router.post(f"{_HERE}/{{webhook_id}}/test")
async def test(request: Request, visitor: FormVisitor, services: ServicesDep, webhook_id: str) -> Response:
    """Send a test now and show what came back."""
    tested = await services.webhooks.test(visitor.caller, webhook_id)
    return await _page(request, visitor, Shown(tested=tested, about=webhook_id))


@router.post(f"{_HERE}/{{webhook_id}}/{{what}}")
async def change(request: Request, visitor: FormVisitor, services: ServicesDep, webhook_id: str, what: str) -> Response:
    """Switch one on or off, or delete it."""
    if what == "delete":
        await services.webhooks.delete(visitor.caller, webhook_id)
    elif what in {"on", "off"}:
        await services.webhooks.change(visitor.caller, webhook_id, WebhookPatch(active=what == "on"))
    else:
        raise Refusal("not_found", "There is no such page.")
    return done(request, _HERE)


@router.post(f"{_HERE}/{{webhook_id}}/retry/{{delivery_id}}")
async def retry(
    request: Request, visitor: FormVisitor, services: ServicesDep, webhook_id: str, delivery_id: str
) -> Response:
    """Send a failed notice again."""
    try:
        await services.webhooks.retry(visitor.caller, webhook_id, delivery_id)
    except Refusal as refusal:
        if refusal.code != "not_retryable":
            raise
        shown = Shown(status=STATUS[refusal.code], error=refusal.detail, log=webhook_id)
        return await _page(request, visitor, shown)
    return done(request, f"{_HERE}?log={webhook_id}")
