"""/admin/baseline: what an escalation costs by hand, its history, and whose names analytics shows."""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from backend.contract.baseline import BaselineBasis, NewBaseline
from backend.contract.people import AccountSettingsPatch
from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.web import analytics_words as words
from backend.web import formats
from backend.web.admin import tabs
from backend.web.routing import PageRoute, by_script, done
from backend.web.visitor import FormVisitor, ServicesDep, Visitor, VisitorDep, services_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_HERE: Final = "/admin/baseline"
_BASES: Final[dict[str, BaselineBasis]] = {"measured": "measured", "estimated": "estimated"}
_SAID: Final = {
    "minutes": "Give a number of minutes from 0.5 to 480.",
    "effective_from": "Give a day from the year 2000 on, at most five years ahead.",
    "note": "Use at most 300 characters.",
}
Text = Annotated[str, Form()]


async def _page(
    request: Request,
    visitor: Visitor,
    *,
    status: int = 200,
    problems: dict[str, str] | None = None,
    form: dict[str, str] | None = None,
) -> Response:
    visitor.caller.require("admin")
    services, tz = services_of(request), formats.zone(visitor.caller.timezone)
    history = await services.baselines.history(visitor.caller)
    today = datetime.now(UTC).astimezone(tz).date()
    current = history.current
    blank = {
        "minutes": f"{current.minutes:g}" if current and current.minutes is not None else "",
        "effective_from": today.isoformat(),
        "basis": current.basis if current else "measured",
        "note": "",
    }
    return await tabs.page(
        request,
        visitor,
        "baseline",
        "admin/baseline.html",
        status=status,
        history=history,
        current=current,
        words=words,
        zone=tz,
        form={**blank, **(form or {})},
        problems=problems or {},
        settings=await services.account.settings(visitor.caller),
    )


@router.get(_HERE)
async def baseline(request: Request, visitor: VisitorDep) -> Response:
    """What counts now, and every version."""
    return await _page(request, visitor)


def _minutes(text: str) -> float | None:
    """The number, decimal comma or point; None for what is none, which the service would take for `no baseline`."""
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None


@router.post(_HERE)
async def save(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    minutes: Text = "",
    effective_from: Text = "",
    basis: Text = "estimated",
    note: Text = "",
) -> Response:
    """Add a version; nothing that was is changed."""
    visitor.caller.require("admin")
    form = {"minutes": minutes, "effective_from": effective_from, "basis": basis, "note": note}
    value = _minutes(minutes)
    tz = formats.zone(visitor.caller.timezone)
    # Today's date means now: what was made this morning was made under the baseline of this morning.
    today = effective_from.strip() == datetime.now(UTC).astimezone(tz).date().isoformat()
    new = NewBaseline(
        minutes=value if value is not None else float("nan"),  # no number is out of bounds, not `no baseline`
        basis=_BASES.get(basis, "estimated"),
        effective_from=None if today or not effective_from.strip() else effective_from.strip(),
        note=note or None,
    )
    try:
        await services.baselines.add(visitor.caller, new)
    except Refusal as refusal:
        field = str(refusal.extensions.get("field", ""))
        if by_script(request) or field not in _SAID:
            raise
        problems = {field: _SAID[field]}
        return await _page(request, visitor, status=STATUS[refusal.code], problems=problems, form=form)
    return done(request, _HERE)


@router.post(f"{_HERE}/remove")
async def remove(request: Request, visitor: FormVisitor, services: ServicesDep) -> Response:
    """From now on there is none; analytics then shows measured time alone."""
    await services.baselines.add(visitor.caller, NewBaseline(minutes=None))
    return done(request, _HERE)


@router.post(f"{_HERE}/names")
async def names(
    request: Request, visitor: FormVisitor, services: ServicesDep, seniors: Text = "", small: Text = ""
) -> Response:
    """Whose names analytics shows, and to whom."""
    patch = AccountSettingsPatch(analytics_names_for_seniors=bool(seniors), analytics_small_groups=bool(small))
    await services.account.change(visitor.caller, patch, {"analytics_names_for_seniors", "analytics_small_groups"})
    return done(request, _HERE)
