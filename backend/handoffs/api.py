"""Routes of handoffs: escalate, queue, claim and the rest."""

from datetime import UTC, datetime
from math import ceil
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Header, Query, Request, Response

from backend.contract.handoffs import (
    ClaimResult,
    Handoff,
    HandoffNote,
    HandoffPatch,
    HandoffResolution,
    NewHandoff,
    QueuePage,
    Reassignment,
    Rejection,
)
from backend.contract.vocabulary import ROLE_LABEL
from backend.domain.claim import (
    AlreadyClaimed,
    AlreadyYours,
    Claimed,
    ClaimOutcome,
    NotEligible,
    NotPending,
    NotVisible,
    OwnHandoff,
    Reserved,
)
from backend.domain.refusal import Refusal
from backend.handoffs.claiming import ClaimingService
from backend.handoffs.holder import HolderService
from backend.handoffs.service import HandoffService, not_found
from backend.http.problems import openapi_responses
from backend.http.quotas import Quotas
from backend.http.respond import Json, encode
from backend.identity.dependencies import CallerDep

router = APIRouter(tags=["handoffs"])


def _handoffs(request: Request) -> HandoffService:
    service: HandoffService = request.app.state.services.handoffs
    return service


def _holder(request: Request) -> HolderService:
    service: HolderService = request.app.state.services.holder
    return service


def _claiming(request: Request) -> ClaimingService:
    service: ClaimingService = request.app.state.services.claiming
    return service


Handoffs = Annotated[HandoffService, Depends(_handoffs)]
Holder = Annotated[HolderService, Depends(_holder)]
Claiming = Annotated[ClaimingService, Depends(_claiming)]
Note = Annotated[HandoffNote | None, Body()]
_REJECT = openapi_responses("not_found", "role_required", "not_pending")
_HELD = openapi_responses("not_found", "role_required", "claim_lost", "not_pending", "user_not_eligible")


