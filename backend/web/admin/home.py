"""/admin: leads to the first tab."""

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from backend.web.admin.tabs import TABS
from backend.web.routing import PageRoute
from backend.web.visitor import VisitorDep

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/admin")
async def home(visitor: VisitorDep) -> Response:
    """The first tab."""
    visitor.caller.require("admin")
    return RedirectResponse(TABS[0].path, 303, {"Cache-Control": "no-store"})
