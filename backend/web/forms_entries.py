"""Forms of what stands beside the conversation: steps, facts, tasks, the active fix, notes on the ticket.

Each works without a script.
"""

from typing import Annotated, Final, Literal, get_args

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from backend.contract.psa import NewPsaNote
from backend.contract.sessions import FactPatch, NewFix, NewTask, StepPatch, TaskPatch
from backend.contract.vocabulary import StepOutcome
from backend.domain.refusal import Refusal
from backend.web.forms_session import carried
from backend.web.routing import PageRoute
from backend.web.visitor import FormVisitor, ServicesDep

router = APIRouter(route_class=PageRoute, include_in_schema=False, prefix="/pilot/{session_id}")
Text = Annotated[str, Form()]
Revision = Annotated[int | None, Form()]
Kind = Literal["steps", "facts", "tasks"]
_KIND: Final[dict[Kind, str]] = {"steps": "step", "facts": "fact", "tasks": "task"}


def _outcome(text: str) -> StepOutcome:
    known: StepOutcome | None = next((one for one in get_args(StepOutcome) if one == text), None)
    if known is None:
        raise Refusal("invalid_body", "Choose what came of it.", field="outcome")
    return known


@router.post("/steps/{entry_id}/edit")
async def edit_step(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    session_id: str,
    entry_id: str,
    action: Text = "",
    outcome: Text = "",
    detail: Text = "",
    revision: Revision = None,
) -> Response:
    """Change a step."""
    patch = StepPatch(action=action, outcome=_outcome(outcome), detail=detail, revision=revision)
    act = services.editing.change_step(visitor.caller, session_id, entry_id, patch)
    return await carried(request, visitor, session_id, act, dialog=None)


@router.post("/facts/{entry_id}/edit")
async def edit_fact(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    session_id: str,
    entry_id: str,
    label: Text = "",
    value: Text = "",
    revision: Revision = None,
) -> Response:
    """Change a fact."""
    patch = FactPatch(label=label, value=value, revision=revision)
    act = services.editing.change_fact(visitor.caller, session_id, entry_id, patch)
    return await carried(request, visitor, session_id, act, dialog=None)


@router.post("/tasks")
async def add_task(
    request: Request, visitor: FormVisitor, services: ServicesDep, session_id: str, text: Text = ""
) -> Response:
    """Add a line to the checklist."""
    act = services.editing.add_task(visitor.caller, session_id, NewTask(text=text))
    return await carried(request, visitor, session_id, act, dialog=None)


@router.post("/tasks/{entry_id}/edit")
async def edit_task(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    session_id: str,
    entry_id: str,
    text: Text = "",
    assignee: Text = "",
    revision: Revision = None,
) -> Response:
    """Change a task's words, and who is to do it."""
    patch = TaskPatch(text=text, assignee_id=assignee, revision=revision)
    act = services.editing.change_task(visitor.caller, session_id, entry_id, patch)
    return await carried(request, visitor, session_id, act, dialog=None)


@router.post("/tasks/{entry_id}/tick")
async def tick_task(
    request: Request, visitor: FormVisitor, services: ServicesDep, session_id: str, entry_id: str, done: Text = "yes"
) -> Response:
    """Tick a task or take the tick away."""
    act = services.editing.change_task(visitor.caller, session_id, entry_id, TaskPatch(done=done == "yes"))
    return await carried(request, visitor, session_id, act, dialog=None)


@router.post("/{kind}/{entry_id}/remove")
async def remove(
    request: Request, visitor: FormVisitor, services: ServicesDep, session_id: str, kind: Kind, entry_id: str
) -> Response:
    """Take an entry out; the page offers to put it back."""
    act = services.editing.remove(visitor.caller, session_id, _KIND[kind], entry_id)
    return await carried(request, visitor, session_id, act, dialog=None, then=lambda _: f"?removed={kind}:{entry_id}")


@router.post("/{kind}/{entry_id}/restore")
async def restore(
    request: Request, visitor: FormVisitor, services: ServicesDep, session_id: str, kind: Kind, entry_id: str
) -> Response:
    """Put it back."""
    act = services.editing.restore(visitor.caller, session_id, _KIND[kind], entry_id)
    return await carried(request, visitor, session_id, act, dialog=None)


@router.post("/notes")
async def write_note(
    request: Request, visitor: FormVisitor, services: ServicesDep, session_id: str, text: Text = ""
) -> Response:
    """Write an internal note on the ticket; it is on its way when this answers, and counts as the first action."""
    act = services.psa_notes.write(visitor.caller, session_id, NewPsaNote(text=text))
    return await carried(request, visitor, session_id, act, dialog="note", form={"text": text})


@router.post("/fix")
async def start_fix(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    session_id: str,
    action: Text = "",
    detail: Text = "",
) -> Response:
    """Begin a fix: a step in progress."""
    act = services.editing.start_fix(visitor.caller, session_id, NewFix(action=action, detail=detail or None))
    form = {"action": action, "detail": detail}
    return await carried(request, visitor, session_id, act, dialog="fix", form=form)


@router.post("/fix/outcome")
async def end_fix(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    session_id: str,
    outcome: Text = "",
    revision: Revision = None,
) -> Response:
    """Say what has come of the active fix."""
    patch = StepPatch(outcome=_outcome(outcome), revision=revision)
    act = services.editing.change_fix(visitor.caller, session_id, patch)
    return await carried(request, visitor, session_id, act, dialog=None)
