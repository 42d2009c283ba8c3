"""/admin/sign-in: who must give a second factor, and single sign-on, the directory."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from backend.db.ids import parse_id
from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.scim.api import base_of
from backend.sso.service import DEFAULT_ROLES, Setup
from backend.web.admin import tabs
from backend.web.pages_sso import redirect_uri
from backend.web.routing import PageRoute, by_script, done
from backend.web.visitor import FormVisitor, ServicesDep, Visitor, VisitorDep, services_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
HERE: Final = "/admin/sign-in"
PASSWORD_LABEL: Final = {"everyone": "Everybody", "owners": "Owners only, as the way in while the provider is away"}
POLICY_LABEL: Final = {
    "optional": "Nobody; each person decides",
    "admins": "Administrators and owners",
    "all": "Everybody",
}


async def page(request: Request, visitor: Visitor, *, status: int = 200, **shown: object) -> Response:
    """The page; `shown` is what came of a form."""
    visitor.caller.require("admin")
    services = services_of(request)
    sso = await services.sso.setup(visitor.caller)
    return await tabs.page(
        request,
        visitor,
        "sign-in",
        "admin/sign_in.html",
        status=status,
        policy=await services.factors.policy(visitor.caller),
        policies=POLICY_LABEL,
        sso=sso,
        by_password=PASSWORD_LABEL,
        default_roles=DEFAULT_ROLES,
        redirect_uri=redirect_uri(request),
        scim_base=base_of(request),
        scim_tokens=await services.directory.tokens(visitor.caller),
        **{
            "form": _form(sso),
            "scim_token": None,
            "error": None,
            "about": "",
            "saved": request.query_params.get("saved", ""),
            **shown,
        },
    )


def _form(sso: Setup) -> dict[str, str]:
    return {
        "issuer": sso.issuer,
        "tenant": sso.tenant,
        "client_id": sso.client_id,
        "role_claim": sso.role_claim,
        "role_map": "\n".join(f"{value} = {role}" for value, role in sso.role_map.items()),
        "default_role": sso.default_role,
        "active": "1" if sso.active else "",
        "password_sign_in": sso.password_sign_in,
    }


@router.get(HERE)
async def sign_in_settings(request: Request, visitor: VisitorDep) -> Response:
    """The settings that count."""
    return await page(request, visitor)


@router.post(f"{HERE}/second-factor")
async def second_factor(
    request: Request, visitor: FormVisitor, services: ServicesDep, policy: Annotated[str, Form()] = ""
) -> Response:
    """Who must give a second factor, from the next sign-in on."""
    await services.factors.set_policy(visitor.caller, policy)
    return done(request, f"{HERE}?saved=factor")


@router.post(f"{HERE}/sso")
async def save_sso(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    issuer: Annotated[str, Form()] = "",
    tenant: Annotated[str, Form()] = "",
    client_id: Annotated[str, Form()] = "",
    client_secret: Annotated[str, Form()] = "",
    role_claim: Annotated[str, Form()] = "",
    role_map: Annotated[str, Form()] = "",
    default_role: Annotated[str, Form()] = "",
    active: Annotated[str, Form()] = "",
    password_sign_in: Annotated[str, Form()] = "",
) -> Response:
    """Set the provider up; it is asked whether it is one."""
    given = {
        "issuer": issuer,
        "tenant": tenant,
        "client_id": client_id,
        "role_claim": role_claim,
        "role_map": role_map,
        "default_role": default_role,
        "password_sign_in": password_sign_in,
    }
    try:
        await services.security.require_fresh(visitor.caller)
        await services.sso.save(visitor.caller, client_secret=client_secret, active=bool(active), **given)
    except Refusal as refusal:
        if by_script(request) or refusal.code not in {"invalid_body", "csrf_failed"}:
            raise
        status, form = STATUS[refusal.code], {**given, "active": active}
        return await page(request, visitor, status=status, error=refusal.detail, about="sso", form=form)
    return done(request, f"{HERE}?saved=sso")


@router.post(f"{HERE}/sso/remove")
async def remove_sso(request: Request, visitor: FormVisitor, services: ServicesDep) -> Response:
    """No single sign-on any more."""
    await services.sso.remove(visitor.caller)
    return done(request, f"{HERE}?saved=sso")


@router.post(f"{HERE}/directory")
async def make_directory_token(
    request: Request, visitor: FormVisitor, services: ServicesDep, label: Annotated[str, Form()] = ""
) -> Response:
    """A token for the directory, shown on the page that answers and never again."""
    try:
        await services.security.require_fresh(visitor.caller)
        token = await services.directory.make_token(visitor.caller, label)
    except Refusal as refusal:
        if by_script(request) or refusal.code not in {"invalid_body", "csrf_failed", "limit_reached"}:
            raise
        status = STATUS[refusal.code]
        return await page(request, visitor, status=status, error=refusal.detail, about="directory")
    return await page(request, visitor, scim_token=token, about="directory")


@router.post(f"{HERE}/directory/{{scim_token_id}}/end")
async def end_directory_token(
    request: Request, visitor: FormVisitor, services: ServicesDep, scim_token_id: str
) -> Response:
    """The directory changes nobody any more."""
    known = parse_id(scim_token_id)
    if known is None:
        raise Refusal("not_found", "There is no such token.")
    await services.directory.end_token(visitor.caller, known)
    return done(request, f"{HERE}?saved=directory")