@router.post(
    "/ai-sessions/{session_id}/handoff",
    status_code=201,
    response_model=Handoff,
    responses={
        200: {"model": Handoff, "description": "The same Idempotency-Key again: the same handoff"},
        **openapi_responses(
            "not_found",
            "role_required",
            "already_escalated",
            "session_resolved",
            "idempotency_mismatch",
            "user_not_eligible",
            "too_many_requests",
        ),
    },
)
async def escalate(
    request: Request,
    session_id: str,
    new: NewHandoff,
    caller: CallerDep,
    handoffs: Handoffs,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> Json:
    """Escalate a session to the seniors of the account."""
    quotas: Quotas = request.app.state.services.quotas
    quotas.take(caller.account_id, "escalation")
    result = await handoffs.escalate(caller, session_id, new, idempotency_key)
    return Json(result.handoff, 201 if result.created else 200)


@router.get("/handoffs", response_model=QueuePage, responses=openapi_responses())
async def queue(
    caller: CallerDep,
    handoffs: Handoffs,
    status: str = "pending",
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Json:
    """The queue: urgent first, then oldest. `seq` is the log position that the page reflects."""
    page = await handoffs.queue_text(caller, status, cursor, limit)
    return Json(b'{"items":%s,"next_cursor":%s,"seq":%d}' % (page.items.encode(), encode(page.next_cursor), page.seq))


@router.get("/handoffs/{handoff_id}", response_model=Handoff, responses=openapi_responses("not_found"))
async def read_handoff(handoff_id: str, caller: CallerDep, handoffs: Handoffs) -> Json:
    """One handoff with its escalation package, deliveries and timeline."""
    return Json(await handoffs.get(caller, handoff_id))


@router.post(
    "/handoffs/{handoff_id}/claim",
    response_model=ClaimResult,
    responses=openapi_responses(
        "not_found", "role_required", "already_claimed", "reserved", "own_handoff", "not_pending"
    ),
)
async def claim(handoff_id: str, request: Request, caller: CallerDep, handoffs: Handoffs, claiming: Claiming) -> Json:
    """Claim a waiting handoff. Exactly one senior wins; the others read who it was."""
    outcome = await handoffs.claim(caller, handoff_id)
    if not isinstance(outcome, Claimed | AlreadyYours):
        raise refusal_of(outcome)
    base = request.app.state.public_url or str(request.base_url)
    return Json(await claiming.result(caller, handoff_id, outcome, base.rstrip("/")))


def refusal_of(outcome: ClaimOutcome) -> Refusal:
    """A claim that did not hold, as the problem that the contract names."""
    match outcome:
        case AlreadyClaimed(holder_id, holder_name, since):
            return Refusal(
                "already_claimed",
                f"Already claimed by {holder_name}",
                claimed_by={"id": str(holder_id), "name": holder_name},
                claimed_at=since,
            )
        case Reserved(target_id, target_name, until):
            left = max(1, ceil((until - datetime.now(UTC)).total_seconds() / 60))
            return Refusal(
                "reserved",
                f"Only {target_name} can claim this for another {left} min.",
                reserved_for={"id": str(target_id), "name": target_name},
                reserved_until=until,
            )
        case OwnHandoff():
            return Refusal("own_handoff", "You escalated this one; somebody else has to claim it.")
        case NotPending(status):
            return Refusal("not_pending", f"This hand-off is {status}.", handoff_status=status)
        case NotEligible():
            return Refusal(
                "role_required",
                f"This needs the role {ROLE_LABEL['engineer']} or above.",
                required_role="engineer",
            )
        case NotVisible() | Claimed() | AlreadyYours():
            return not_found()


@router.post("/handoffs/{handoff_id}/release", response_model=Handoff, responses=_HELD)
async def release(handoff_id: str, caller: CallerDep, holder: Holder, body: Note = None) -> Json:
    """Hand back: it waits again."""
    return Json(await holder.release(caller, handoff_id, body or HandoffNote()))


@router.post("/handoffs/{handoff_id}/reassign", response_model=Handoff, responses=_HELD)
async def reassign(handoff_id: str, body: Reassignment, caller: CallerDep, holder: Holder) -> Json:
    """Give it to another senior."""
    return Json(await holder.reassign(caller, handoff_id, body))


@router.post("/handoffs/{handoff_id}/resolve", response_model=Handoff, responses=_HELD)
async def resolve(
    handoff_id: str, caller: CallerDep, holder: Holder, body: Annotated[HandoffResolution | None, Body()] = None
) -> Json:
    """End it, and its session unless that goes back to the junior (`guided_back`, `wrong_team`)."""
    return Json(await holder.resolve(caller, handoff_id, body or HandoffResolution()))


@router.post("/handoffs/{handoff_id}/assessment/reject", response_model=Handoff, responses=_REJECT)
async def reject_assessment(handoff_id: str, body: Rejection, caller: CallerDep, holder: Holder) -> Json:
    """Say that the assessment is not it, and why."""
    return Json(await holder.reject_assessment(caller, handoff_id, body))


@router.post(
    "/handoffs/{handoff_id}/opened", status_code=204, responses=openapi_responses("not_found", "role_required")
)
async def opened(handoff_id: str, caller: CallerDep, holder: Holder) -> Response:
    """Tell that a senior has opened a waiting handoff; it claims nothing."""
    await holder.opened(caller, handoff_id)
    return Response(None, 204)


@router.post(
    "/handoffs/{handoff_id}/withdraw",
    response_model=Handoff,
    responses=openapi_responses("not_found", "role_required", "already_claimed", "not_pending"),
)
async def withdraw(handoff_id: str, caller: CallerDep, holder: Holder, body: Note = None) -> Json:
    """Take it back before anybody has claimed it."""
    return Json(await holder.withdraw(caller, handoff_id, body or HandoffNote()))


@router.patch(
    "/handoffs/{handoff_id}",
    response_model=Handoff,
    responses=openapi_responses("not_found", "role_required", "not_pending", "user_not_eligible"),
)
async def change(handoff_id: str, patch: HandoffPatch, request: Request, caller: CallerDep, holder: Holder) -> Json:
    """Change priority, need, impact or target while it waits, or add a note for whoever claims it."""
    return Json(await holder.change(caller, handoff_id, patch, set(await request.json())))
