"""What a notice says, before any format: the words that Teams and Slack show, and the facts that programs read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from backend.contract.vocabulary import PRIORITY_LABEL

BUTTON: Final = "Open the hand-off"
_ROW: Final = (
    "id",
    "session_id",
    "title",
    "customer",
    "ticket",
    "priority",
    "status",
    "reason",
    "need",
    "created_at",
    "handed_off_by",
    "session_owner",
    "target_user_id",
    "claimed_by",
    "claimed_at",
    "assessment_status",
    "rung",
    "waiting_since",
)
"""The queue row of the API, without what only FlowPilot's own clients need."""
_TITLE_ONLY: Final = ("id", "title", "priority")
_EXTRAS: Final = ("actor", "note", "cause", "claim_epoch")
_CHANGED: Final = ("Changed", "Changed by", "actor")
_HEADLINES: Final = {
    "claimed": ("Claimed", "Claimed by", "claimed_by"),
    "reassigned": ("Handed on", "Now held by", "claimed_by"),
    "released": ("Waiting again", None, "actor"),
    "withdrawn": ("Withdrawn", "Withdrawn by", "actor"),
    "resolved": ("Resolved", "Resolved by", "actor"),
    "assessed": ("AI assessment is ready", None, "actor"),
    "updated": _CHANGED,
}
"""Headline without a name, its beginning with one, and whose name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One event for one webhook. `data` is the event's; `title_only` is the account's choice to send no content."""

    id: UUID
    kind: str
    at: datetime
    account_id: UUID
    account_name: str
    data: Mapping[str, Any]
    title_only: bool

    @property
    def page(self) -> str:
        """The path of the hand-off's page, or the queue's for a test."""
        handoff_id = self.data.get("id")
        return "/escalations" + (f"?selected={quote(str(handoff_id))}" if handoff_id else "")

    @property
    def row(self) -> dict[str, Any] | None:
        """The queue row; title-only accounts send its id, title and priority. None for a test."""
        if not self.data.get("id"):
            return None
        return {name: self.data.get(name) for name in (_TITLE_ONLY if self.title_only else _ROW)}

    @property
    def extras(self) -> dict[str, Any]:
        """Who did it, what they noted, why it was repeated: as far as the event has it."""
        return {} if self.title_only else {name: self.data[name] for name in _EXTRAS if self.data.get(name) is not None}


@dataclass(frozen=True, slots=True)
class Words:
    """A notice in words. `facts` are (label, text); every text may hold anything that a customer has written."""

    headline: str
    lines: tuple[str, ...]
    facts: tuple[tuple[str, str], ...] = ()


def in_words(notice: Notice) -> Words:
    """The notice as a channel shows it."""
    if notice.kind == "test":
        text = f"A test from {notice.account_name}. Notices of hand-offs will appear here."
        return Words("FlowPilot is connected", (text,))
    data = notice.data
    title = f"{PRIORITY_LABEL[data['priority']]}: {data['title']}"
    said = _headline(notice)
    if notice.title_only:
        return Words(said or title, (title,) if said else ())
    origin = _origin(data)
    if said is None:
        return Words(title, (origin,), _needs(data))
    return Words(said, tuple(filter(None, (title, origin, _remark(notice)))))


def _name(person: Mapping[str, Any] | None) -> str | None:
    return str(person["name"]) if person else None


def _origin(data: Mapping[str, Any]) -> str:
    name = _name(data.get("handed_off_by"))
    return f"{data['customer']}, from {name}" if data.get("customer") else f"From {name}"


def _needs(data: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    first_name = (_name(data.get("handed_off_by")) or "").split(" ")[0]
    need, reason = data.get("need"), data.get("reason")
    facts = ((f"What {first_name} needs", need), ("Reason", reason))
    return tuple((label, str(text)) for label, text in facts if text)


def _headline(notice: Notice) -> str | None:
    """What has happened; None for a new hand-off, whose title is the headline."""
    if notice.kind == "created":
        return None
    if notice.kind == "realerted":
        return f"Still waiting {_waited(notice)}"
    plain, by_whom, role = _HEADLINES.get(notice.kind, _CHANGED)
    name = None if notice.title_only else _name(notice.data.get(role))
    return f"{by_whom} {name}" if name and by_whom else plain


def _remark(notice: Notice) -> str | None:
    data, kind = notice.data, notice.kind
    note, actor = data.get("note"), _name(data.get("actor"))
    if kind == "realerted" and data.get("cause") == "exhausted":
        return "Nobody has claimed yet. Everyone in the policy has been alerted."
    if kind == "released" and actor:
        return f"{actor} handed it back: “{note}”" if note else f"{actor} handed it back."
    if kind == "released" and note:
        return str(note)  # the program's own words: nobody has acted
    return f"“{note}”" if note and kind in {"resolved", "withdrawn", "reassigned"} else None


def _waited(notice: Notice) -> str:
    since = notice.data.get("waiting_since") or notice.data.get("created_at")
    began = datetime.fromisoformat(str(since)) if since else notice.at
    minutes = max(0, int((notice.at - began).total_seconds() // 60))
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
