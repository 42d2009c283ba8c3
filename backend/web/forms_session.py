"""What people send from the session page. Each form works without a script; a script only keeps the page in place."""

from collections.abc import Awaitable
from typing import Annotated, Final, get_args

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from backend.contract.handoffs import HandoffNote, HandoffPatch, NewHandoff
from backend.contract.sessions import NewFact, NewMessage, NewStep
from backend.contract.vocabulary import Priority, StepOutcome
from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.web import session_view
from backend.web.routing import PageRoute, by_script, done
from backend.web.visitor import FormVisitor, ServicesDep, Visitor

router = APIRouter(route_class=PageRoute, include_in_schema=False, prefix="/pilot/{session_id}")
_ELSEWHERE: Final = frozenset({"not_found", "unauthenticated", "csrf_failed"})
_TOO_SHORT: Final = {
    "reason": (10, "Say why you are stuck, at least 10 characters."),
    "need": (5, "Say what you need, at least 5 characters."),
}
Text = Annotated[str, Form()]


async def _carried(
    request: Request, visitor: Visitor, session_id: str, act: Awaitable[object], *, dialog: str | None, draft: str = ""
) -> Response:
    """Do it and show the page again; a refusal is shown where the form stands, with the text kept."""
    try:
        await act
    except Refusal as refusal:
        if by_script(request) or refusal.code in _ELSEWHERE:
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
        )
    return done(request, f"/pilot/{session_id}")


async def _handoff(services: ServicesDep, visitor: Visitor, session_id: str) -> str:
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
    return await _carried(request, visitor, session_id, act, dialog=None, draft=content)


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
    return await _carried(request, visitor, session_id, act, dialog="step")


@router.post("/facts")
async def fact(
    request: Request, visitor: FormVisitor, services: ServicesDep, session_id: str, label: Text = "", value: Text = ""
) -> Response:
    """Record a fact."""
    act = services.sessions.add_fact(visitor.caller, session_id, NewFact(label=label, value=value))
    return await _carried(request, visitor, session_id, act, dialog="fact")


@router.post("/escalate")
async def escalate(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    session_id: str,
    reason: Text = "",
    need: Text = "",
    impact: Text = "",
    priority: Text = "normal",
    target: Text = "",
    key: Text = "",
) -> Response:
    """Escalate to the seniors. The form's own key makes a second press the same escalation."""
    form = {"reason": reason, "need": need, "impact": impact, "priority": priority, "target": target}
    if problems := escalation_problems(form):
        words = " ".join(problems.values())
        if by_script(request):
            raise Refusal("invalid_body", words, fields=problems)
        return await session_view.page(
            request, visitor, session_id, status=422, dialog="escalate", problems=problems, form=form
        )
    new = NewHandoff(
        reason=reason,
        need=need or None,
        impact=impact or None,
        priority=_priority(priority),
        target_user_id=target or None,
    )
    try:
        await services.handoffs.escalate(visitor.caller, session_id, new, key or None)
    except Refusal as refusal:
        if by_script(request) or refusal.code in _ELSEWHERE:
            raise
        if refusal.code == "already_escalated":
            return await session_view.page(request, visitor, session_id, status=409, notice=refusal.detail)
        return await session_view.page(
            request,
            visitor,
            session_id,
            status=STATUS[refusal.code],
            dialog="escalate",
            error=refusal.detail,
            form=form,
        )
    return done(request, f"/pilot/{session_id}")


def escalation_problems(form: dict[str, str]) -> dict[str, str]:
    """What is missing, per field, in the words that stand under it."""
    problems = {field: words for field, (shortest, words) in _TOO_SHORT.items() if len(form[field].strip()) < shortest}
    problems |= {
        field: "Use at most 500 characters." for field in ("reason", "need", "impact") if len(form[field].strip()) > 500
    }
    if form["priority"] not in get_args(Priority):
        problems["priority"] = "Choose a priority."
    if form["priority"] == "urgent" and not form["impact"].strip():
        problems["impact"] = "Say what it does to the customer. Urgent needs that."
    return problems


def _priority(text: str) -> Priority:
    known: Priority | None = next((one for one in get_args(Priority) if one == text), None)
    if known is None:
        raise Refusal("invalid_body", "Choose a priority.", field="priority")
    return known


@router.post("/change")
async def change(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    session_id: str,
    priority: Text = "normal",
    need: Text = "",
    impact: Text = "",
    target: Text = "",
) -> Response:
    """Change a waiting escalation."""
    patch = HandoffPatch(
        priority=_priority(priority), need=need or None, impact=impact or None, target_user_id=target or None
    )
    given = {"priority", "need", "impact", "target_user_id"}
    act = services.holder.change(visitor.caller, await _handoff(services, visitor, session_id), patch, given)
    return await _carried(request, visitor, session_id, act, dialog="change")


@router.post("/withdraw")
async def withdraw(
    request: Request, visitor: FormVisitor, services: ServicesDep, session_id: str, note: Text = ""
) -> Response:
    """Take a waiting escalation back."""
    wanted = await _handoff(services, visitor, session_id)
    act = services.holder.withdraw(visitor.caller, wanted, HandoffNote(note=note or None))
    return await _carried(request, visitor, session_id, act, dialog="withdraw")


@router.post("/handback")
async def hand_back(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    session_id: str,
    note: Text = "",
    claim_epoch: Annotated[int | None, Form()] = None,
) -> Response:
    """Hand a claimed one back; the reason is required here, so that the next senior knows."""
    if len(note.strip()) < 5:
        raise Refusal("invalid_body", "Say why, at least 5 characters.", field="note")
    wanted = await _handoff(services, visitor, session_id)
    act = services.holder.release(visitor.caller, wanted, HandoffNote(note=note, claim_epoch=claim_epoch))
    return await _carried(request, visitor, session_id, act, dialog="handback")


@router.post("/resolve")
async def resolve(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    session_id: str,
    note: Text = "",
    claim_epoch: Annotated[int | None, Form()] = None,
) -> Response:
    """End the session: through its hand-off when somebody holds it, after withdrawing it when it still waits."""

    async def act() -> None:
        session = await services.sessions.get(visitor.caller, session_id)
        open_one = next((one for one in session.handoffs if one.status in {"pending", "claimed"}), None)
        if open_one is not None and open_one.status == "claimed":
            body = HandoffNote(note=note or None, claim_epoch=claim_epoch)
            await services.holder.resolve(visitor.caller, open_one.id, body)
            return
        if open_one is not None:
            await services.holder.withdraw(visitor.caller, open_one.id, HandoffNote(note="Resolved meanwhile"))
        await services.sessions.resolve(visitor.caller, session_id, note or None)

    return await _carried(request, visitor, session_id, act(), dialog="resolve")
