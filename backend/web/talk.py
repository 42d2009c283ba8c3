"""The conversation as the session page shows it: what was written, and what happened to the hand-off, in one order."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backend.contract.assistant import Proposal, Reply
from backend.contract.handoffs import Handoff, TimelineEntry
from backend.contract.sessions import Message, Session, SessionHandoff
from backend.contract.vocabulary import PRIORITY_LABEL, HandoffOutcome
from backend.web import strip_words
from backend.web.formats import apart

_DID: Final = {
    "created": "escalated",
    "claimed": "claimed it",
    "released": "handed it back",
    "withdrawn": "withdrew it",
    "resolved": "resolved it",
    "reassigned": "gave it to somebody else",
    "assessment_rejected": "rejected the assessment",
    "noted": "added a note",
}
_ENDED: Final[dict[HandoffOutcome | None, str]] = {
    "guided_back": "returned it with guidance",
    "wrong_team": "returned it: it is for another team",
    "duplicate": "closed it as a duplicate",
}


_SYSTEM: Final[dict[str, Callable[[str], str]]] = {
    "assessed": lambda _: "The AI assessment arrived",
    "realerted": strip_words.alerted,
    "exhausted": lambda _: "Nobody has claimed yet. Everyone in the policy has been alerted",
    "nudged": lambda _: "The claimer was reminded",
    "released": strip_words.returned,
    "mail_failed": lambda why: why or "An e-mail was not delivered",
}
_IN_TALK: Final = frozenset(
    {
        "claimed",
        "released",
        "withdrawn",
        "resolved",
        "reassigned",
        "exhausted",
        "nudged",
        "assessment_rejected",
        "noted",
    }
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: a message, a reply that is written or has failed, a proposal, or words about what happened.

    `key` stays the same from one look to the next.
    """

    key: str
    at: datetime
    message: Message | None = None
    line: str | None = None
    reply: Reply | None = None
    proposal: Proposal | None = None


def happened(entry: TimelineEntry, outcome: HandoffOutcome | None = None) -> str:
    """One entry of a hand-off's timeline in words; `outcome` says how it was resolved."""
    who = apart(entry.actor.name) if entry.actor else "FlowPilot"
    kind = entry.kind.removeprefix("handoff.")
    if kind == "updated" and entry.detail:
        return f"{who} changed {entry.detail.replace('target_user_id', 'who is asked')}"
    if kind == "first_action":
        return f"{who} took the first action{f', a {entry.detail}' if entry.detail else ''}"
    if kind in _SYSTEM and entry.actor is None:
        return _SYSTEM[kind](entry.detail or "")
    if kind == "nudged":
        return f"FlowPilot reminded {who}"
    said = f": “{apart(entry.detail)}”" if entry.detail else ""
    if kind == "resolved" and outcome in _ENDED:
        return f"{who} {_ENDED[outcome]}{'' if outcome == 'guided_back' else said}"
    return f"{who} {_DID.get(kind, kind.replace('_', ' '))}{said}"


def _escalated(handoff: SessionHandoff, target: str | None) -> str:
    asked = f", for {apart(target)}" if target else ""
    return f"{apart(handoff.handed_off_by.name)} escalated, {PRIORITY_LABEL[handoff.priority].lower()} priority{asked}"


def entries(session: Session, handoff: Handoff | None, target: str | None) -> list[Entry]:
    """Messages and hand-off lines, oldest first. `handoff` is the latest one, whose timeline is known in full."""
    found = [Entry(message.id, message.created_at, message=message) for message in session.messages]
    for one in session.handoffs:
        latest = handoff is not None and one.id == handoff.id
        found.append(Entry(f"{one.id}-created", one.created_at, line=_escalated(one, target if latest else None)))
        if handoff is not None and latest:
            found += [
                Entry(f"{one.id}-{index}", entry.at, line=happened(entry, handoff.outcome))
                for index, entry in enumerate(handoff.timeline)
                if entry.kind.removeprefix("handoff.") in _IN_TALK
            ]
        elif one.claimed_by is not None and one.claimed_at is not None:
            found.append(Entry(f"{one.id}-claimed", one.claimed_at, line=f"{apart(one.claimed_by.name)} claimed it"))
    return sorted(found, key=lambda entry: entry.at)
