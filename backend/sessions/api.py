"""Routes under `/ai-sessions`, apart from the escalation."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse

from backend.contract.sessions import (
    Fact,
    Message,
    NewFact,
    NewMessage,
    NewSession,
    NewStep,
    Session,
    SessionPage,
    Step,
)
from backend.http.problems import openapi_responses
from backend.http.respond import Json
from backend.identity.dependencies import CallerDep
from backend.sessions.service import SessionService
from backend.sessions.stream import LivePages, Sources, session_events

router = APIRouter(prefix="/ai-sessions", tags=["sessions"])


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionResolution:
    """Body of `POST /ai-sessions/{id}/resolve`."""

    note: str | None = None


def _service(request: Request) -> SessionService:
    service: SessionService = request.app.state.services.sessions
    return service


Sessions = Annotated[SessionService, Depends(_service)]
_DIGITS: Final = 18  # a version of the database has fewer
_READ = openapi_responses("not_found")
_WRITE = openapi_responses("not_found", "role_required", "session_resolved")


@router.post("", status_code=201, response_model=Session, responses=openapi_responses("role_required"))
async def create_session(new: NewSession, caller: CallerDep, sessions: Sessions) -> Json:
    """Open a session."""
    return Json(await sessions.create(caller, new), 201)


@router.get("", response_model=SessionPage, responses=openapi_responses())
async def list_sessions(
    caller: CallerDep,
    sessions: Sessions,
    status: str | None = None,
    mine: bool = False,  # noqa: FBT001, FBT002 - a query parameter
    search: Annotated[str | None, Query(max_length=200)] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Json:
    """A page of sessions, latest activity first."""
    page = await sessions.list_sessions(caller, status=status, mine=mine, search=search, cursor=cursor, limit=limit)
    return Json(page)


@router.get("/{session_id}", response_model=Session, responses=_READ)
async def read_session(session_id: str, caller: CallerDep, sessions: Sessions) -> Json:
    """One session with messages, facts, steps and handoffs."""
    return Json(await sessions.get(caller, session_id))


@router.post("/{session_id}/messages", status_code=201, response_model=Message, responses=_WRITE)
async def post_message(session_id: str, new: NewMessage, caller: CallerDep, sessions: Sessions) -> Json:
    """Write into the chat."""
    return Json(await sessions.post_message(caller, session_id, new), 201)


@router.post("/{session_id}/steps", status_code=201, response_model=Step, responses=_WRITE)
async def add_step(session_id: str, new: NewStep, caller: CallerDep, sessions: Sessions) -> Json:
    """Record a step tried."""
    return Json(await sessions.add_step(caller, session_id, new), 201)


@router.post("/{session_id}/facts", status_code=201, response_model=Fact, responses=_WRITE)
async def add_fact(session_id: str, new: NewFact, caller: CallerDep, sessions: Sessions) -> Json:
    """Record a fact."""
    return Json(await sessions.add_fact(caller, session_id, new), 201)


@router.post(
    "/{session_id}/resolve",
    response_model=Session,
    responses=openapi_responses("not_found", "role_required", "already_escalated", "session_resolved"),
)
async def resolve_session(session_id: str, body: SessionResolution, caller: CallerDep, sessions: Sessions) -> Json:
    """End a session that has no open hand-off."""
    return Json(await sessions.resolve(caller, session_id, body.note))


def _version(last_event_id: str | None) -> int | None:
    """The version in a Last-Event-ID, or None when it is none of ours."""
    text = last_event_id or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


@router.get(
    "/{session_id}/stream",
    response_class=StreamingResponse,
    responses={
        200: {"description": "Server-sent events", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
        **openapi_responses("not_found", "too_many_requests"),
    },
)
async def stream_session(
    session_id: str,
    request: Request,
    caller: CallerDep,
    sessions: Sessions,
    after: Annotated[int, Query(ge=0, lt=10**_DIGITS)] = 0,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Whatever is new in the session as server-sent events; `Last-Event-ID` or `after` is the version known."""
    told = _version(last_event_id)
    known = after if told is None else told
    await sessions.changes(caller, session_id, known)  # an unknown session is a 404 before the stream begins
    services = request.app.state.services
    pages: LivePages = services.live_pages
    sources = Sources(sessions, pages, services.presence, services.live_replies, services.wakeup)
    events = await session_events(sources, caller, session_id, known)
    return pages.response(caller.user_id, events)
