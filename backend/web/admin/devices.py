"""/admin/devices: every computer that is signed in, and signing one out."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.db.ids import parse_id
from backend.domain.refusal import Refusal
from backend.web.admin import tabs
from backend.web.installers import newest
from backend.web.routing import PageRoute, done
from backend.web.visitor import FormVisitor, ServicesDep, VisitorDep

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/admin/devices")
async def devices(request: Request, visitor: VisitorDep, services: ServicesDep) -> Response:
    """The account's computers, the last seen first."""
    return await tabs.page(
        request,
        visitor,
        "devices",
        "admin/devices.html",
        devices=await services.devices.all(visitor.caller),
        newest=await newest(request.app.state.installers_dir),
    )


@router.post("/admin/devices/{device_id}/revoke")
async def revoke(request: Request, device_id: str, visitor: FormVisitor, services: ServicesDep) -> Response:
    """Sign it out; its app notices within two seconds."""
    known = parse_id(device_id)
    if known is None:
        raise Refusal("not_found", "There is no such computer.")
    await services.devices.revoke_any(visitor.caller, known)
    return done(request, "/admin/devices")
