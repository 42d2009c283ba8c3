"""/admin/installers: the desktop app for every system, with checksums; the files are for whoever is signed in."""

import json

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response

from backend.domain.refusal import Refusal
from backend.web.admin import tabs
from backend.web.installers import installers
from backend.web.routing import PageRoute
from backend.web.visitor import VisitorDep

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/admin/installers")
async def installers_page(request: Request, visitor: VisitorDep) -> Response:
    """What can be installed, and how computers are set up for everybody."""
    folder = request.app.state.installers_dir
    example = {"organisation": visitor.caller.account_name, "server": request.app.state.public_url, "set_up": True}
    return await tabs.page(
        request,
        visitor,
        "installers",
        "admin/installers.html",
        files=await installers(folder),
        folder_given=folder is not None,
        example=json.dumps(example, indent=2, ensure_ascii=False),
        server=request.app.state.public_url,
    )


@router.get("/installers/{name}")
async def download(request: Request, _visitor: VisitorDep, name: str) -> Response:
    """One of the folder's installers; nothing else of the folder can be named."""
    found = next((one for one in await installers(request.app.state.installers_dir) if one.name == name), None)
    if found is None:
        raise Refusal("not_found", "There is no such installer.")
    return FileResponse(
        found.path, filename=found.name, media_type="application/octet-stream", headers={"Cache-Control": "no-store"}
    )
