"""`GET /account/alarms`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from backend.contract.alarms import AlarmList
from backend.http.problems import openapi_responses
from backend.http.respond import Json
from backend.identity.dependencies import CallerDep
from backend.selfaudit.service import AlarmService

router = APIRouter(tags=["account"])


def _service(request: Request) -> AlarmService:
    service: AlarmService = request.app.state.services.alarms
    return service


@router.get("/account/alarms", response_model=AlarmList, responses=openapi_responses("role_required"))
async def alarms(caller: CallerDep, service: Annotated[AlarmService, Depends(_service)]) -> Json:
    """What is wrong with telling people in this account: newest first, empty when all is well."""
    return Json(await service.alarms(caller))
