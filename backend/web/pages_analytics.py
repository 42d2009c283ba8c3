"""/analytics: minutes recovered, from the contract's own figures."""

import re
from datetime import date, timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.analytics.service import MonthPage
from backend.contract.vocabulary import HANDOFF_OUTCOME_LABEL
from backend.domain.refusal import Refusal
from backend.domain.roles import at_least
from backend.web import analytics_words as words
from backend.web import chart, render
from backend.web.admin.tabs import TABS
from backend.web.routing import PageRoute
from backend.web.visitor import Services, ServicesDep, Visitor, VisitorDep

router = APIRouter(route_class=PageRoute, include_in_schema=False)


def _checked(month: str) -> str | None:
    if month and not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", month):
        raise Refusal("bad_request", "A month is written like 2026-11.")
    return month or None


@router.get("/analytics")
async def analytics(request: Request, visitor: VisitorDep, services: ServicesDep, month: str = "") -> Response:
    """One month of the account's time zone; this month unless named."""
    caller = visitor.caller
    caller.require("engineer")
    wanted = _checked(month)
    seq, waiting = await services.handoffs.shell_state(caller)
    page = await services.analytics.page(caller, wanted, most_singles=chart.MOST_DOTS)
    needed = None if page.metrics.with_first_action else await _needed(visitor, services)
    return drawn(request, visitor, page, seq=seq, waiting=waiting, needed=needed)


def drawn(
    request: Request, visitor: Visitor, page: MonthPage, *, seq: int, waiting: int, needed: dict[str, object] | None
) -> Response:
    """The page of a month."""
    metrics, tz = page.metrics, page.loaded.month.zone
    today = page.loaded.now.astimezone(tz).date()
    first = date.fromisoformat(f"{metrics.month}-01")
    last = page.loaded.month.last_day(today)
    after = (first + timedelta(days=32)).replace(day=1)
    return render.html(
        request,
        "analytics.html",
        caller=visitor.caller,
        shell=visitor,
        seq=seq,
        waiting=waiting,
        metrics=metrics,
        words=words,
        zone=tz,
        current=page.loaded.baselines.at(page.loaded.now),
        chart=chart.draw(metrics.rolling, metrics.manual_baseline_minutes, page.singles, tz),
        change=words.change(metrics),
        basis=words.basis(metrics, current=after > today),
        source=words.baseline_source(metrics.baselines, tz),
        subtraction=words.subtraction(metrics),
        left_out=page.left_out,
        outcome_names=HANDOFF_OUTCOME_LABEL,
        all_names=page.loaded.reader.all_names,
        month_name=f"{first:%B %Y}",
        period=f"1 to {last.day} {first:%B %Y}" if last >= first and last.day > 1 else f"{first:%B %Y}",
        previous=metrics.previous.month,
        following=f"{after:%Y-%m}" if after <= today else None,
        needed=needed,
    )


@router.get("/analytics.csv")
async def export(visitor: VisitorDep, services: ServicesDep, month: str = "") -> Response:
    """A row per escalation, from which every figure of the page can be made again."""
    services.quotas.take(visitor.caller.account_id, "export")
    made = await services.analytics.export(visitor.caller, _checked(month))
    headers = {
        "Content-Disposition": f'attachment; filename="{made.name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(made.text, 200, headers, "text/csv; charset=utf-8")


async def _needed(visitor: Visitor, services: Services) -> dict[str, object]:
    """What is needed for a figure: who can be reached now, and where an administrator mends what is not."""
    reach = await services.delivery.reach(visitor.caller)
    places = {tab.key: tab.path for tab in TABS} if at_least(visitor.caller.role, "admin") else {}
    return {
        "on_desktop": [one.user.name for one in reach if one.desktop],
        "elsewhere": [one.user.name for one in reach if not one.desktop],
        "places": places,
    }
