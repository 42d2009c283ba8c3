"""What notes on tickets say: plain text, the marker on a line of its own at the end."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from backend.contract.psa import PsaNoteKind
from backend.contract.vocabulary import PRIORITY_LABEL

MARKER_BEGINS: Final = "[FP-H:"
LONGEST: Final = 8_000
_NOBODY: Final = "FlowPilot"


def marker(note_id: UUID, kind: PsaNoteKind) -> str:
    """In no other note: the tail of a UUIDv7 or v4 is random."""
    return f"{MARKER_BEGINS}{note_id.hex[-12:]}:{kind}]"


def title(kind: PsaNoteKind, data: Mapping[str, Any]) -> str:
    """For PSAs whose notes have one."""
    who = _name(data.get("claimed_by")) if kind == "claimed" else _name(data.get("actor"))
    return {
        "escalated": f"Escalated by {who}",
        "claimed": f"Claimed by {who}",
        "resolved": f"Hand-off resolved by {who}",
        "note": f"Note by {who}",
    }[kind]


def text(note_id: UUID, kind: PsaNoteKind, data: Mapping[str, Any], public_url: str) -> str:
    """The note of an event from the event's data, or a person's own words under their name."""
    lines = [title(kind, data) + (f", priority {PRIORITY_LABEL[data['priority']]}" if kind == "escalated" else "")]
    if kind == "escalated":
        lines += _labelled(data, ("Reason", "reason"), ("Needs", "need"))
    elif kind == "resolved":
        lines += _labelled(data, ("What solved it", "note"))
    elif kind == "note":
        lines = [f"{lines[0]}:", str(data.get("text") or "")]
    if kind != "note" and data.get("session_id"):
        lines.append(f"{public_url.rstrip('/')}/pilot/{data['session_id']}")
    mark = marker(note_id, kind)
    body = "\n".join(lines)
    room = LONGEST - len(mark) - 1
    return f"{body if len(body) <= room else body[: room - 1] + '…'}\n{mark}"


def _labelled(data: Mapping[str, Any], *fields: tuple[str, str]) -> list[str]:
    return [f"{label}: {data[name]}" for label, name in fields if data.get(name)]


def _name(person: Any) -> str:
    return str(person["name"]) if person else _NOBODY
