"""From what is known to what is drawn: rows, outcomes and the detail's banner."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backend.contract.handoffs import Handoff, QueueRow
from backend.contract.people import UserView
from desktop.core import words
from desktop.core.claim import Failed, Gone, Lost, Offline, Outcome, Own, RoleGone, SignedOut, Won
from desktop.core.inbox import Inbox, Left, order
from desktop.core.notify import may_claim
from desktop.core.toasts import UNKNOWN_TEXT
from desktop.core.views import BannerView, ClaimedView, DetailView, OutcomeKind, PrimaryKind, RowView

NO_CUSTOMER: Final = "No customer named"
OWN_TEXT: Final = "You escalated this one. Someone else has to claim it."
ROLE_TEXT: Final = "Your role no longer includes escalations. Ask your administrator."
SIGNED_OUT_TEXT: Final = "Your sign-in has ended. Sign in to see the queue."


@dataclass(slots=True)
class Case:
    """What the user's own claim of one handoff has come to.

    `opened` is false when no browser took the address; `trouble` is what went wrong with it since.
    """

    claiming: bool = False
    unknown: bool = False
    outcome: Outcome | None = None
    opened: bool = True
    trouble: str | None = None


def outcome_kind(outcome: Outcome) -> OutcomeKind:
    """The word by which the widgets colour an outcome."""
    match outcome:
        case Won():
            return "claimed"
        case Lost():
            return "lost"
        case Gone():
            return "withdrawn"
        case Own():
            return "own"
        case Offline():
            return "offline"
        case _:
            return "error"


def outcome_text(outcome: Outcome, wall: datetime) -> str:  # noqa: PLR0911 - one return for each case
    """One sentence for each outcome, in a toast or a banner's title."""
    match outcome:
        case Won():
            return "Claimed, opening session"
        case Lost(by, at):
            return words.already_claimed(by.name if by else "someone else", at, wall)
        case Gone():
            return gone_text(outcome)
        case Own():
            return OWN_TEXT
        case Offline(as_of):
            still = f" It was still waiting at {words.clock_seconds(as_of)}." if as_of else ""
            return f"Not claimed: you are offline.{still}"
        case RoleGone():
            return ROLE_TEXT
        case SignedOut():
            return SIGNED_OUT_TEXT
        case Failed(text):
            return text


def gone_text(gone: Gone) -> str:
    """What happened and who did it: `Withdrawn by Mina Okafor: “Found it.”`."""
    verb = {"withdrawn": "Withdrawn", "resolved": "Resolved"}.get(gone.status or "", "Not waiting any more")
    by = f" by {gone.by.name}" if gone.by and gone.status else ""
    return f"{verb}{by}: “{gone.note}”" if gone.note else f"{verb}{by}"


Made = dict[str, tuple[QueueRow, UserView | None, RowView]]


def row_views(
    inbox: Inbox, me: UserView | None, cases: Mapping[str, Case], now: float, wall: datetime, made: Made | None = None
) -> tuple[RowView, ...]:
    """The list: what waits, and what has just left with its outcome, in one order. `now` is monotonic.

    `made` keeps the plain lines from one call to the next: of 10,000 rows few have changed since.
    """
    leaving = {left.row.id: left for left in inbox.leaving.values() if left.until > now}
    rows = inbox.sorted()
    if leaving:
        rows = sorted([*rows, *(left.row for left in leaving.values())], key=order)
    former = made if made is not None else {}
    kept: Made = {}
    out = []
    for row in rows:
        case, left, known = cases.get(row.id), leaving.get(row.id), former.get(row.id)
        # What is kept for somebody changes by itself when that time is over.
        plain = case is None and left is None and row.reserved_until is None
        if plain and known is not None and known[0] is row and known[1] is me:
            view = known[2]
        else:
            view = row_view(row, me, case, left, wall)
        if plain:
            kept[row.id] = (row, me, view)
        out.append(view)
    former.clear()
    former.update(kept)
    return tuple(out)


def row_view(row: QueueRow, me: UserView | None, case: Case | None, left: Left | None, wall: datetime) -> RowView:
    """One line. The outcome of the log comes before the outcome of the user's own claim."""
    text, kind = _row_outcome(me, case, left, wall)
    reserved = _reserved(row, me, wall)
    ended_at = _ended_at(row, case, left)
    return RowView(
        id=row.id,
        session_id=row.session_id,
        title=row.title,
        customer=row.customer or NO_CUSTOMER,
        ticket=row.ticket,
        priority=row.priority,
        from_name=row.handed_off_by.name,
        for_you=me is not None and row.target_user_id == me.id,
        waiting_since=row.created_at,
        claimable=kind is None and row.status == "pending" and reserved is None and may_claim(row, me),
        outcome=text,
        outcome_kind=kind,
        waited=ended_at - row.created_at if ended_at is not None else None,
        reserved=reserved if kind is None else None,
    )


