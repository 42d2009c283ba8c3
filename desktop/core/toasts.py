"""What each toast says, and the form a system notification gives it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from backend.contract.handoffs import QueueRow
from backend.contract.vocabulary import PRIORITY_LABEL
from desktop.core import words
from desktop.core.views import ToastAction, ToastVariant, ToastView

DIGEST: Final = "digest"
TEST: Final = "test"
FELL: Final = "fell"
NOTICE: Final = "notice"
"""What the app says of itself; a test must not push it off the screen, nor the other way round."""
UNKNOWN_TEXT: Final = "No answer yet. Checking whether your claim went through."

_CLAIM: Final[tuple[tuple[ToastAction, str], ...]] = (("claim", "Claim"), ("view", "View"))
_LOOK: Final[tuple[tuple[ToastAction, str], ...]] = (("open_session", "View"),)
_ABOUT_ONE: Final = frozenset({"new", "reminder", "nudge", "handed_back"})


def new(row: QueueRow, *, for_you: bool = False) -> ToastView:
    """An escalation arrived."""
    return _waiting(row, "new", row.title, row.reason, for_you=for_you)


def reminder(row: QueueRow, wall: datetime, *, step: int | None = None, for_you: bool = False) -> ToastView:
    """A policy step: still unclaimed. `step` counts from 1, the first alert."""
    spent = words.spent(wall - (row.waiting_since or row.created_at))
    body = f"Unclaimed for {spent}. {row.handed_off_by.name} is waiting in the session."
    view = _waiting(row, "reminder", f"Still waiting: {row.title}", body, for_you=for_you)
    return replace(view, note=f"Step {step} of policy") if step is not None else view


def nudge(row: QueueRow, returns_at: datetime | None) -> ToastView:
    """To whoever claimed it and has not begun. It is theirs already, so there is nothing to claim."""
    returns = f" It goes back to the queue at {words.clock(returns_at)}." if returns_at else ""
    body = f"{row.handed_off_by.name} is waiting in the session.{returns}"
    return replace(_waiting(row, "nudge", f"Still waiting for your first step: {row.title}", body), buttons=_LOOK)


def handed_back(row: QueueRow, name: str, note: str | None, *, for_you: bool = False) -> ToastView:
    """Someone returned it to the queue, or with no name the policy did."""
    did = f"{name} handed it back" if name else "Handed back"
    said = f"{did}: “{note}”" if note else f"{did}."
    return _waiting(row, "handed_back", f"Waiting again: {row.title}", said, for_you=for_you)


def digest(rows: Sequence[QueueRow], wall: datetime, *, away: bool) -> ToastView:
    """Several at once, in one toast. `rows` is what this user may claim, not empty."""
    urgent = sum(row.priority == "urgent" for row in rows)
    longest = min(rows, key=lambda row: row.created_at)
    customers = words.names([row.customer or row.title for row in rows])
    return ToastView(
        id=DIGEST,
        variant="digest",
        title=f"{len(rows)} waiting" + (f", {urgent} urgent" if urgent else ""),
        body=f"While you were away: {customers}." if away else f"{customers}.",
        customer=f"Longest {words.waited(wall - longest.created_at)} · {longest.customer or longest.title}",
        buttons=(("open_queue", "Open queue"), ("dismiss", "Dismiss")),
        urgent=urgent > 0,
    )


def outcome(
    row: QueueRow,
    variant: ToastVariant,
    body: str,
    buttons: tuple[tuple[ToastAction, str], ...] = (),
    stays_s: float | None = None,
) -> ToastView:
    """What came of a claim, in the place of the toast that was pressed."""
    return ToastView(
        id=row.id,
        variant=variant,
        title=row.title,
        body=body,
        priority=row.priority,
        customer=row.customer,
        from_name=row.handed_off_by.name,
        buttons=buttons,
        stays_s=stays_s,
    )


def notice(title: str, body: str, *, loud: bool = False) -> ToastView:
    """Something about the app itself; `loud` is heard, and stays until it is seen to."""
    buttons: tuple[tuple[ToastAction, str], ...] = (("open_queue", "Open FlowPilot"),) if loud else ()
    return ToastView(
        id=NOTICE,
        variant="test",
        title=title,
        body=body,
        buttons=(*buttons, ("dismiss", "Dismiss")),
        urgent=loud,
        sound=loud,
        stays_s=None if loud else 20.0,
    )


def fell(began: datetime, why: str) -> ToastView:
    """The last run did not end properly. Once, and it stays until somebody has seen it."""
    body = f"It had run since {began.astimezone():%d %b %H:%M}: {why}. What you missed comes as usual."
    said = notice("FlowPilot ended unexpectedly last time", body)
    buttons: tuple[tuple[ToastAction, str], ...] = (("diagnostics", "Open diagnostics"), ("dismiss", "Dismiss"))
    return replace(said, id=FELL, buttons=buttons, stays_s=None)


def trial(*, alone: bool = False) -> ToastView:
    """The test notification; `alone` when it came from this computer and not from the server."""
    way = "It came from this computer, not from the server." if alone else "It came the way that a hand-off comes."
    return replace(notice("Test: notifications reach this computer", f"This is a test. {way}"), id=TEST)


def system_text(view: ToastView) -> tuple[str, str]:
    """Title and body of a system notification: the priority is the first word, so that it is heard."""
    if view.variant not in _ABOUT_ONE:
        return view.title, view.body
    title = f"{PRIORITY_LABEL[view.priority]}: {view.title}" if view.priority else view.title
    origin = ", ".join(part for part in (view.customer, f"from {view.from_name}" if view.from_name else None) if part)
    return title, "\n".join(part for part in (origin, view.body) if part)


def _waiting(row: QueueRow, variant: ToastVariant, title: str, body: str, *, for_you: bool = False) -> ToastView:
    urgent = row.priority == "urgent"
    return ToastView(
        id=row.id,
        variant=variant,
        title=title,
        body=body,
        priority=row.priority,
        customer=row.customer,
        from_name=row.handed_off_by.name,
        buttons=_CLAIM,
        urgent=urgent,
        for_you=for_you,
        stays_s=None if urgent else 20.0,
    )
