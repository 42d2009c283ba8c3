"""/admin/people: who is in the account, what they may do, and inviting others."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from backend.contract.vocabulary import ROLE_LABEL, Role
from backend.db.ids import parse_id
from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.web.admin import tabs
from backend.web.routing import PageRoute, by_script, done
from backend.web.visitor import FormVisitor, ServicesDep, Visitor, VisitorDep, sends_mail, services_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_HERE: Final = "/admin/people"
_ROWS: Final = 100
_BLANK: Final = {"email": "", "name": "", "role": "technician"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What came of a form, for the page that is shown again."""

    status: int = 200
    dialog: str = ""
    error: str | None = None
    form: dict[str, str] | None = None


def _id(text: str) -> UUID:
    known = parse_id(text)
    if known is None:
        raise Refusal("not_found", "There is no such person or invitation.")
    return known


def _roles(visitor: Visitor) -> list[tuple[Role, str]]:
    """The roles that this administrator may give, the lowest first."""
    return [(role, label) for role, label in ROLE_LABEL.items() if role != "owner" or visitor.caller.role == "owner"]


async def _page(
    request: Request, visitor: Visitor, words: str = "", person: str = "", said: Said | None = None, skip: int = 0
) -> Response:
    services, said = services_of(request), said or Said()
    everyone, total = await services.people.everyone(visitor.caller, words, skip=skip, most=_ROWS + 1)
    invites = await services.invites.open(visitor.caller)
    known = parse_id(person) if person else None
    chosen = await services.people.one(visitor.caller, known) if known else None
    mail = sends_mail(request)
    # Without a mail server an administrator passes the link on by hand.
    secrets = {} if mail else {one.id: await services.invites.link(visitor.caller, one.id) for one in invites}
    base = request.app.state.public_url
    return await tabs.page(
        request,
        visitor,
        "people-and-roles",
        "admin/people.html",
        status=said.status,
        holds_secret=bool(secrets),
        everyone=everyone[:_ROWS],
        total=total,
        skip=skip,
        before=max(0, skip - _ROWS) if skip else None,
        after=skip + _ROWS if len(everyone) > _ROWS else None,
        invites=invites,
        links={invite: f"{base}/join#t={secret}" for invite, secret in secrets.items() if secret is not None},
        sends_mail=mail,
        roles=_roles(visitor),
        q=words,
        chosen=chosen,
        changeable=chosen is not None and (chosen.role != "owner" or visitor.caller.role == "owner"),
        dialog=said.dialog or ("person" if chosen else ""),
        error=said.error,
        form={**_BLANK, **(said.form or {})},
    )


@router.get(_HERE)
async def people(
    request: Request,
    visitor: VisitorDep,
    words: Annotated[str, Query(alias="q", max_length=200)] = "",
    person: str = "",
    invite: str = "",
    skip: Annotated[int, Query(alias="from", ge=0, le=1_000_000)] = 0,
) -> Response:
    """Everyone, a hundred at a time; `person` opens one, `invite` the invitation."""
    return await _page(request, visitor, words, person, Said(dialog="invite" if invite else ""), skip)


@router.post(f"{_HERE}/invite")
async def invite(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    email: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "technician",
) -> Response:
    """Invite somebody by e-mail."""
    try:
        await services.invites.invite(visitor.caller, email=email, name=name, role=role)
    except Refusal as refusal:
        if by_script(request) or refusal.code != "invalid_body":
            raise
        form = {"email": email, "name": name, "role": role}
        said = Said(status=STATUS[refusal.code], dialog="invite", error=refusal.detail, form=form)
        return await _page(request, visitor, said=said)
    return done(request, _HERE)


@router.post(f"{_HERE}/invite/{{invite_id}}/resend")
async def resend(request: Request, visitor: FormVisitor, services: ServicesDep, invite_id: str) -> Response:
    """A new link."""
    await services.invites.resend(visitor.caller, _id(invite_id))
    return done(request, _HERE)


@router.post(f"{_HERE}/invite/{{invite_id}}/revoke")
async def revoke(request: Request, visitor: FormVisitor, services: ServicesDep, invite_id: str) -> Response:
    """Take it back."""
    await services.invites.revoke(visitor.caller, _id(invite_id))
    return done(request, _HERE)


@router.get(f"{_HERE}/{{user_id}}/export.zip")
async def export(visitor: VisitorDep, services: ServicesDep, user_id: str) -> Response:
    """Everything that is known of a person."""
    services.quotas.take(visitor.caller.account_id, "export")
    made = await services.privacy.export(visitor.caller, _id(user_id))
    headers = {
        "Content-Disposition": 'attachment; filename="person.zip"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(made, 200, headers, "application/zip")


@router.post(f"{_HERE}/{{user_id}}/{{what}}")
async def change(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    user_id: str,
    what: str,
    role: Annotated[str, Form()] = "",
    phone: Annotated[str, Form()] = "",
    confirm: Annotated[str, Form()] = "",
) -> Response:
    """Change one person: role, phone, a password link, deactivate or activate."""
    one, service, caller = _id(user_id), services.people, visitor.caller
    acts: dict[str, Callable[[], Awaitable[object]]] = {
        "role": lambda: service.change_role(caller, one, role),
        "phone": lambda: service.set_phone(caller, one, phone),
        "deactivate": lambda: services.leaving.leave(caller, one),
        "erase": lambda: services.privacy.erase(caller, one, confirm),
        "activate": lambda: service.activate(caller, one),
        "password": lambda: services.invites.new_password(caller, one),
        "second-factor": lambda: services.factors.reset(caller, one),
    }
    if what not in acts:
        raise Refusal("not_found", "There is no such page.")
    try:
        await acts[what]()
    except Refusal as refusal:
        if by_script(request) or refusal.code != "invalid_body":
            raise
        said = Said(status=STATUS[refusal.code], error=refusal.detail)
        return await _page(request, visitor, person=user_id, said=said)
    return done(request, _HERE)
