"""/admin/installers: the desktop app for every system, the commands that roll it out, the set-up codes.

The files are for whoever is signed in; the rest is for administrators.
"""

import json
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import FileResponse, Response

from backend.db.ids import parse_id
from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.web.admin import tabs
from backend.web.install_lines import defaults, lines
from backend.web.installers import SUMS, installers, newest
from backend.web.routing import PageRoute, by_script, done
from backend.web.visitor import FormVisitor, ServicesDep, Visitor, VisitorDep, services_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_HERE: Final = "/admin/installers"


@router.get(_HERE)
async def installers_page(request: Request, visitor: VisitorDep, code: str = "") -> Response:
    """What can be installed, and how; `code` names the set-up code that the commands carry, by default the newest."""
    visitor.caller.require("admin")
    return await _page(request, visitor, code)


@router.post(f"{_HERE}/codes")
async def create(
    request: Request, visitor: FormVisitor, services: ServicesDep, label: Annotated[str, Form()] = ""
) -> Response:
    """Make a set-up code."""
    try:
        await services.setup.create(visitor.caller, label)
    except Refusal as refusal:
        if by_script(request) or refusal.code not in {"invalid_body", "limit_reached"}:
            raise
        return await _page(request, visitor, "", error=refusal.detail, status=STATUS[refusal.code])
    return done(request, _HERE)


@router.post(f"{_HERE}/codes/{{setup_id}}/revoke")
async def revoke(request: Request, visitor: FormVisitor, services: ServicesDep, setup_id: str) -> Response:
    """Take one back."""
    known = parse_id(setup_id)
    if known is None:
        raise Refusal("not_found", "There is no such set-up code.")
    await services.setup.revoke(visitor.caller, known)
    return done(request, _HERE)


@router.get("/installers/{name}")
async def download(request: Request, _visitor: VisitorDep, name: str) -> Response:
    """One of the folder's installers, or its list of checksums; nothing else of the folder can be named."""
    folder = request.app.state.installers_dir
    found = await installers(folder)
    if name == SUMS and found and (folder / SUMS).is_file():
        return FileResponse(
            folder / SUMS, filename=SUMS, media_type="text/plain", headers={"Cache-Control": "no-store"}
        )
    one = next((each for each in found if each.name == name), None)
    if one is None:
        raise Refusal("not_found", "There is no such installer.")
    if one.damaged:
        raise Refusal("not_found", "This file is not the one that SHA256SUMS names, so it is not given out.")
    return FileResponse(
        one.path, filename=one.name, media_type="application/octet-stream", headers={"Cache-Control": "no-store"}
    )


async def _page(request: Request, visitor: Visitor, chosen: str, *, error: str = "", status: int = 200) -> Response:
    server: str = request.app.state.public_url
    codes = await services_of(request).setup.all(visitor.caller)
    code = next((one for one in codes if one.code == chosen), codes[0] if codes else None)
    files = await installers(request.app.state.installers_dir)
    latest = await newest(request.app.state.installers_dir)
    devices = await services_of(request).devices.all(visitor.caller)
    held = code.code if code else ""
    example = {"organisation": visitor.caller.account_name, **defaults(server, held), "set_up": True}
    return await tabs.page(
        request,
        visitor,
        "installers",
        "admin/installers.html",
        status=status,
        files=files,
        latest=latest,
        behind=sum(latest.newer_than(one.version) for one in devices) if latest else 0,
        computers=len(devices),
        rolled=[(one, lines(one.name, server, held)) for one in files if not one.damaged],
        codes=codes,
        code=code,
        error=error,
        example=json.dumps(example, indent=2, ensure_ascii=False),
        server=server,
    )
