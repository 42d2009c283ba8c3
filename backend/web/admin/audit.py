"""/admin/audit: who did what, filtered, and as CSV."""

from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from backend.audit.actions import GROUPS
from backend.audit.service import Filter
from backend.web import formats
from backend.web.admin import tabs
from backend.web.routing import PageRoute
from backend.web.visitor import ServicesDep, VisitorDep

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_HIGHEST: Final = 2**62

Group = Annotated[str, Query(alias="action")]
Words = Annotated[str, Query(alias="q", max_length=200)]


def _filter(group: str, words: str) -> Filter:
    return Filter(group=group if group in GROUPS else "", words=words.strip())


def _address(path: str, chosen: Filter, **more: object) -> str:
    parts = {"action": chosen.group, "q": chosen.words, **more}
    query = urlencode({name: value for name, value in parts.items() if value})
    return f"{path}?{query}" if query else path


@router.get("/admin/audit")
async def audit_log(
    request: Request,
    visitor: VisitorDep,
    services: ServicesDep,
    group: Group = "",
    words: Words = "",
    before: Annotated[int | None, Query(ge=1, le=_HIGHEST)] = None,
) -> Response:
    """The newest entries, or those before a number."""
    chosen = _filter(group, words)
    found = await services.audit.page(visitor.caller, chosen, before)
    return await tabs.page(
        request,
        visitor,
        "audit-log",
        "admin/audit.html",
        lines=found.lines,
        groups=GROUPS,
        chosen=chosen,
        older=_address("/admin/audit", chosen, before=found.before) if found.before else None,
        paged=before is not None,
        export=_address("/admin/audit.csv", chosen),
    )


@router.get("/admin/audit.csv")
async def export(visitor: VisitorDep, services: ServicesDep, group: Group = "", words: Words = "") -> Response:
    """The same entries as a file."""
    services.quotas.take(visitor.caller.account_id, "export")
    pieces = await services.audit.export(visitor.caller, _filter(group, words))
    day = formats.now().astimezone(formats.zone(visitor.caller.timezone))
    headers = {
        "Content-Disposition": f'attachment; filename="audit-log-{day:%Y-%m-%d}.csv"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(pieces, 200, headers, "text/csv; charset=utf-8")
