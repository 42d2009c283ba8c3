"""/admin/connectors: the shop's PSA. Credentials go in and never come out; what is written when, log, dead letters."""

from dataclasses import dataclass
from typing import Final, cast, get_args

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from backend.contract.psa import (
    Connector,
    ConnectorCheck,
    ConnectorPatch,
    CreatedConnector,
    NewConnector,
    PsaNoteKind,
    PsaNoteState,
    PsaSystem,
)
from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.psa.systems import SYSTEMS, System
from backend.web.admin import tabs
from backend.web.routing import PageRoute, by_script, done
from backend.web.visitor import FormVisitor, ServicesDep, Visitor, VisitorDep, services_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_HERE: Final = "/admin/connectors"
_LOG: Final = 20
EVENTS: Final = {
    "escalated": "a session is escalated",
    "claimed": "it is claimed",
    "resolved": "it is resolved",
}
KINDS: Final[dict[PsaNoteKind, str]] = {
    "escalated": "Escalated",
    "claimed": "Claimed",
    "resolved": "Resolved",
    "note": "Note",
}
STATES: Final[dict[PsaNoteState, str]] = {
    "pending": "Waiting",
    "sending": "Being written",
    "written": "Written",
    "leaked": "Was shown",
    "failed": "Not written",
    "cancelled": "Called off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What stands on the page beside the list. `open` is the system whose form is open, for a new one or `about`."""

    status: int = 200
    open: PsaSystem | None = None
    about: str = ""
    log: str = ""
    dead: bool = False
    secret: CreatedConnector | None = None
    checked: ConnectorCheck | None = None
    replayed: int | None = None
    error: str | None = None
    form: FormData | None = None


async def _page(request: Request, visitor: Visitor, shown: Shown) -> Response:
    service = services_of(request).connectors
    items = (await service.all(visitor.caller)).items
    there = {one.system: one for one in items}
    notes = []
    if shown.log:
        state = "failed" if shown.dead else None
        notes = (await service.notes(visitor.caller, shown.log, state=state, cursor=None, limit=_LOG)).items
    return await tabs.page(
        request,
        visitor,
        "connectors",
        "admin/connectors.html",
        status=shown.status,
        systems=SYSTEMS.values(),
        there=there,
        shown=shown,
        named=next((one.name for one in items if one.id in {shown.about, shown.log}), ""),
        notes=notes,
        events=EVENTS,
        kinds=KINDS,
        states=STATES,
        writes=_writes,
        entered=_entered,
        chosen=_chosen,
    )


def _writes(one: Connector) -> str:
    """What it does to tickets, in words."""
    said = [f"a note when {EVENTS[event]}" for event in EVENTS if event in one.notes_on]
    if one.status_on_claim:
        said.append(f"status “{one.status_on_claim}” when it is claimed")
    if one.assign_on_claim:
        said.append("the claimer as owner")
    if one.status_on_resolve:
        said.append(f"status “{one.status_on_resolve}” when it is resolved")
    return f"Writes {', '.join(said)}." if said else "Writes only what people write on a session."


def _entered(system: System, name: str, shown: Shown, one: Connector | None) -> str:
    """What stands in a field of the form that is no secret: as sent, as kept, as usual."""
    if shown.form is not None and shown.open == system.id:
        return str(shown.form.get(name, ""))
    usual = next((field.default for field in system.fields if field.name == name), "")
    if one is None:
        return usual
    if name in {"status_on_claim", "status_on_resolve"}:
        return str(getattr(one, name) or "")
    return one.fields.get(name, "")


def _chosen(name: str, shown: Shown, one: Connector | None) -> bool:
    """Whether a box of the form is ticked."""
    if shown.form is not None:
        return name in shown.form
    if one is None:
        return name in {"pull_tickets", *(f"on_{event}" for event in EVENTS)}
    return name.removeprefix("on_") in one.notes_on if name.startswith("on_") else bool(getattr(one, name))


def _system(word: str) -> PsaSystem | None:
    return cast("PsaSystem", word) if word in get_args(PsaSystem) else None


@router.get(_HERE)
async def connectors(
    request: Request, visitor: VisitorDep, add: str = "", edit: str = "", log: str = "", dead: str = ""
) -> Response:
    """All of them; `add` opens the form of a system, `edit` of a connector, `log` lists a connector's notes."""
    visitor.caller.require("admin")
    system = _system(add)
    if edit:
        system = (await services_of(request).connectors.get(visitor.caller, edit)).system
    return await _page(request, visitor, Shown(open=system, about=edit, log=log, dead=bool(dead)))


def _fields(system: PsaSystem, form: FormData) -> dict[str, str]:
    """Secrets as typed: what is left empty is not among them and stays."""
    given = {field.name: str(form.get(field.name, "")) for field in SYSTEMS[system].fields}
    return {name: value for name, value in given.items() if value or not _secret(system, name)}


def _secret(system: PsaSystem, name: str) -> bool:
    return any(field.secret for field in SYSTEMS[system].fields if field.name == name)


@router.post(_HERE)
async def create(request: Request, visitor: FormVisitor, services: ServicesDep) -> Response:
    """Connect a PSA, and check it at once. The secret of its webhooks is on the page that answers, and never again."""
    form = await request.form()
    system = _system(str(form.get("system", "")))
    if system is None:
        raise Refusal("invalid_body", "Choose a system.", field="system")
    new = NewConnector(
        system=system,
        fields=_fields(system, form),
        notes_on=[event for event in EVENTS if f"on_{event}" in form],  # type: ignore[misc]  # its keys are the events
        pull_tickets="pull_tickets" in form,
        public_notes="public_notes" in form,
        status_on_claim=str(form.get("status_on_claim", "")),
        status_on_resolve=str(form.get("status_on_resolve", "")),
        assign_on_claim="assign_on_claim" in form,
    )
    try:
        made = await services.connectors.create(visitor.caller, new)
    except Refusal as refusal:
        if by_script(request) or refusal.code not in {"invalid_body", "limit_reached"}:
            raise
        shown = Shown(status=STATUS[refusal.code], open=system, error=refusal.detail, form=form)
        return await _page(request, visitor, shown)
    checked = await services.connectors.check(visitor.caller, made.connector.id)
    return await _page(request, visitor, Shown(secret=made, about=made.connector.id, checked=checked))


@router.post(f"{_HERE}/{{connector_id}}/save")
async def save(request: Request, visitor: FormVisitor, services: ServicesDep, connector_id: str) -> Response:
    """Change one, and check it at once."""
    form = await request.form()
    system = (await services.connectors.get(visitor.caller, connector_id)).system
    patch = ConnectorPatch(
        fields=_fields(system, form),
        notes_on=[event for event in EVENTS if f"on_{event}" in form],  # type: ignore[misc]  # its keys are the events
        pull_tickets="pull_tickets" in form,
        public_notes="public_notes" in form,
        status_on_claim=str(form.get("status_on_claim", "")),
        status_on_resolve=str(form.get("status_on_resolve", "")),
        assign_on_claim="assign_on_claim" in form,
    )
    try:
        await services.connectors.change(visitor.caller, connector_id, patch)
    except Refusal as refusal:
        if by_script(request) or refusal.code != "invalid_body":
            raise
        shown = Shown(status=422, open=system, about=connector_id, error=refusal.detail, form=form)
        return await _page(request, visitor, shown)
    return await check(request, visitor, services, connector_id)


@router.post(f"{_HERE}/{{connector_id}}/check")
async def check(request: Request, visitor: FormVisitor, services: ServicesDep, connector_id: str) -> Response:
    """Sign in now and show what was found."""
    checked = await services.connectors.check(visitor.caller, connector_id)
    return await _page(request, visitor, Shown(checked=checked, about=connector_id))


@router.post(f"{_HERE}/{{connector_id}}/hook-secret")
async def hook_secret(request: Request, visitor: FormVisitor, services: ServicesDep, connector_id: str) -> Response:
    """A new secret for the PSA's webhooks, shown this once."""
    made = await services.connectors.renew_hook_secret(visitor.caller, connector_id)
    return await _page(request, visitor, Shown(secret=made, about=connector_id))


@router.post(f"{_HERE}/{{connector_id}}/replay")
async def replay(
    request: Request, visitor: FormVisitor, services: ServicesDep, connector_id: str, note: str = ""
) -> Response:
    """Write one dead letter again, or all."""
    try:
        replayed = await services.connectors.replay(visitor.caller, connector_id, note or None)
    except Refusal as refusal:
        if refusal.code != "not_retryable":
            raise
        shown = Shown(status=STATUS[refusal.code], error=refusal.detail, log=connector_id, about=connector_id)
        return await _page(request, visitor, shown)
    return await _page(request, visitor, Shown(replayed=replayed.notes, log=connector_id, about=connector_id))


@router.post(f"{_HERE}/{{connector_id}}/{{what}}")
async def switch(
    request: Request, visitor: FormVisitor, services: ServicesDep, connector_id: str, what: str
) -> Response:
    """Switch one on or off, or remove it."""
    if what == "remove":
        await services.connectors.delete(visitor.caller, connector_id)
    elif what in {"on", "off"}:
        await services.connectors.change(visitor.caller, connector_id, ConnectorPatch(active=what == "on"))
    else:
        raise Refusal("not_found", "There is no such page.")
    return done(request, _HERE)