def _reserved(row: QueueRow, me: UserView | None, wall: datetime) -> str | None:
    """Said to whoever could claim it but for that; null once the time is over."""
    kept, until = row.reserved_for, row.reserved_until
    if kept is None or until is None or wall >= until or not may_claim(row, me) or (me and me.id == kept.id):
        return None
    return words.reserved(kept.name, until)


def _ended_at(row: QueueRow, case: Case | None, left: Left | None) -> datetime | None:
    """When it stopped waiting: as the log says, or as the answer to the own claim did; null while it waits."""
    if left is not None:
        return row.claimed_at or left.at
    match case.outcome if case else None:
        case Won(handoff):
            return handoff.claimed_at
        case Lost(_, at):
            return at
        case _:
            return None


def _row_outcome(  # noqa: PLR0911 - one return for each case
    me: UserView | None, case: Case | None, left: Left | None, wall: datetime
) -> tuple[str | None, OutcomeKind | None]:
    if left is not None:
        if left.kind in {"handoff.claimed", "handoff.reassigned"}:
            if me is not None and left.who is not None and left.who.id == me.id:
                return "Claimed by you", "claimed"
            return words.claimed_row(left.who.name if left.who else "someone else", left.at, wall), "lost"
        return gone_text(
            Gone("resolved" if left.kind == "handoff.resolved" else "withdrawn", left.who, None)
        ), "withdrawn"
    match case.outcome if case else None:
        case Won():
            return "Claimed by you", "claimed"
        case Lost(by, at):
            return words.claimed_row(by.name if by else "someone else", at, wall), "lost"
        case Gone() as gone:
            return gone_text(Gone(gone.status, gone.by, None)), "withdrawn"
        case _:
            return None, None


def claimed_views(inbox: Inbox) -> tuple[ClaimedView, ...]:
    """Claims of the last 15 minutes, newest first."""
    recent = sorted(inbox.claimed.values(), key=lambda claimed: claimed.at, reverse=True)
    return tuple(
        ClaimedView(
            id=claimed.row.id,
            title=claimed.row.title,
            claimer=claimed.claimer.name,
            claimed_at=claimed.at,
            waited=claimed.at - claimed.row.created_at,
        )
        for claimed in recent
    )


def detail_view(
    row: RowView, handoff: Handoff | None, error: str | None, case: Case | None, *, wall: datetime, stale: bool
) -> DetailView:
    """The right side. What was loaded stays, with the outcome on top, until the user moves on."""
    return DetailView(
        row=row,
        handoff=handoff,
        error=error,
        banner=banner(case, row, wall) if case else None,
        primary=_primary(case, row),
        can_hand_back=case is not None and isinstance(case.outcome, Won),
        stale=stale,
    )


def banner(case: Case, row: RowView, wall: datetime) -> BannerView | None:
    """What came of it, and what follows."""
    if case.unknown:
        return BannerView(kind="unknown", title=UNKNOWN_TEXT)
    outcome = case.outcome
    if outcome is None:
        return None
    if case.trouble is not None:
        return BannerView(kind="error", title=case.trouble)
    text = ""
    match outcome:
        case Won(handoff):
            text = _won_text(handoff, row, opened=case.opened)
        case Lost(by) if by is not None:
            text = f"{words.first_name(by.name)} is opening the session. You do not need to do anything."
        case _:
            pass
    return BannerView(kind=outcome_kind(outcome), title=outcome_text(outcome, wall).removesuffix("."), text=text)


def _won_text(handoff: Handoff, row: RowView, *, opened: bool) -> str:
    spent = f"Waited {words.waited(handoff.claimed_at - handoff.created_at)}. " if handoff.claimed_at else ""
    told = f"{words.first_name(row.from_name)} has been told. "
    end = "The session opens in your browser." if opened else "No browser opened. Use Open session, or copy the link."
    return spent + told + end


def _primary(case: Case | None, row: RowView) -> PrimaryKind:
    if case is not None and case.claiming:
        return "claiming"
    match case.outcome if case else None:
        case Won():
            return "open"
        case Lost() | Gone():
            return "next"
        case RoleGone():
            return "none"
        case SignedOut():
            return "sign_in"
        case _:
            return _offered(row)


def _offered(row: RowView) -> PrimaryKind:
    """Before anything has come of a claim of one's own."""
    if row.reserved is not None:
        return "reserved"
    return "claim" if row.claimable else "next" if row.outcome_kind else "none"
