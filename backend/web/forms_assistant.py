"""What people ask of the assistant on the session page: stop, another answer, a briefing, proposals."""

from typing import Annotated, get_args

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from backend.contract.assistant import ProposalEdit
from backend.contract.vocabulary import StepOutcome
from backend.web.forms_session import carried, latest_handoff
from backend.web.routing import PageRoute
from backend.web.visitor import FormVisitor, ServicesDep

Text = Annotated[str | None, Form()]
router = APIRouter(route_class=PageRoute, include_in_schema=False, prefix="/pilot/{session_id}")


@router.post("/reply/stop")
async def stop(request: Request, visitor: FormVisitor, services: ServicesDep, session_id: str) -> Response:
    """Stop the reply; the part that has come is kept."""
    return await carried(request, visitor, session_id, services.replies.stop(visitor.caller, session_id), dialog=None)


@router.post("/messages/{message_id}/reply")
async def again(
    request: Request, visitor: FormVisitor, services: ServicesDep, session_id: str, message_id: str
) -> Response:
    """Answer a message again."""
    act = services.replies.again(visitor.caller, session_id, message_id)
    return await carried(request, visitor, session_id, act, dialog=None)


@router.post("/briefing")
async def briefing(request: Request, visitor: FormVisitor, services: ServicesDep, session_id: str) -> Response:
    """A briefing into the chat, of the session's newest hand-off."""

    async def act() -> None:
        handoff = await latest_handoff(services, visitor, session_id)
        await services.replies.briefing(visitor.caller, handoff)

    return await carried(request, visitor, session_id, act(), dialog=None)


@router.post("/proposals/{proposal_id}/accept")
async def accept(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    session_id: str,
    proposal_id: str,
    label: Text = None,
    value: Text = None,
    action: Text = None,
    outcome: Text = None,
) -> Response:
    """Add a proposal to the session, as it was read or as the form has it now."""
    known: StepOutcome | None = next((one for one in get_args(StepOutcome) if one == outcome), None)
    given = any(text is not None for text in (label, value, action, outcome))
    edit = ProposalEdit(label=label, value=value, action=action, outcome=known) if given else None
    act = services.proposals.accept(visitor.caller, session_id, proposal_id, edit)
    return await carried(
        request, visitor, session_id, act, dialog=None, then=lambda made: f"?added={made}" if made else ""
    )


@router.post("/proposals/{proposal_id}/dismiss")
async def dismiss(
    request: Request, visitor: FormVisitor, services: ServicesDep, session_id: str, proposal_id: str
) -> Response:
    """Let a proposal go."""
    act = services.proposals.dismiss(visitor.caller, session_id, proposal_id)
    return await carried(request, visitor, session_id, act, dialog=None)
