"""Routes of runbooks."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from backend.contract.runbooks import NewRunbook, Runbook, RunbookList
from backend.http.problems import openapi_responses
from backend.http.respond import Json
from backend.identity.dependencies import CallerDep
from backend.runbooks.service import RunbookService

router = APIRouter(prefix="/account/runbooks", tags=["runbooks"])
_ONE = openapi_responses("not_found", "role_required")


def _service(request: Request) -> RunbookService:
    service: RunbookService = request.app.state.services.runbooks
    return service


Runbooks = Annotated[RunbookService, Depends(_service)]


@router.get("", response_model=RunbookList, responses=openapi_responses())
async def list_runbooks(
    caller: CallerDep, runbooks: Runbooks, search: Annotated[str | None, Query(max_length=2_000)] = None
) -> Json:
    """The account's runbooks, all or those that a search finds."""
    return Json(await runbooks.list_runbooks(caller, search))


@router.post("", status_code=201, response_model=Runbook, responses=openapi_responses("role_required", "limit_reached"))
async def create_runbook(new: NewRunbook, caller: CallerDep, runbooks: Runbooks) -> Json:
    """Write a runbook."""
    return Json(await runbooks.create(caller, new), 201)


@router.get("/{runbook_id}", response_model=Runbook, responses=openapi_responses("not_found"))
async def read_runbook(runbook_id: str, caller: CallerDep, runbooks: Runbooks) -> Json:
    """One runbook."""
    return Json(await runbooks.get(caller, runbook_id))


@router.put("/{runbook_id}", response_model=Runbook, responses=_ONE)
async def replace_runbook(runbook_id: str, new: NewRunbook, caller: CallerDep, runbooks: Runbooks) -> Json:
    """Write it anew."""
    return Json(await runbooks.replace(caller, runbook_id, new))


@router.delete("/{runbook_id}", status_code=204, response_class=Response, responses=_ONE)
async def delete_runbook(runbook_id: str, caller: CallerDep, runbooks: Runbooks) -> Response:
    """Take it away."""
    await runbooks.delete(caller, runbook_id)
    return Response(status_code=204)
