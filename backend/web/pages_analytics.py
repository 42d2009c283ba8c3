"""/analytics: minutes recovered, from the contract's own figures."""

import re
from dataclasses import dataclass
from datetime import date, timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.contract.metrics import EscalationMetrics
from backend.domain.refusal import Refusal
from backend.web import chart, formats, render
from backend.web.routing import PageRoute
from backend.web.visitor import ServicesDep, VisitorDep

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Change:
    """Against the month before: `1.8 more` than in `October` (`value`)."""

    words: str
    month: str
    value: float


def change(this: float | None, before: EscalationMetrics, first: date) -> Change | None:
    """The change line, or None without two figures to compare."""
    earlier = before.minutes_recovered_per_escalation
    if this is None or earlier is None:
        return None
    step = round(this, 1) - round(earlier, 1)
    return Change(f"{abs(step):.1f} {'less' if step < 0 else 'more'}", f"{first:%B}", earlier)


@router.get("/analytics")
async def analytics(request: Request, visitor: VisitorDep, services: ServicesDep, month: str = "") -> Response:
    """One month of the account's time zone; this month unless named."""
    caller = visitor.caller
    caller.require("engineer")
    if month and not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", month):
        raise Refusal("bad_request", "A month is written like 2026-11.")
    queue = await services.handoffs.queue_text(caller, "pending", None, 0)
    metrics = await services.analytics.month(caller, month or None)
    today = formats.now().astimezone(formats.zone(caller.timezone)).date()
    first = date.fromisoformat(f"{metrics.month}-01")
    before, after = first - timedelta(days=1), (first + timedelta(days=32)).replace(day=1)
    previous = await services.analytics.month(caller, f"{before:%Y-%m}")
    last = min(after - timedelta(days=1), today)
    to_claim = metrics.mean_time_to_claim_seconds
    return render.html(
        request,
        "analytics.html",
        caller=caller,
        shell=visitor,
        seq=queue.seq,
        waiting=await services.handoffs.waiting_count(caller),
        metrics=metrics,
        estimate=(await services.account.settings(caller)).manual_baseline_is_estimate,
        chart=chart.draw(metrics.rolling, metrics.manual_baseline_minutes),
        chart_size=(chart.WIDTH, chart.HEIGHT),
        change=change(metrics.minutes_recovered_per_escalation, previous, before),
        seniors=await services.identity.seniors(caller) if not metrics.with_first_action else [],
        month_name=f"{first:%B %Y}",
        period=f"1 to {last.day} {first:%B %Y}" if last >= first and last.day > 1 else f"{first:%B %Y}",
        previous=f"{before:%Y-%m}",
        following=f"{after:%Y-%m}" if after <= today else None,
        to_claim=formats.waited(timedelta(seconds=to_claim)) if to_claim is not None else None,
    )
