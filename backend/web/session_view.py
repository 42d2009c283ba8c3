"""Everything the session page needs, gathered once: who may do what, the strip, the conversation."""

from dataclasses import dataclass
from uuid import uuid4

from fastapi import Request
from starlette.responses import Response

from backend.contract.handoffs import Handoff
from backend.contract.people import Person, UserView
from backend.contract.sessions import Session
from backend.db.ids import parse_id
from backend.delivery.service import Held, ReachEntry
from backend.domain.roles import at_least
from backend.identity.caller import Caller
from backend.web import chat_view, formats, policy_words, recipients, render, strip, suggestions, ticket_notes
from backend.web.rights import kept_from, may_claim
from backend.web.visitor import Visitor, sends_mail, services_of

BLANK = {"reason": "", "need": "", "impact": "", "priority": "normal", "target": ""}


@dataclass(frozen=True, slots=True)
class May:
    """What this person can do on this page now; the services decide again when it is done."""

    write: bool
    escalate: bool
    resolve: bool
    hand_back: bool
    claim: bool
    kept: bool
    change: bool
    withdraw: bool


def may(caller: Caller, session: Session, handoff: Handoff | None) -> May:
    """The buttons of the page."""
    me = str(caller.user_id)
    works = at_least(caller.role, "technician")
    senior = at_least(caller.role, "engineer")
    pending = handoff is not None and handoff.status == "pending"
    claimed = handoff is not None and handoff.status == "claimed"
    holder = handoff.claimed_by.id if handoff is not None and handoff.claimed_by else None
    involved = handoff is not None and me in {handoff.handed_off_by.id, handoff.session_owner.id}
    manages = claimed and (holder == me or at_least(caller.role, "admin"))
    unfinished = session.status != "resolved"
    return May(
        write=works and unfinished,
        escalate=works and unfinished and not pending and not claimed,
        resolve=works and unfinished and (manages or (pending and (senior or involved)) or not (pending or claimed)),
        hand_back=manages,
        claim=pending and handoff is not None and may_claim(caller, handoff),
        kept=handoff is not None and kept_from(caller, handoff, formats.now()),
        change=pending and (senior or involved),
        withdraw=pending and (senior or involved),
    )


def latest_handoff_id(session: Session) -> str | None:
    """The hand-off that the page tells about: the newest."""
    return session.handoffs[-1].id if session.handoffs else None


@dataclass(frozen=True, slots=True)
class Reach:
    """Who would be told at once: lists of first names, and per person where, by user id.

    `held`: whose clients hold alerts back, and until when (`Dana, do not disturb until 14:00`).
    """

    desktop: list[str]
    web: list[str]
    held: list[str]
    later: list[str]
    presence: dict[str, str]
    mail: bool


def reach_now(entries: list[ReachEntry], seniors: list[UserView], clock: formats.Clock, *, mail: bool) -> Reach:
    """Where each senior is. `mail` says whether this server sends e-mail to those who are nowhere."""
    by_id = {entry.user.id: entry for entry in entries}
    reach = Reach([], [], [], [], {}, mail)
    for name, person in zip(formats.first_names([one.name for one in seniors]), seniors, strict=True):
        entry = by_id.get(person.id)
        said = name
        if entry and entry.held:
            place, names = _held(entry.held, clock), reach.held
            said = f"{name}, {place}"
        elif entry and entry.desktop:
            place, names = "on desktop now", reach.desktop
        elif entry and entry.web:
            place, names = "in the web page now", reach.web
        else:
            place, names = "e-mail only" if mail else "not connected", reach.later
        reach.presence[person.id] = place
        names.append(said)
    return reach


def _held(held: Held, clock: formats.Clock) -> str:
    words = recipients.held_words(held.reason)
    return f"{words} until {clock.time(held.until)}" if held.until else words


