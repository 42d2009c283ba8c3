"""/escalations: what waits, its context, and picking it up."""

from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from backend.contract.handoffs import Handoff, QueuePage, QueueRow
from backend.domain.claim import AlreadyClaimed, AlreadyYours, Claimed
from backend.domain.refusal import Refusal
from backend.handoffs.api import refusal_of
from backend.handoffs.service import handoff_id as parsed_id
from backend.http.problems import STATUS
from backend.identity.caller import Caller
from backend.web import formats, render
from backend.web.rights import kept_from, may_claim
from backend.web.routing import PageRoute, by_script, done
from backend.web.visitor import FormVisitor, Services, ServicesDep, Visitor, VisitorDep, services_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_ROWS: Final = 200
_MOST_ROWS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list is narrowed to."""

    q: str = ""
    priority: str = ""
    mine: bool = False

    def keep(self, row: QueueRow, caller: Caller) -> bool:
        """True for rows that match all of them."""
        if self.priority and row.priority != self.priority:
            return False
        if self.mine and row.target_user_id != str(caller.user_id):
            return False
        ticket = row.ticket.id if row.ticket else ""
        text = " ".join((row.title, row.customer or "", ticket, row.handed_off_by.name)).casefold()
        return all(word in text for word in self.q.casefold().split())


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """How a pick-up ended, for a page without scripts."""

    outcome: Literal["won", "lost", "offline", "unknown"]
    title: str
    text: str


async def _page(
    request: Request,
    visitor: Visitor,
    filters: Filters,
    selected_id: str,
    *,
    status: int = 200,
    result: ClaimResult | None = None,
) -> Response:
    services, caller, me = services_of(request), visitor.caller, str(visitor.caller.user_id)
    queue = await _waiting(services, caller, everything=filters != Filters())
    _, waiting = await services.handoffs.shell_state(caller)
    rows = [row for row in queue.items if filters.keep(row, caller)]
    async with services.together(caller):
        claimed = await services.handoffs.claimed_today(caller)
        again = await services.handoffs.alerted_again(caller)
        alarms = await services.alarms.banner(caller)
        detail, problem = await _selected(request, caller, selected_id, rows)
        on_desktop = await _has_app(request, caller)
    now = formats.now()
    mine = {row.id for row in rows if may_claim(caller, row)}
    kept = {row.id for row in rows if row.id in mine and kept_from(caller, row, now)}
    selected: QueueRow | None = detail or next((row for row in rows if row.id == selected_id), None)
    return render.html(
        request,
        "escalations.html",
        status=404 if problem and status == 200 else status,
        caller=caller,
        shell=visitor,
        seq=queue.seq,
        waiting=waiting,
        total=waiting,
        rows=rows,
        unshown=waiting - len(rows) if filters == Filters() else 0,
        longest=min((row.created_at for row in queue.items), default=None),
        claimed=[row for row in claimed if row.claimed_by and row.claimed_at],
        selected=selected,
        detail=detail,
        opened=bool(selected_id and selected),
        problem=problem,
        claimable=mine - kept,
        kept=kept,
        meant={row.id for row in rows if row.id in mine and (row.to is None or me in row.to)},
        claim_selected=selected is not None and may_claim(caller, selected),
        kept_selected=selected is not None and kept_from(caller, selected, now),
        again=again,
        alarms=alarms,
        any_claimable=bool(mine - kept),
        q=filters.q,
        priority=filters.priority,
        mine=filters.mine,
        filtered=filters != Filters(),
        on_desktop=on_desktop,
        result=result,
    )


async def _waiting(services: Services, caller: Caller, *, everything: bool) -> QueuePage:
    """The first rows that wait; `everything` (as far as a page can hold it) where a filter looks for some of them."""
    page = await services.handoffs.queue(caller, "pending", None, _ROWS)
    while everything and page.next_cursor and len(page.items) < _MOST_ROWS:
        more = await services.handoffs.queue(caller, "pending", page.next_cursor, _ROWS)
        page = replace(more, items=[*page.items, *more.items], seq=page.seq)
    return page


async def _has_app(request: Request, caller: Caller) -> bool:
    """Whether the desktop app is on a computer of this person, so that nobody is offered what they have."""
    return any(one.shut_out_at is None for one in await services_of(request).devices.mine(caller))


async def _selected(
    request: Request, caller: Caller, selected_id: str, rows: list[QueueRow]
) -> tuple[Handoff | None, str | None]:
    wanted = selected_id or (rows[0].id if rows else "")
    if not wanted:
        return None, None
    try:
        return await services_of(request).handoffs.get(caller, wanted), None
    except Refusal as refusal:
        return None, refusal.detail if selected_id else None


@router.get("/escalations")
async def escalations(
    request: Request,
    visitor: VisitorDep,
    q: Annotated[str, Query(max_length=200)] = "",
    priority: str = "",
    mine: str = "",
    selected: str = "",
    handoff: str = "",
) -> Response:
    """The queue. `selected` names the hand-off whose context stands beside it; `handoff`, from e-mails, does too.

    Opening it changes nothing: mail scanners open links as well.
    """
    known = priority if priority in {"urgent", "high", "normal", "low"} else ""
    return await _page(request, visitor, Filters(q.strip(), known, bool(mine)), selected or handoff)


@router.post("/escalations/{handoff_id}/claim")
async def pick_up(request: Request, visitor: FormVisitor, services: ServicesDep, handoff_id: str) -> Response:
    """Claim and go to the session; who was first is said where the button was."""
    visitor.caller.require("engineer")
    outcome = await services.handoffs.claim(visitor.caller, handoff_id)
    if isinstance(outcome, Claimed | AlreadyYours):
        where = await services.claiming.destination(visitor.caller.account_id, parsed_id(handoff_id))
        return done(request, where)
    refusal = refusal_of(outcome)
    if by_script(request) or refusal.code == "not_found":
        raise refusal
    if isinstance(outcome, AlreadyClaimed):
        since = formats.ago(formats.now() - outcome.since)
        title = " ".join(filter(None, (f"Already claimed by {outcome.holder_name}", since)))
        result = ClaimResult("lost", title, "You do not need to do anything.")
    else:
        result = ClaimResult("lost", refusal.detail, "Nothing was changed.")
    return await _page(request, visitor, Filters(), "", status=STATUS[refusal.code], result=result)
