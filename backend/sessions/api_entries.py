"""Routes under `/ai-sessions/{id}` that correct what stands there: steps, facts, tasks, the active fix."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from backend.contract.sessions import Fact, FactPatch, NewFix, NewTask, Step, StepPatch, Task, TaskPatch
from backend.http.problems import openapi_responses
from backend.http.respond import Json
from backend.identity.dependencies import CallerDep
from backend.sessions.editing import EditingService

router = APIRouter(prefix="/ai-sessions/{session_id}", tags=["sessions"])


def _service(request: Request) -> EditingService:
    service: EditingService = request.app.state.services.editing
    return service


Editing = Annotated[EditingService, Depends(_service)]
_WRITE = openapi_responses("not_found", "role_required", "session_resolved")
_CHANGE = openapi_responses("not_found", "role_required", "session_resolved", "edit_conflict")


@router.patch("/steps/{step_id}", response_model=Step, responses=_CHANGE)
async def change_step(session_id: str, step_id: str, patch: StepPatch, caller: CallerDep, editing: Editing) -> Json:
    """Change a step; with `revision`, only when nobody else has meanwhile."""
    return Json(await editing.change_step(caller, session_id, step_id, patch))


@router.delete("/steps/{step_id}", status_code=204, responses=_WRITE)
async def remove_step(session_id: str, step_id: str, caller: CallerDep, editing: Editing) -> Response:
    """Take a step out; it can be put back."""
    await editing.remove(caller, session_id, "step", step_id)
    return Response(None, 204)


@router.post("/steps/{step_id}/restore", response_model=Step, responses=_WRITE)
async def restore_step(session_id: str, step_id: str, caller: CallerDep, editing: Editing) -> Json:
    """Put a step back that was taken out."""
    return Json(await editing.restore(caller, session_id, "step", step_id))


@router.patch("/facts/{fact_id}", response_model=Fact, responses=_CHANGE)
async def change_fact(session_id: str, fact_id: str, patch: FactPatch, caller: CallerDep, editing: Editing) -> Json:
    """Change a fact; with `revision`, only when nobody else has meanwhile."""
    return Json(await editing.change_fact(caller, session_id, fact_id, patch))


@router.delete("/facts/{fact_id}", status_code=204, responses=_WRITE)
async def remove_fact(session_id: str, fact_id: str, caller: CallerDep, editing: Editing) -> Response:
    """Take a fact out; it can be put back."""
    await editing.remove(caller, session_id, "fact", fact_id)
    return Response(None, 204)


@router.post("/facts/{fact_id}/restore", response_model=Fact, responses=_WRITE)
async def restore_fact(session_id: str, fact_id: str, caller: CallerDep, editing: Editing) -> Json:
    """Put a fact back that was taken out."""
    return Json(await editing.restore(caller, session_id, "fact", fact_id))


@router.post(
    "/tasks",
    status_code=201,
    response_model=Task,
    responses=openapi_responses("not_found", "role_required", "session_resolved", "limit_reached"),
)
async def add_task(session_id: str, new: NewTask, caller: CallerDep, editing: Editing) -> Json:
    """Add a line to the checklist."""
    return Json(await editing.add_task(caller, session_id, new), 201)


@router.patch("/tasks/{task_id}", response_model=Task, responses=_CHANGE)
async def change_task(session_id: str, task_id: str, patch: TaskPatch, caller: CallerDep, editing: Editing) -> Json:
    """Tick a task, take the tick away, or change its words."""
    return Json(await editing.change_task(caller, session_id, task_id, patch))


@router.delete("/tasks/{task_id}", status_code=204, responses=_WRITE)
async def remove_task(session_id: str, task_id: str, caller: CallerDep, editing: Editing) -> Response:
    """Take a task out; it can be put back."""
    await editing.remove(caller, session_id, "task", task_id)
    return Response(None, 204)


@router.post("/tasks/{task_id}/restore", response_model=Task, responses=_WRITE)
async def restore_task(session_id: str, task_id: str, caller: CallerDep, editing: Editing) -> Json:
    """Put a task back that was taken out."""
    return Json(await editing.restore(caller, session_id, "task", task_id))


@router.put("/active-fix", response_model=Step, responses=_WRITE)
async def start_fix(session_id: str, new: NewFix, caller: CallerDep, editing: Editing) -> Json:
    """Begin a fix: a step in progress. The one before becomes an ordinary step."""
    return Json(await editing.start_fix(caller, session_id, new))


@router.patch("/active-fix", response_model=Step, responses=_CHANGE)
async def change_fix(session_id: str, patch: StepPatch, caller: CallerDep, editing: Editing) -> Json:
    """Say what has come of the fix: worked, helped, no_change and worse end it; blocked keeps it."""
    return Json(await editing.change_fix(caller, session_id, patch))


@router.delete("/active-fix", status_code=204, responses=_WRITE)
async def drop_fix(session_id: str, caller: CallerDep, editing: Editing) -> Response:
    """Nothing is in progress any more; the step stays."""
    await editing.drop_fix(caller, session_id)
    return Response(None, 204)