async def page(
    request: Request,
    visitor: Visitor,
    session_id: str,
    *,
    status: int = 200,
    dialog: str | None = None,
    error: str | None = None,
    problems: dict[str, str] | None = None,
    form: dict[str, str] | None = None,
    notice: str | None = None,
    draft: str = "",
) -> Response:
    """The session page, with a dialog open and a refusal in it where a form did not go through."""
    services, caller = services_of(request), visitor.caller
    clock = formats.Clock(formats.zone(caller.timezone), formats.now())
    seq, waiting = await services.handoffs.shell_state(caller)  # first: what happens from here on, the page is told
    async with services.together(caller):
        session = await services.sessions.get(caller, session_id)
        latest = latest_handoff_id(session)
        handoff = await services.handoffs.get(caller, latest) if latest else None
        seniors = await services.identity.seniors(caller)
        here = await services.presence.here(caller, session_id)
        entries = await services.delivery.reach(caller, exclude_user_id=str(caller.user_id))
        policy = (await services.account.settings(caller)).escalation_policy
        target = next((one.name for one in seniors if handoff and one.id == handoff.target_user_id), None)
        numbers = await services.people.numbers(caller) if handoff and handoff.exhausted_at else []
        edited = request.query_params.get("edit")
        colleagues = (
            await services.identity.colleagues(caller) if any(one.id == edited for one in session.tasks) else []
        )
        notes = await ticket_notes.gather(services, caller, session_id, clock) if session.ticket else None
        chat = await chat_view.gather(
            services, caller, session, handoff, target, runbook=request.query_params.get("runbook")
        )
    others = [one for one in seniors if one.id != str(caller.user_id)]
    rights = may(caller, session, handoff)
    reach = reach_now(entries, others, clock, mail=sends_mail(request))
    suggested = suggestions.for_escalation(session) if rights.escalate else {}
    holds = bool(handoff and handoff.status == "claimed" and handoff.claimed_by and _is(handoff.claimed_by.id, caller))
    snapshot = handoff.escalation_package.snapshot if handoff and holds else None
    return render.html(
        request,
        "session.html",
        status=status,
        caller=caller,
        shell=visitor,
        seq=seq,
        waiting=waiting,
        session=session,
        handoff=handoff,
        holds=holds,
        may=rights,
        strip=strip.with_numbers(
            _strip(
                session,
                handoff,
                caller,
                {one.user.id: "desktop" if one.desktop else "web" for one in entries if one.desktop or one.web},
                [Person(id=one.id, name=one.name) for one in seniors if one.role == "owner"],
                here,
            ),
            numbers,
        ),
        chat=chat,
        fix=session.active_fix,
        edit=edited,
        added_now=request.query_params.get("added"),
        colleagues=colleagues,
        notes=notes,
        removed=_removed(request.query_params.get("removed", "")),
        here=here,
        frozen_steps={step.id for step in snapshot.steps} if snapshot else None,
        frozen_facts={fact.id: fact.revision for fact in snapshot.facts} if snapshot else None,
        seniors=others,
        reach=reach,
        policy_hints=policy_words.hints(
            policy,
            formats.zone(caller.timezone),
            seniors,
            formats.now(),
            (handoff.waiting_since or handoff.created_at) if handoff and rights.change else None,
        ),
        urgent_through=policy.urgent_overrides_dnd,
        target_hint=policy_words.target_hint(policy),
        target_first=policy.target_first_minutes,
        key=str(uuid4()),
        dialog=dialog or request.query_params.get("dialog"),
        error=error,
        problems=problems or {},
        suggested=suggested,
        form={**BLANK, **((form or {}) if dialog == "escalate" else suggested)},
        kept=form or {},
        notice=notice,
        draft=draft,
    )


def _is(user_id: str, caller: Caller) -> bool:
    return user_id == str(caller.user_id)


def _removed(text: str) -> tuple[str, str] | None:
    """(kind, id) of what this browser has just taken out, so that it can be put back without a script."""
    kind, _, entry_id = text.partition(":")
    return (kind, entry_id) if kind in {"steps", "facts", "tasks"} and parse_id(entry_id) else None


def _strip(
    session: Session,
    handoff: Handoff | None,
    caller: Caller,
    connected: dict[str, str],
    owners: list[Person],
    here: list[Person],
) -> strip.Strip | None:
    if handoff is None or (handoff.status == "resolved" and session.status == "active" and not handoff.outcome):
        return None
    ids = {one.id for one in here}
    return strip.draw(handoff, formats.zone(caller.timezone), connected, owners=owners, here=ids)
