"""Routes of the assistant: its state, stop, another answer, a briefing, proposals."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from backend.assistant.proposals import ProposalService
from backend.assistant.replies import ReplyService
from backend.contract.assistant import AssistantState, Proposal, ProposalEdit, ProposalList, Reply
from backend.http.problems import openapi_responses
from backend.http.respond import Json
from backend.identity.dependencies import CallerDep

router = APIRouter(tags=["assistant"])


def _replies(request: Request) -> ReplyService:
    service: ReplyService = request.app.state.services.replies
    return service


def _proposals(request: Request) -> ProposalService:
    service: ProposalService = request.app.state.services.proposals
    return service


Replies = Annotated[ReplyService, Depends(_replies)]
Proposals = Annotated[ProposalService, Depends(_proposals)]
_READ = openapi_responses("not_found")
_WRITE = openapi_responses("not_found", "role_required", "session_resolved")
_ASK = openapi_responses("not_found", "role_required", "session_resolved", "assistant_off")


@router.get("/ai-sessions/{session_id}/assistant", response_model=AssistantState, responses=_READ)
async def read_assistant(session_id: str, caller: CallerDep, replies: Replies) -> Json:
    """Whether a model answers here, and the newest reply."""
    return Json(await replies.state(caller, session_id))


@router.post(
    "/ai-sessions/{session_id}/reply/stop",
    response_model=AssistantState,
    responses=openapi_responses("not_found", "role_required"),
)
async def stop_reply(session_id: str, caller: CallerDep, replies: Replies) -> Json:
    """Stop the running reply; the part that has come is kept."""
    await replies.stop(caller, session_id)
    return Json(await replies.state(caller, session_id))


@router.post(
    "/ai-sessions/{session_id}/messages/{message_id}/reply", status_code=202, response_model=Reply, responses=_ASK
)
async def reply_again(session_id: str, message_id: str, caller: CallerDep, replies: Replies) -> Json:
    """Answer a message again; the reply comes on the session's stream."""
    return Json(await replies.again(caller, session_id, message_id), 202)


@router.post("/handoffs/{handoff_id}/briefing", status_code=202, response_model=Reply, responses=_ASK)
async def write_briefing(handoff_id: str, caller: CallerDep, replies: Replies) -> Json:
    """Write a briefing into the session's chat: by the model, else from the session's own record."""
    return Json(await replies.briefing(caller, handoff_id), 202)


@router.get("/ai-sessions/{session_id}/proposals", response_model=ProposalList, responses=_READ)
async def list_proposals(session_id: str, caller: CallerDep, proposals: Proposals) -> Json:
    """The open proposals."""
    return Json(ProposalList(items=await proposals.open(caller, session_id)))


@router.post("/ai-sessions/{session_id}/proposals/{proposal_id}/accept", response_model=Proposal, responses=_WRITE)
async def accept_proposal(
    session_id: str, proposal_id: str, caller: CallerDep, proposals: Proposals, edit: ProposalEdit | None = None
) -> Json:
    """Add it to the session's facts or steps, as it was read or with what is given in its place."""
    await proposals.accept(caller, session_id, proposal_id, edit)
    return Json(await proposals.one(caller, session_id, proposal_id))


@router.post("/ai-sessions/{session_id}/proposals/{proposal_id}/dismiss", response_model=Proposal, responses=_WRITE)
async def dismiss_proposal(session_id: str, proposal_id: str, caller: CallerDep, proposals: Proposals) -> Json:
    """Let it go."""
    return Json(await proposals.dismiss(caller, session_id, proposal_id))
