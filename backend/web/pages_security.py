"""/account/security: the own password and second factor, where one is signed in, access tokens."""

from collections.abc import Awaitable
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from backend.db.ids import parse_id
from backend.domain.refusal import Refusal
from backend.domain.scopes import LEVELS
from backend.http.problems import STATUS
from backend.identity.security import MOST_TOKEN_DAYS, TOKEN_DAYS
from backend.web import render
from backend.web.pages_code import qr
from backend.web.routing import PageRoute, by_script, done
from backend.web.visitor import FormVisitor, ServicesDep, Visitor, VisitorDep, services_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
HERE: Final = "/account/security"
_SAID: Final = {
    "password": "Your password is changed. Other browsers are signed out.",
    "everywhere": "You are signed out everywhere but here.",
}
_OURS: Final = frozenset({"invalid_body", "unauthenticated", "too_many_requests", "csrf_failed", "limit_reached"})


async def page(
    request: Request,
    visitor: Visitor,
    *,
    status: int = 200,
    error: str | None = None,
    about: str = "",
    token: str | None = None,
    codes: list[str] | None = None,
    form: dict[str, str] | None = None,
) -> Response:
    """The page; `error` stands in the card that it is `about`, `token` is shown this once."""
    services = services_of(request)
    seq, waiting = await services.handoffs.shell_state(visitor.caller)
    factor, fresh = await services.factors.state(visitor.caller), await services.security.fresh(visitor.caller)
    return render.html(
        request,
        "security.html",
        status=status,
        caller=visitor.caller,
        shell=visitor,
        seq=seq,
        waiting=waiting,
        browsers=await services.security.browsers(visitor.caller),
        tokens=await services.security.tokens(visitor.caller),
        devices=await services.devices.mine(visitor.caller),
        has_password=await services.security.has_password(visitor.caller),
        fresh=fresh,
        factor=factor,
        picture=qr(factor.setup.uri) if factor.setup and fresh else None,
        codes=codes,
        levels=LEVELS,
        most_days=MOST_TOKEN_DAYS,
        said=_SAID.get(request.query_params.get("said", "")) if error is None else None,
        error=error,
        about=about,
        token=token,
        form={"label": "", "level": "work", "days": str(TOKEN_DAYS), **(form or {})},
    )


async def answered(request: Request, visitor: Visitor, work: Awaitable[None], about: str, said: str = "") -> Response:
    """Do it and show the page again, with the refusal in its card where there is one."""
    try:
        await work
    except Refusal as refusal:
        if by_script(request) or refusal.code not in _OURS:
            raise
        return await page(request, visitor, status=STATUS[refusal.code], error=refusal.detail, about=about)
    return done(request, f"{HERE}?said={said}" if said else HERE)


def known(text: str) -> UUID:
    """The id, or a refusal."""
    found = parse_id(text)
    if found is None:
        raise Refusal("not_found", "There is no such sign-in, or it is not yours.")
    return found


@router.get(HERE)
async def security_page(request: Request, visitor: VisitorDep) -> Response:
    """Everything at a glance."""
    return await page(request, visitor)


@router.post(f"{HERE}/password")
async def change_password(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    current: Annotated[str, Form()] = "",
    new: Annotated[str, Form()] = "",
    keep: Annotated[str, Form()] = "",
) -> Response:
    """A new password for the current one."""
    work = services.security.change_password(
        visitor.caller,
        current=current,
        new=new,
        keep_devices=bool(keep),
        address=request.client.host if request.client else "",
    )
    return await answered(request, visitor, work, "password", "password")


@router.post(f"{HERE}/browsers/{{session_id}}/end")
async def end_browser(request: Request, visitor: FormVisitor, services: ServicesDep, session_id: str) -> Response:
    """Sign one browser out."""
    return await answered(
        request, visitor, services.security.end_browser(visitor.caller, known(session_id)), "browsers"
    )


@router.post(f"{HERE}/end-everything")
async def end_everything(request: Request, visitor: FormVisitor, services: ServicesDep) -> Response:
    """Sign out everywhere but here."""
    return await answered(request, visitor, services.security.end_everything(visitor.caller), "browsers", "everywhere")


@router.post(f"{HERE}/tokens")
async def make_token(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    label: Annotated[str, Form()] = "",
    level: Annotated[str, Form()] = "",
    days: Annotated[str, Form()] = "",
) -> Response:
    """A token, shown on the page that answers and never again."""
    form = {"label": label, "level": level, "days": days.strip()}
    try:
        token = await services.security.make_token(visitor.caller, **form)
    except Refusal as refusal:
        if by_script(request) or refusal.code not in _OURS:
            raise
        status = STATUS[refusal.code]
        return await page(request, visitor, status=status, error=refusal.detail, about="tokens", form=form)
    return await page(request, visitor, token=token, about="tokens")


@router.post(f"{HERE}/tokens/{{token_id}}/end")
async def end_token(request: Request, visitor: FormVisitor, services: ServicesDep, token_id: str) -> Response:
    """End one token."""
    return await answered(request, visitor, services.security.end_token(visitor.caller, known(token_id)), "tokens")


@router.post(f"{HERE}/factor")
async def begin_factor(request: Request, visitor: FormVisitor, services: ServicesDep) -> Response:
    """Begin to set up a second factor."""
    await services.security.require_fresh(visitor.caller)
    return await answered(request, visitor, services.factors.begin(visitor.caller), "factor")


@router.post(f"{HERE}/factor/confirm")
async def confirm_factor(
    request: Request, visitor: FormVisitor, services: ServicesDep, code: Annotated[str, Form()] = ""
) -> Response:
    """Switch it on; the page that answers shows the recovery codes."""
    await services.security.require_fresh(visitor.caller)
    try:
        address = request.client.host if request.client else ""
        codes = await services.factors.confirm(visitor.caller, code[:64], address=address)
    except Refusal as refusal:
        if by_script(request) or refusal.code not in _OURS:
            raise
        return await page(request, visitor, status=STATUS[refusal.code], error=refusal.detail, about="factor")
    return await page(request, visitor, codes=codes, about="factor")


@router.post(f"{HERE}/factor/codes")
async def new_codes(request: Request, visitor: FormVisitor, services: ServicesDep) -> Response:
    """New recovery codes, shown on the page that answers."""
    await services.security.require_fresh(visitor.caller)
    return await page(request, visitor, codes=await services.factors.new_codes(visitor.caller), about="factor")


@router.post(f"{HERE}/factor/off")
async def factor_off(request: Request, visitor: FormVisitor, services: ServicesDep) -> Response:
    """Back to the password alone."""
    await services.security.require_fresh(visitor.caller)
    return await answered(request, visitor, services.factors.off(visitor.caller), "factor")
