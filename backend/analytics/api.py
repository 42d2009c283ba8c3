"""`GET /analytics/escalation-metrics`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from backend.analytics.service import AnalyticsService
from backend.contract.baseline import BaselineHistory, NewBaseline
from backend.contract.metrics import EscalationMetrics
from backend.domain.refusal import Refusal
from backend.http.problems import openapi_responses
from backend.http.respond import Json
from backend.identity.baselines import BaselineService
from backend.identity.dependencies import CallerDep

router = APIRouter(prefix="/analytics", tags=["analytics"])


def _service(request: Request) -> AnalyticsService:
    service: AnalyticsService = request.app.state.services.analytics
    return service


def _baselines(request: Request) -> BaselineService:
    service: BaselineService = request.app.state.services.baselines
    return service


Baselines = Annotated[BaselineService, Depends(_baselines)]


@router.get("/baselines", response_model=BaselineHistory, responses=openapi_responses("role_required"))
async def read_baselines(caller: CallerDep, baselines: Baselines) -> Json:
    """The manual baseline in force, and every version there ever was."""
    return Json(await baselines.history(caller))


@router.post(
    "/baselines", status_code=201, response_model=BaselineHistory, responses=openapi_responses("role_required")
)
async def add_baseline(new: NewBaseline, request: Request, caller: CallerDep, baselines: Baselines) -> Json:
    """Add a version of the manual baseline; none is ever changed or removed."""
    if isinstance((await request.json()).get("minutes"), bool):  # validation takes `true` for 1, which nobody means
        raise Refusal("invalid_body", "`minutes` must be a number.", field="minutes")
    return Json(await baselines.add(caller, new), 201)


@router.get("/escalation-metrics", response_model=EscalationMetrics, responses=openapi_responses("role_required"))
async def escalation_metrics(
    caller: CallerDep, analytics: Annotated[AnalyticsService, Depends(_service)], month: str | None = None
) -> Json:
    """Minutes recovered per escalation, with what it is made of."""
    return Json(await analytics.month(caller, month))
