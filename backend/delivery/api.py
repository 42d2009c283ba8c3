"""Receipts over HTTP, for clients whose event stream cannot be a WebSocket."""

from typing import Annotated

from fastapi import APIRouter, Body, Request, Response

from backend.contract.events import NewReceipt, Receipt
from backend.delivery.service import DeliveryService
from backend.http.problems import openapi_responses
from backend.identity.dependencies import CallerDep

router = APIRouter(tags=["events"])


@router.post(
    "/handoffs/{handoff_id}/receipts",
    status_code=204,
    response_class=Response,
    responses=openapi_responses("not_found", "role_required"),
)
async def tell_receipt(
    request: Request, caller: CallerDep, handoff_id: str, body: Annotated[NewReceipt, Body()]
) -> Response:
    """This alert was shown to the caller, or why not: the same as the frame `receipt` of the event stream.

    A receipt that says nothing new, or comes from whoever escalated, changes nothing.
    """
    delivery: DeliveryService = request.app.state.services.delivery
    await delivery.require_handoff(caller, handoff_id)
    caller.require("engineer")
    receipt = Receipt(handoff_id=handoff_id, state=body.state, reason=body.reason, rung=body.rung)
    await delivery.receipt(caller, "desktop" if caller.kind == "token" else "web", receipt)
    return Response(status_code=204)
