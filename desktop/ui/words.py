"""Sentences made from views: what a screen reader hears, what the timeline says."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from backend.contract.handoffs import TimelineEntry
from backend.contract.vocabulary import PRIORITY_LABEL, Priority
from desktop.core.views import QueueView, RowView
from desktop.ui.times import clock_text, waiting_text

NO_ASSESSMENT: Final = "No AI assessment for this hand-off."
NO_ASSESSMENT_TOO_LITTLE: Final = "No AI assessment. Fewer than 2 facts were gathered."
ASSESSMENT_RUNNING: Final = "Assessment in progress"

_TIMELINE: Final = {
    "created": "Escalated",
    "assessed": "Assessed",
    "claimed": "Claimed",
    "released": "Handed back",
    "reassigned": "Reassigned",
    "resolved": "Resolved",
    "withdrawn": "Withdrawn",
    "updated": "Changed",
    "noted": "Note",
    "assessment_rejected": "Assessment rejected",
    "mail_failed": "An e-mail was not delivered",
    "delivery": "Delivery",
}
_EXHAUSTED: Final = "Nobody has claimed yet. Everyone in the policy has been alerted"


def first_name(name: str) -> str:
    """The first word of a name; the whole name when there is only one."""
    return name.split(maxsplit=1)[0] if name.strip() else name


def row_sentence(row: RowView, now: datetime) -> str:
    """What a screen reader says for a row: start time instead of a ticking clock."""
    parts = [PRIORITY_LABEL[row.priority], row.title, row.customer, f"From {row.from_name}"]
    parts.append(row.outcome or f"Waiting since {clock_text(row.waiting_since, now)}")
    if row.for_you or row.reserved:
        parts.append(row.reserved or "For you")
    return ". ".join(part.rstrip(".") for part in parts if part) + "."


def arrival_sentence(row: RowView) -> str:
    """What is announced when an escalation arrives."""
    where = f", {row.customer}" if row.customer else ""
    return f"{PRIORITY_LABEL[row.priority]}, {row.title}{where}, from {row.from_name}"


def confidence(value: float) -> tuple[int, str]:
    """Filled segments and words: low under 40 %, medium 40 to 74 %, high from 75 %."""
    percent = round(max(0.0, min(1.0, value)) * 100)
    if percent < 40:
        return 1, f"Low confidence, {percent} %"
    if percent < 75:
        return 2, f"Medium confidence, {percent} %"
    return 3, f"High confidence, {percent} %"


def timeline_sentence(entry: TimelineEntry) -> str:
    """`Claimed by Lee Park: “…”`; an unknown kind is shown as it came, with its underscores as spaces."""
    kind = entry.kind.removeprefix("handoff.")
    if kind == "realerted":
        return _alerted(entry.detail)
    if kind == "exhausted":
        return _EXHAUSTED
    if kind == "nudged":
        return f"{entry.actor.name if entry.actor else 'The claimer'} was reminded"
    text = _TIMELINE.get(kind, kind.replace("_", " ").replace(".", " ").capitalize())
    if entry.actor is not None:
        text = f"{text} by {entry.actor.name}"
    return f"{text}: {entry.detail}" if entry.detail else text


def _alerted(whom: str | None) -> str:
    """Whom the policy alerted again: `Everyone again` or a name, as the server's timeline says it."""
    words = (whom or "Everyone again").strip()
    return f"Alerted {words[0].lower()}{words[1:]}" if words.casefold().startswith("everyone") else f"Alerted {words}"


def nothing_waiting(view: QueueView, now: datetime) -> str:
    """One sentence of fact for the empty queue, then what will happen."""
    coming = "You will hear about the next one here and in a notification."
    if not view.claimed_recently:
        return coming
    last = max(view.claimed_recently, key=lambda claimed: claimed.claimed_at)
    when = clock_text(last.claimed_at, now)
    return f"The last escalation was claimed by {last.claimer} at {when}, after {waiting_text(last.waited)}. {coming}"


def narrowed(rows: Iterable[RowView], query: str, priority: Priority | None) -> list[RowView]:
    """What the search and the priority filter leave on screen."""
    found = [row for row in rows if priority is None or row.priority == priority]
    for word in query.casefold().split():
        found = [row for row in found if word in _hay(row)]
    return found


def _hay(row: RowView) -> str:
    ticket = row.ticket.id if row.ticket else ""
    return f"{row.customer}\n{row.title}\n{ticket}\n{row.from_name}".casefold()
