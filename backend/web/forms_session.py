"""What people send from the session page. Each form works without a script; a script only keeps the page in place."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar, get_args

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from backend.contract.handoffs import HandoffNote, HandoffResolution
from backend.contract.sessions import NewFact, NewMessage, NewStep
from backend.contract.vocabulary import HandoffOutcome, StepOutcome
from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.web import session_view
from backend.web.routing import PageRoute, by_script, done
from backend.web.visitor import FormVisitor, ServicesDep, Visitor

router = APIRouter(route_class=PageRoute, include_in_schema=False, prefix="/pilot/{session_id}")
ELSEWHERE: Final = frozenset({"not_found", "unauthenticated", "csrf_failed"})
"""Refused with a page or a sign-in of its own, not where the form stands."""
_T = TypeVar("_T")
Text = Annotated[str, Form()]


async def carried(
    request: Request,
    visitor: Visitor,
    session_id: str,
    act: Awaitable[_T],
    *,
    dialog: str | None,
    draft: str = "",
    form: dict[str, str] | None = None,
    then: Callable[[_T], str] = lambda _: "",
) -> Response:
    """Do it and show the page again; a refusal is shown where the form stands, with the text kept.

    `then` makes the query of the page to see from what was done.
    """
    try:
        result = await act
    except Refusal as refusal:
        if by_script(request) or refusal.code in ELSEWHERE:
            raise
        # A form that is refused for good (claimed meanwhile, resolved meanwhile) has no dialog left to open.
        notice = refusal.detail if dialog is None or refusal.code != "invalid_body" else None
        return await session_view.page(
            request,
            visitor,
            session_id,
            status=STATUS[refusal.code],
            dialog=dialog,
            error=refusal.detail,
            notice=notice,
            draft=draft,
            form=form,
        )
    return done(request, f"/pilot/{session_id}{then(result)}")


async def latest_handoff(services: ServicesDep, visitor: Visitor, session_id: str) -> str:
    """The id of the session's newest hand-off; refuses `not_pending` where there is none."""
    session = await services.sessions.get(visitor.caller, session_id)
    latest = session_view.latest_handoff_id(session)
    if latest is None:
        raise Refusal("not_pending", "This session has no hand-off.")
    return latest


@router.post("/messages")
async def message(
    request: Request, visitor: FormVisitor, services: ServicesDep, session_id: str, content: Text = ""
) -> Response:
    """Write into the chat."""
    act = services.sessions.post_message(visitor.caller, session_id, NewMessage(content=content))
    return await carried(request, visitor, session_id, act, dialog=None, draft=content)


@router.post("/steps")
async def step(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    session_id: str,
    action: Text = "",
    outcome: Text = "not_tried",
    detail: Text = "",
) -> Response:
    """Record a step."""
    known = next((one for one in get_args(StepOutcome) if one == outcome), None)
    if known is None:
        raise Refusal("invalid_body", "Choose what came of the step.", field="outcome")
    new = NewStep(action=action, outcome=known, detail=detail or None)
    act = services.sessions.add_step(visitor.caller, session_id, new)
    form = {"action": action, "outcome": outcome, "detail": detail}
    return await carried(
        request, visitor, session_id, act, dialog="step", form=form, then=lambda made: f"?added={made.id}"
    )


@router.post("/facts")
async def fact(
    request: Request, visitor: FormVisitor, services: ServicesDep, session_id: str, label: Text = "", value: Text = ""
) -> Response:
    """Record a fact."""
    act = services.sessions.add_fact(visitor.caller, session_id, NewFact(label=label, value=value))
    form = {"label": label, "value": value}
    return await carried(
        request, visitor, session_id, act, dialog="fact", form=form, then=lambda made: f"?added={made.id}"
    )


@router.post("/resolve")
async def resolve(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    session_id: str,
    note: Text = "",
    outcome: Text = "",
    needed: Text = "",
    missing: Text = "",
    claim_epoch: Annotated[int | None, Form()] = None,
) -> Response:
    """End the session: through its hand-off when somebody holds it, after withdrawing it when it still waits."""
    form = {"note": note, "outcome": outcome, "needed": needed, "missing": missing}
    problems = resolution_problems(form)
    if problems:
        return await refused(request, visitor, session_id, "resolve", problems, form)

    async def act() -> None:
        session = await services.sessions.get(visitor.caller, session_id)
        open_one = next((one for one in session.handoffs if one.status in {"pending", "claimed"}), None)
        if open_one is not None and open_one.status == "claimed":
            body = HandoffResolution(
                note=note or None,
                claim_epoch=claim_epoch,
                outcome=next((one for one in get_args(HandoffOutcome) if one == outcome), None),
                had_what_i_needed={"yes": True, "no": False}.get(needed),
                missing=(missing.strip() or None) if needed == "no" else None,
            )
            await services.holder.resolve(visitor.caller, open_one.id, body)
            return
        if open_one is not None:
            await services.holder.withdraw(visitor.caller, open_one.id, HandoffNote(note="Resolved meanwhile"))
        await services.sessions.resolve(visitor.caller, session_id, note or None)

    return await carried(request, visitor, session_id, act(), dialog="resolve", form=form)


def resolution_problems(form: dict[str, str]) -> dict[str, str]:
    """What is wrong, per field: guidance needs words, what was missing has its bounds."""
    problems = {}
    if form["outcome"] == "guided_back" and len(form["note"].strip()) < 5:
        problems["note"] = "Say what to do next, at least 5 characters."
    if form["outcome"] and form["outcome"] not in get_args(HandoffOutcome):
        problems["outcome"] = "Choose how it ended."
    if len(form["missing"].strip()) > 200:
        problems["missing"] = "Use at most 200 characters."
    return problems


async def refused(
    request: Request, visitor: Visitor, session_id: str, dialog: str, problems: dict[str, str], form: dict[str, str]
) -> Response:
    """The dialog again, each refusal under its field; our own script is told the same by field."""
    if by_script(request):
        raise Refusal("invalid_body", " ".join(problems.values()), fields=problems)
    return await session_view.page(
        request, visitor, session_id, status=422, dialog=dialog, problems=problems, form=form
    )
