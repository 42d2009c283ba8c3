"""What an operator's tools ask: is the process up, is it ready, what does it count."""

import asyncio
from dataclasses import dataclass
from typing import Final, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.responses import PlainTextResponse, Response

from backend.db import migrate
from backend.http.problems import DATABASE_DOWN
from backend.http.respond import Json
from backend.services import Services

router = APIRouter(tags=["operations"])
_READY_WITHIN_S: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Answer of `GET /healthz`."""

    status: Literal["ok"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Answer of `GET /readyz`: the database's `revision` when ready, else the `reason` in one line."""

    status: Literal["ready", "not ready"]
    revision: str | None = None
    reason: str | None = None


@router.get("/healthz", response_model=Health)
async def healthz() -> Json:
    """The process answers."""
    return Json({"status": "ok"})


@router.get(
    "/readyz",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "The database is away or not migrated"}},
)
async def readyz(request: Request) -> Json:
    """The database answers and is at this program's version, or at that of a newer one which has migrated it."""
    services: Services = request.app.state.services
    try:
        async with asyncio.timeout(_READY_WITHIN_S), services.database.before_account() as tx:
            revision = (await tx.execute(sa.text("select version_num from alembic_version"))).scalar_one_or_none()
    except DATABASE_DOWN as error:
        return Json({"status": "not ready", "reason": f"database: {type(error).__name__}"}, 503)
    if not migrate.serves(revision):
        return Json({"status": "not ready", "reason": "the database needs `flowpilot migrate`"}, 503)
    return Json({"status": "ready", "revision": revision})


class ProcessMetrics(Collector):
    """Open sockets, database connections and hints, read at the moment of the scrape."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> list[Metric]:
        """The gauges and counters."""
        pool = self._services.database.pool
        hints, bus = self._services.wakeup.figures, self._services.wakeup.line.name
        up = GaugeMetricFamily("flowpilot_hint_line_up", "Whether hints reach other processes.", labels=["bus"])
        up.add_metric([bus], hints.up)
        return [
            GaugeMetricFamily(
                "flowpilot_event_sockets", "Open event stream sockets of this process.", self._services.sockets.open
            ),
            GaugeMetricFamily("flowpilot_hot_pool_connections", "Connections of the hot path's pool.", pool.get_size()),
            GaugeMetricFamily(
                "flowpilot_hot_pool_idle", "Idle connections of the hot path's pool.", pool.get_idle_size()
            ),
            up,
            CounterMetricFamily("flowpilot_hints_told", "Hints sent to other processes.", hints.told),
            CounterMetricFamily("flowpilot_hints_heard", "Hints received from other processes.", hints.heard),
            CounterMetricFamily("flowpilot_hints_lost", "Hints not sent because the line was away.", hints.lost),
        ]


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics() -> Response:
    """Prometheus text."""
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)
