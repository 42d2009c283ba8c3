"""`GET /analytics/escalation-metrics`."""

from typing import Annotated, Final, get_args

from fastapi import APIRouter, Depends, Query, Request

from backend.analytics.service import AnalyticsService
from backend.contract.baseline import BaselineHistory, NewBaseline
from backend.contract.metrics import EscalationMetrics, EscalationRows, ExclusionReason
from backend.domain.refusal import Refusal
from backend.http.problems import openapi_responses
from backend.http.respond import Json
from backend.identity.baselines import BaselineService
from backend.identity.dependencies import CallerDep

router = APIRouter(prefix="/analytics", tags=["analytics"])


_COUNTED: Final = f"^(yes|no|{'|'.join(get_args(ExclusionReason))})$"


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


@router.get("/escalations", response_model=EscalationRows, responses=openapi_responses("role_required"))
async def escalations(
    caller: CallerDep,
    analytics: Annotated[AnalyticsService, Depends(_service)],
    month: str | None = None,
    counted: Annotated[str | None, Query(pattern=_COUNTED)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Json:
    """The month's escalations as they are measured, newest first; `counted` is yes, no or a reason for leaving out."""
    return Json(await analytics.rows(caller, month, counted, limit))
