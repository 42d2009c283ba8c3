"""`/account/devices`: which computers are signed in as oneself, and signing one out."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.db.ids import parse_id
from backend.domain.refusal import Refusal
from backend.web import render
from backend.web.installers import installers
from backend.web.routing import PageRoute, done
from backend.web.visitor import FormVisitor, ServicesDep, VisitorDep

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/account/devices")
async def devices(request: Request, visitor: VisitorDep, services: ServicesDep) -> Response:
    """Own computers, the newest first."""
    seq, waiting = await services.handoffs.shell_state(visitor.caller)
    return render.html(
        request,
        "devices.html",
        caller=visitor.caller,
        shell=visitor,
        seq=seq,
        waiting=waiting,
        devices=await services.devices.mine(visitor.caller),
        files=await installers(request.app.state.installers_dir),
    )


@router.post("/account/devices/{device_id}/revoke")
async def revoke(request: Request, device_id: str, visitor: FormVisitor, services: ServicesDep) -> Response:
    """Sign that computer out; its app notices within two seconds."""
    known = parse_id(device_id)
    if known is None:
        raise Refusal("not_found", "There is no such computer, or it is not yours.")
    await services.devices.revoke(visitor.caller, known)
    return done(request, "/account/devices")
