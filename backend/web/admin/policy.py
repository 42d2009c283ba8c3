"""/admin/policy: who is alerted while nobody has claimed, tried out before it is saved."""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Final, cast, get_args

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from backend.contract.people import AccountSettingsPatch, UserView
from backend.contract.policy import EscalationPolicy
from backend.contract.vocabulary import Priority
from backend.domain.policy import PolicyError, parse
from backend.domain.policy import document as document_of
from backend.domain.refusal import Refusal
from backend.web import formats, render
from backend.web.admin import policy_form, tabs
from backend.web.admin.policy_form import Draft, Wrong
from backend.web.admin.policy_try import Trial, trial
from backend.web.routing import PageRoute, done
from backend.web.visitor import FormVisitor, Services, ServicesDep, Visitor, VisitorDep, services_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_HERE: Final = "/admin/policy"
_WHO: Final = {
    "everyone": ("Seniors, again", "Desktop and e-mail"),
    "owner": ("The owner", "Desktop or e-mail"),
    "admins": ("Administrators", "Desktop or e-mail"),
    "target": ("The person asked for", "Desktop or e-mail; everyone where nobody was asked for"),
}
_FIRST: Final = (
    "Alert only the person asked for, for the first minutes",
    "Off: everyone is alerted at once, and the person asked for sees it marked For you.",
)
_EXCLUSIVE: Final = (
    "Only the person asked for may claim, for the first minutes",
    "Off: any senior can claim at once. Nobody waits for somebody who has left or holds no senior role.",
)
_CHANGED: Final = (
    "Somebody else has changed the policy since you opened it. Nothing was saved. "
    "Discard to see it, then change it again."
)


def _version(policy: EscalationPolicy) -> str:
    return hashlib.sha256(json.dumps(document_of(policy), sort_keys=True).encode()).hexdigest()[:16]


def _checked(draft: Draft) -> EscalationPolicy | None:
    """The policy of the draft, or None with what is wrong in `draft.wrong`."""
    whole = policy_form.document(draft)
    if draft.wrong:
        return None
    try:
        return parse(whole)
    except PolicyError as error:
        text = error.text
        if error.field.startswith("working_hours"):
            text = "Working hours: the end must be at least an hour after the start, both written HH:MM."
        draft.wrong.append(Wrong(policy_form.place_of(error.field, draft.rows), text))
        return None


def _people(seniors: list[UserView]) -> Mapping[str, tuple[str, str]]:
    """What a step can alert: the groups, then each senior by name."""
    return _WHO | {f"user:{one.id}": (one.name, "Desktop or e-mail") for one in seniors}


async def _trial(visitor: Visitor, request: Request, policy: EscalationPolicy, priority: str) -> Trial:
    services = services_of(request)
    seniors = await services.identity.seniors(visitor.caller)
    people, _ = await services.people.everyone(visitor.caller)
    junior = next((one.name for one in people if one.role == "technician" and one.active), "A technician")
    return trial(
        policy,
        _priority(priority),
        tz=formats.zone(visitor.caller.timezone),
        seniors=seniors,
        reach=await services.delivery.reach(visitor.caller),
        escalator=junior,
    )


async def _page(
    request: Request,
    visitor: Visitor,
    draft: Draft,
    *,
    base: str,
    priority: str,
    status: int = 200,
    changed: bool = False,
    fragment: bool = False,
    said: str | None = None,
) -> Response:
    services = services_of(request)
    policy = _checked(draft)
    if said:
        draft.wrong.append(Wrong("steps", said))
    tried = await _trial(visitor, request, policy, priority) if policy is not None else None
    seniors = await services.identity.seniors(visitor.caller)
    context: dict[str, object] = {
        "draft": draft,
        "base": base,
        "choices": _people(seniors),
        "priorities": policy_form.PRIORITIES,
        "wrong": {one.place: one.text for one in reversed(draft.wrong)},
        "trial": tried,
        "priority": _priority(priority),
        "days_in_words": policy_form.days_in_words(draft.days),
        "week": {"mon": "Mon", "tue": "Tue", "wed": "Wed", "thu": "Thu", "fri": "Fri", "sat": "Sat", "sun": "Sun"},
        "first_words": _FIRST,
        "exclusive_words": _EXCLUSIVE,
        "changed": changed,
        "saved": request.query_params.get("saved") == "1",
    }
    if fragment:
        return render.html(
            request, "admin/policy_answer.html", status=200, caller=visitor.caller, shell=visitor, **context
        )
    return await tabs.page(request, visitor, "escalation-policy", "admin/policy.html", status=status, **context)


@router.get(_HERE)
async def policy_page(request: Request, visitor: VisitorDep, services: ServicesDep, priority: str = "high") -> Response:
    """The policy that counts."""
    visitor.caller.require("admin")
    policy = (await services.account.settings(visitor.caller)).escalation_policy
    draft = policy_form.of_policy(policy)
    return await _page(request, visitor, draft, base=_version(policy), priority=priority)


@router.post(_HERE)
async def change(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    do: Annotated[str, Form()] = "save",
    base: Annotated[str, Form()] = "",
    priority: Annotated[str, Form()] = "high",
) -> Response:
    """Save it; or, for pages without scripts, add, remove or move a step of what has not been saved yet."""
    visitor.caller.require("admin")
    draft = policy_form.of_form(await request.form())
    act, _, place = do.partition(":")
    at = int(place) if place.isdecimal() and len(place) < 3 else -1
    if act == "answer":
        return await _page(request, visitor, draft, base=base, priority=priority, fragment=True)
    if act != "save":
        _rearrange(draft, act, at)
        return await _page(request, visitor, draft, base=base, priority=priority, changed=True)
    policy = _checked(draft)
    said = None if policy is not None else ""
    if policy is not None:
        said = await _save(services, visitor, policy, base)
    if said is not None:
        return await _page(request, visitor, draft, base=base, priority=priority, status=422, changed=True, said=said)
    return done(request, f"{_HERE}?saved=1&priority={_priority(priority)}")


async def _save(services: Services, visitor: Visitor, policy: EscalationPolicy, base: str) -> str | None:
    """Why it was not saved, or None."""
    before = (await services.account.settings(visitor.caller)).escalation_policy
    if _version(before) != base:
        return _CHANGED
    patch = AccountSettingsPatch(escalation_policy=document_of(policy))
    try:
        await services.account.change(visitor.caller, patch, {"escalation_policy"})
    except Refusal as refusal:
        if refusal.code != "invalid_body":
            raise
        return refusal.detail
    return None


def _priority(given: str) -> Priority:
    return cast("Priority", given) if given in get_args(Priority) else "high"


def _rearrange(draft: Draft, act: str, at: int) -> None:
    match act:
        case "add":
            draft.add()
        case "remove":
            draft.remove(at)
        case "up":
            draft.move(at, -1)
        case "down":
            draft.move(at, 1)
        case _:
            pass  # `try`: the page shows what the draft would do
