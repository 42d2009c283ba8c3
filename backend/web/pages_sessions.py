"""The session list and the session page."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from backend.contract.sessions import NewSession, SessionRow, TicketRef
from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.identity.caller import Caller
from backend.web import render, session_view
from backend.web.routing import PageRoute, by_script, done
from backend.web.visitor import FormVisitor, Services, ServicesDep, Visitor, VisitorDep, services_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_PAGE: Final = 50
_NO_PSA: Final = "psa"
"""The system of a ticket where no PSA is connected: it is a reference for people."""
_BLANK: Final = {"title": "", "customer": "", "ticket": "", "ticket_system": "", "problem": ""}


def _summary(rows: list[SessionRow], show: str, *, more: bool) -> str:
    if more:
        return f"The latest {len(rows)}"
    if show == "resolved":
        return f"{len(rows)} resolved"
    waiting = sum(row.status == "escalated" for row in rows)
    return f"{len(rows)} open, {waiting} waiting for a senior"


async def _list(
    request: Request,
    visitor: Visitor,
    *,
    status: int = 200,
    show: str = "mine",
    q: str = "",
    cursor: str | None = None,
    dialog: str | None = None,
    error: str | None = None,
    form: dict[str, str] | None = None,
) -> Response:
    services, caller = services_of(request), visitor.caller
    show = show if show in {"mine", "all", "resolved"} else "mine"
    seq, waiting = await services.handoffs.shell_state(caller)
    page = await services.sessions.list_sessions(
        caller,
        status="resolved" if show == "resolved" else "open",
        mine=show == "mine",
        search=q.strip() or None,
        cursor=cursor,
        limit=_PAGE,
    )
    return render.html(
        request,
        "sessions.html",
        status=status,
        caller=caller,
        shell=visitor,
        seq=seq,
        waiting=waiting,
        rows=page.items,
        next_cursor=page.next_cursor,
        cursor=cursor,
        show=show,
        q=q,
        systems=await services.connectors.systems(caller),
        summary=_summary(page.items, show, more=bool(page.next_cursor or cursor)),
        dialog=dialog,
        error=error,
        form={**_BLANK, **(form or {})},
    )


@router.get("/sessions")
async def session_list(
    request: Request,
    visitor: VisitorDep,
    show: str = "",
    q: Annotated[str, Query(max_length=200)] = "",
    cursor: str | None = None,
    new: str = "",
) -> Response:
    """Sessions: mine (a technician's start), everyone's, resolved ones."""
    return await _list(request, visitor, show=show or "mine", q=q, cursor=cursor, dialog="new" if new else None)


@router.post("/sessions")
async def new_session(
    request: Request,
    visitor: FormVisitor,
    services: ServicesDep,
    title: Annotated[str, Form()] = "",
    customer: Annotated[str, Form()] = "",
    ticket: Annotated[str, Form()] = "",
    ticket_system: Annotated[str, Form()] = "",
    problem: Annotated[str, Form()] = "",
) -> Response:
    """Open a session."""
    try:
        reference = await _ticket(services, visitor.caller, ticket.strip(), ticket_system)
        new = NewSession(title=title, problem=problem, customer=customer or None, ticket=reference)
        session = await services.sessions.create(visitor.caller, new)
    except Refusal as refusal:
        if by_script(request) or refusal.code not in {"invalid_body", "payload_too_large"}:
            raise
        form = {
            "title": title,
            "customer": customer,
            "ticket": ticket,
            "ticket_system": ticket_system,
            "problem": problem,
        }
        return await _list(request, visitor, status=STATUS[refusal.code], dialog="new", error=refusal.detail, form=form)
    return done(request, f"/pilot/{session.id}")


async def _ticket(services: Services, caller: Caller, number: str, system: str) -> TicketRef | None:
    """In the PSA that is connected; where there are several, in the one that was chosen."""
    if not number:
        return None
    connected = await services.connectors.systems(caller)
    if len(connected) > 1 and system not in connected:
        raise Refusal("invalid_body", "Choose the system that the ticket is in.", field="ticket_system")
    return TicketRef(system=system if system in connected else next(iter(connected), _NO_PSA), id=number)


@router.get("/pilot/{session_id}")
async def session_page(request: Request, visitor: VisitorDep, session_id: str) -> Response:
    """One session: chat, context, escalation."""
    return await session_view.page(request, visitor, session_id)


@router.get("/pilot")
async def no_session() -> Response:
    """The list stands where no session is named."""
    return RedirectResponse("/sessions", 303)
