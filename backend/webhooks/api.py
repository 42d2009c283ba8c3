"""Routes of webhooks: set up, try, read the log, send again."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from backend.contract.webhooks import (
    CreatedWebhook,
    NewWebhook,
    Webhook,
    WebhookDelivery,
    WebhookDeliveryPage,
    WebhookList,
    WebhookPatch,
)
from backend.http.problems import openapi_responses
from backend.http.respond import Json
from backend.identity.dependencies import CallerDep
from backend.webhooks.service import WebhookService

router = APIRouter(prefix="/account/webhooks", tags=["webhooks"])
_ONE = openapi_responses("not_found", "role_required")


def _service(request: Request) -> WebhookService:
    service: WebhookService = request.app.state.services.webhooks
    return service


Webhooks = Annotated[WebhookService, Depends(_service)]


@router.get("", response_model=WebhookList, responses=openapi_responses("role_required"))
async def webhooks(caller: CallerDep, service: Webhooks) -> Json:
    """The account's webhooks, without their secrets."""
    return Json(await service.all(caller))


@router.post(
    "",
    status_code=201,
    response_model=CreatedWebhook,
    responses=openapi_responses("role_required", "limit_reached"),
)
async def create(new: NewWebhook, caller: CallerDep, service: Webhooks) -> Json:
    """Make a webhook; its signing secret is shown in this answer only."""
    return Json(await service.create(caller, new), 201)


@router.get("/{webhook_id}", response_model=Webhook, responses=_ONE)
async def read(webhook_id: str, caller: CallerDep, service: Webhooks) -> Json:
    """One webhook."""
    return Json(await service.get(caller, webhook_id))


@router.patch("/{webhook_id}", response_model=Webhook, responses=_ONE)
async def change(webhook_id: str, patch: WebhookPatch, caller: CallerDep, service: Webhooks) -> Json:
    """Change name, address or events, switch it off or on again."""
    return Json(await service.change(caller, webhook_id, patch))


@router.delete("/{webhook_id}", status_code=204, response_class=Response, responses=_ONE)
async def delete(webhook_id: str, caller: CallerDep, service: Webhooks) -> Response:
    """Delete it; what still waits to be sent is not sent."""
    await service.delete(caller, webhook_id)
    return Response(status_code=204)


@router.post(
    "/{webhook_id}/test",
    response_model=WebhookDelivery,
    responses=openapi_responses("not_found", "role_required", "too_many_requests"),
)
async def test(webhook_id: str, caller: CallerDep, service: Webhooks) -> Json:
    """Send a test notice now and answer what came back."""
    return Json(await service.test(caller, webhook_id))


@router.get("/{webhook_id}/deliveries", response_model=WebhookDeliveryPage, responses=_ONE)
async def deliveries(
    webhook_id: str,
    caller: CallerDep,
    service: Webhooks,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Json:
    """What was sent and what came back, newest first."""
    return Json(await service.deliveries(caller, webhook_id, cursor, limit))


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/retry",
    response_model=WebhookDelivery,
    responses=openapi_responses("not_found", "role_required", "not_retryable"),
)
async def retry(webhook_id: str, delivery_id: str, caller: CallerDep, service: Webhooks) -> Json:
    """Send a notice that failed again, under the same id."""
    return Json(await service.retry(caller, webhook_id, delivery_id))
