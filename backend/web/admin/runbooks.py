"""/admin/runbooks: what guided mode works from."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from backend.contract.runbooks import NewRunbook
from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.web.admin import tabs
from backend.web.routing import PageRoute, by_script, done
from backend.web.visitor import FormVisitor, ServicesDep, Visitor, VisitorDep, services_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_HERE: Final = "/admin/runbooks"
_BLANK: Final = {"title": "", "tags": "", "body": ""}
Text = Annotated[str, Form()]


async def _page(
    request: Request,
    visitor: Visitor,
    *,
    words: str = "",
    one: str = "",
    form: dict[str, str] | None = None,
    error: str | None = None,
    status: int = 200,
) -> Response:
    services = services_of(request)
    visitor.caller.require("admin")
    found = await services.runbooks.list_runbooks(visitor.caller, words)
    known = await services.runbooks.get(visitor.caller, one) if one and one != "new" else None
    if known is not None and form is None:
        form = {"title": known.title, "tags": ", ".join(known.tags), "body": known.body}
    return await tabs.page(
        request,
        visitor,
        "runbooks",
        "admin/runbooks.html",
        status=status,
        runbooks=found.items,
        q=words,
        one=one,
        known=known,
        form=form or _BLANK,
        error=error,
    )


@router.get(_HERE)
async def runbooks(
    request: Request, visitor: VisitorDep, words: Annotated[str, Query(alias="q", max_length=200)] = "", one: str = ""
) -> Response:
    """All of them; `one` opens a runbook, or a new one."""
    return await _page(request, visitor, words=words, one=one)


@router.post(_HERE)
async def save(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    one: Text = "new",
    title: Text = "",
    tags: Text = "",
    body: Text = "",
) -> Response:
    """Write one, new or anew."""
    new = NewRunbook(title=title, body=body, tags=[tag.strip() for tag in tags.split(",") if tag.strip()])
    visitor.caller.require("admin")
    try:
        if one == "new":
            await services.runbooks.create(visitor.caller, new)
        else:
            await services.runbooks.replace(visitor.caller, one, new)
    except Refusal as refusal:
        if by_script(request) or refusal.code not in {"invalid_body", "payload_too_large", "limit_reached"}:
            raise
        form = {"title": title, "tags": tags, "body": body}
        return await _page(request, visitor, one=one, form=form, error=refusal.detail, status=STATUS[refusal.code])
    return done(request, _HERE)


@router.post(f"{_HERE}/{{runbook_id}}/delete")
async def delete(request: Request, visitor: FormVisitor, services: ServicesDep, runbook_id: str) -> Response:
    """Take one away."""
    visitor.caller.require("admin")
    await services.runbooks.delete(visitor.caller, runbook_id)
    return done(request, _HERE)
