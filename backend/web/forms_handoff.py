"""What people send about a hand-off from the session page: escalate, change, withdraw, hand back.

Each form works without a script. What is refused is said under the field it is about, with everything typed kept.
"""

from typing import Annotated, Final, get_args

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from backend.contract.handoffs import Handoff, HandoffNote, HandoffPatch, NewHandoff, Rejection
from backend.contract.vocabulary import Priority
from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.web import session_view
from backend.web.forms_session import ELSEWHERE, carried, latest_handoff, refused
from backend.web.routing import PageRoute, by_script, done
from backend.web.visitor import FormVisitor, ServicesDep

router = APIRouter(route_class=PageRoute, include_in_schema=False, prefix="/pilot/{session_id}")
_TOO_SHORT: Final = {
    "reason": (10, "Say why you are stuck, at least 10 characters."),
    "need": (5, "Say what you need, at least 5 characters."),
}
_LONGEST: Final = 500
_TOO_LONG: Final = f"Use at most {_LONGEST} characters."
Text = Annotated[str, Form()]


def escalation_problems(form: dict[str, str]) -> dict[str, str]:
    """What is missing, per field, in the words that stand under it."""
    problems = {field: words for field, (shortest, words) in _TOO_SHORT.items() if len(form[field].strip()) < shortest}
    return problems | _common_problems(form, ("reason", "need", "impact"))


def change_problems(form: dict[str, str], before: Handoff) -> dict[str, str]:
    """Like `escalation_problems`, of what the form changes: what was let pass before is not asked for again."""
    problems = {}
    shortest, words = _TOO_SHORT["need"]
    if form["need"].strip() != (before.need or "") and len(form["need"].strip()) < shortest:
        problems["need"] = words
    problems |= _common_problems(form, ("need", "impact", "note"))
    if form["priority"] == before.priority and form["impact"].strip() == (before.impact or ""):
        problems.pop("impact", None)
    return problems


def _common_problems(form: dict[str, str], texts: tuple[str, ...]) -> dict[str, str]:
    problems = {field: _TOO_LONG for field in texts if len(form[field].strip()) > _LONGEST}
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
        return await refused(request, visitor, session_id, "escalate", problems, form)
    new = NewHandoff(
        reason=reason,
        need=need or None,
        impact=impact or None,
        priority=_priority(priority),
        target_user_id=target or None,
    )
    services.quotas.take(visitor.caller.account_id, "escalation")
    try:
        await services.handoffs.escalate(visitor.caller, session_id, new, key or None)
    except Refusal as refusal:
        if by_script(request) or refusal.code in ELSEWHERE:
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
    note: Text = "",
    was: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Change a waiting escalation. `was`: what the form showed at first, in the order priority, need, impact, target.

    Only what the person has changed is written: what somebody else changed meanwhile stays as they left it.
    """
    form = {"priority": priority, "need": need, "impact": impact, "target": target, "note": note}
    wanted = await latest_handoff(services, visitor, session_id)
    before = await services.handoffs.get(visitor.caller, wanted)
    if problems := change_problems(form, before):
        return await refused(request, visitor, session_id, "change", problems, form)
    given = _given(form, was or [])
    if not given and not note.strip():
        return done(request, f"/pilot/{session_id}")
    patch = HandoffPatch(
        priority=_priority(priority),
        need=need or None,
        impact=impact or None,
        target_user_id=target or None,
        note=note or None,
    )
    act = services.holder.change(visitor.caller, wanted, patch, given)
    return await carried(request, visitor, session_id, act, dialog="change", form=form)


def _given(form: dict[str, str], was: list[str]) -> set[str]:
    """The fields that the person has changed; all of them when the form does not say what it showed."""
    names = ("priority", "need", "impact", "target_user_id")
    now = [" ".join(form[name].split()) for name in ("priority", "need", "impact", "target")]
    if len(was) != len(names):
        return set(names)
    return {name for name, text, old in zip(names, now, was, strict=True) if text != " ".join(old.split())}


@router.post("/withdraw")
async def withdraw(
    request: Request, visitor: FormVisitor, services: ServicesDep, session_id: str, note: Text = ""
) -> Response:
    """Take a waiting escalation back; a reason is welcome and not asked for."""
    form = {"note": note}
    if len(note.strip()) > _LONGEST:
        return await refused(request, visitor, session_id, "withdraw", {"note": _TOO_LONG}, form)
    wanted = await latest_handoff(services, visitor, session_id)
    act = services.holder.withdraw(visitor.caller, wanted, HandoffNote(note=note.strip() or None))
    return await carried(request, visitor, session_id, act, dialog="withdraw", form=form)


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
    form = {"note": note}
    if len(note.strip()) < 5:
        problems = {"note": "Say why, at least 5 characters."}
        return await refused(request, visitor, session_id, "handback", problems, form)
    if len(note.strip()) > _LONGEST:
        return await refused(request, visitor, session_id, "handback", {"note": _TOO_LONG}, form)
    wanted = await latest_handoff(services, visitor, session_id)
    act = services.holder.release(visitor.caller, wanted, HandoffNote(note=note, claim_epoch=claim_epoch))
    return await carried(request, visitor, session_id, act, dialog="handback", form=form)


@router.post("/reject-assessment")
async def reject_assessment(
    request: Request, visitor: FormVisitor, services: ServicesDep, session_id: str, why: Text = ""
) -> Response:
    """Say that the assessment is not it."""
    form = {"why": why}
    if not why.strip():
        return await refused(request, visitor, session_id, "reject", {"why": "Say why, in a line."}, form)
    if len(why.strip()) > _LONGEST:
        return await refused(request, visitor, session_id, "reject", {"why": _TOO_LONG}, form)
    wanted = await latest_handoff(services, visitor, session_id)
    act = services.holder.reject_assessment(visitor.caller, wanted, Rejection(why=why))
    return await carried(request, visitor, session_id, act, dialog="reject", form=form)
