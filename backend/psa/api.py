"""Routes of PSA connectors: set up, check, the log of notes, dead letters; notes by people; what PSAs tell us."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from backend.contract.psa import (
    Connector,
    ConnectorCheck,
    ConnectorList,
    ConnectorPatch,
    CreatedConnector,
    NewConnector,
    NewPsaNote,
    PsaNote,
    PsaNotePage,
    Replayed,
)
from backend.http.problems import openapi_responses
from backend.http.respond import Json
from backend.identity.dependencies import CallerDep
from backend.psa.hooks import HookService
from backend.psa.notes import PsaNoteService
from backend.psa.service import ConnectorService

router = APIRouter(tags=["psa"])
hooks_router = APIRouter(tags=["psa"])
"""Beside the API: nobody is signed in, what comes is signed."""
_BASE = "/account/psa-connectors"
_ONE = openapi_responses("not_found", "role_required")
Limit = Annotated[int, Query(ge=1, le=100)]


def _connectors(request: Request) -> ConnectorService:
    service: ConnectorService = request.app.state.services.connectors
    return service


def _notes(request: Request) -> PsaNoteService:
    service: PsaNoteService = request.app.state.services.psa_notes
    return service


def _hooks(request: Request) -> HookService:
    service: HookService = request.app.state.services.psa_hooks
    return service


Connectors = Annotated[ConnectorService, Depends(_connectors)]
Notes = Annotated[PsaNoteService, Depends(_notes)]
Hooks = Annotated[HookService, Depends(_hooks)]


@router.get(_BASE, response_model=ConnectorList, responses=openapi_responses("role_required"))
async def connectors(caller: CallerDep, service: Connectors) -> Json:
    """The account's connectors, without their secrets."""
    return Json(await service.all(caller))


@router.post(
    _BASE,
    status_code=201,
    response_model=CreatedConnector,
    responses=openapi_responses("role_required", "limit_reached"),
)
async def create(new: NewConnector, caller: CallerDep, service: Connectors) -> Json:
    """Connect a PSA; nothing is written until `notes_on` names an event."""
    return Json(await service.create(caller, new), 201)


@router.get(f"{_BASE}/{{connector_id}}", response_model=Connector, responses=_ONE)
async def read(connector_id: str, caller: CallerDep, service: Connectors) -> Json:
    """One connector."""
    return Json(await service.get(caller, connector_id))


@router.patch(f"{_BASE}/{{connector_id}}", response_model=Connector, responses=_ONE)
async def change(connector_id: str, patch: ConnectorPatch, caller: CallerDep, service: Connectors) -> Json:
    """Change it, switch it off or on again."""
    return Json(await service.change(caller, connector_id, patch))


@router.delete(f"{_BASE}/{{connector_id}}", status_code=204, response_class=Response, responses=_ONE)
async def delete(connector_id: str, caller: CallerDep, service: Connectors) -> Response:
    """Remove it with its credentials; what still waits to be written is not written."""
    await service.delete(caller, connector_id)
    return Response(status_code=204)


@router.post(f"{_BASE}/{{connector_id}}/check", response_model=ConnectorCheck, responses=_ONE)
async def check(connector_id: str, caller: CallerDep, service: Connectors) -> Json:
    """Sign in to the PSA now and say in words what was found."""
    return Json(await service.check(caller, connector_id))


@router.post(f"{_BASE}/{{connector_id}}/hook-secret", response_model=CreatedConnector, responses=_ONE)
async def renew_hook_secret(connector_id: str, caller: CallerDep, service: Connectors) -> Json:
    """Make a new secret for the PSA's webhooks; it is shown in this answer only."""
    return Json(await service.renew_hook_secret(caller, connector_id))


@router.get(f"{_BASE}/{{connector_id}}/notes", response_model=PsaNotePage, responses=_ONE)
async def notes(
    connector_id: str,
    caller: CallerDep,
    service: Connectors,
    state: str | None = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> Json:
    """What was written on tickets, newest first; `state=failed` are the dead letters."""
    return Json(await service.notes(caller, connector_id, state=state, cursor=cursor, limit=limit))


@router.post(
    f"{_BASE}/{{connector_id}}/notes/replay",
    response_model=Replayed,
    responses=openapi_responses("not_found", "role_required", "not_retryable"),
)
async def replay_all(connector_id: str, caller: CallerDep, service: Connectors) -> Json:
    """Write every dead letter again."""
    return Json(await service.replay(caller, connector_id))


@router.post(
    f"{_BASE}/{{connector_id}}/notes/{{note_id}}/replay",
    response_model=Replayed,
    responses=openapi_responses("not_found", "role_required", "not_retryable"),
)
async def replay(connector_id: str, note_id: str, caller: CallerDep, service: Connectors) -> Json:
    """Write one dead letter again."""
    return Json(await service.replay(caller, connector_id, note_id))


@router.get("/ai-sessions/{session_id}/psa-notes", response_model=PsaNotePage, responses=openapi_responses("not_found"))
async def session_notes(session_id: str, caller: CallerDep, service: Notes) -> Json:
    """Notes on the session's ticket that FlowPilot wrote or is writing, oldest first."""
    return Json(await service.of_session(caller, session_id))


@router.post(
    "/ai-sessions/{session_id}/psa-notes",
    status_code=201,
    response_model=PsaNote,
    responses=openapi_responses("not_found", "role_required", "psa_not_connected"),
)
async def write(session_id: str, new: NewPsaNote, caller: CallerDep, service: Notes) -> Json:
    """Write a note on the session's ticket; the claimer's is a first action. It is on its way when this answers."""
    return Json(await service.write(caller, session_id, new), 201)


@hooks_router.post(
    "/hooks/psa/{account_id}/{connector_id}",
    status_code=204,
    response_class=Response,
    responses=openapi_responses("unauthenticated"),
)
async def hook(account_id: str, connector_id: str, request: Request, service: Hooks) -> Response:
    """For the PSA: tell that a ticket has changed, signed by the vendor's scheme."""
    await service.hear(account_id, connector_id, request.headers, await request.body())
    return Response(status_code=204)
