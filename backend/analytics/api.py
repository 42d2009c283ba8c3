"""`GET /analytics/escalation-metrics`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from backend.analytics.service import AnalyticsService
from backend.contract.metrics import EscalationMetrics
from backend.http.problems import openapi_responses
from backend.http.respond import Json
from backend.identity.dependencies import CallerDep

router = APIRouter(prefix="/analytics", tags=["analytics"])


def _service(request: Request) -> AnalyticsService:
    service: AnalyticsService = request.app.state.services.analytics
    return service


@router.get("/escalation-metrics", response_model=EscalationMetrics, responses=openapi_responses("role_required"))
async def escalation_metrics(
    caller: CallerDep, analytics: Annotated[AnalyticsService, Depends(_service)], month: str | None = None
) -> Json:
    """Minutes recovered per escalation, with what it is made of."""
    return Json(await analytics.month(caller, month))
