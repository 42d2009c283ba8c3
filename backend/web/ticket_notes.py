"""Notes on the session's ticket in the PSA, as the session page tells of them."""

import re
from dataclasses import dataclass
from typing import Final

from backend.contract.psa import PsaNote
from backend.identity.caller import Caller
from backend.web.formats import Clock
from backend.web.visitor import Services

SHOWN: Final = 4
GOING: Final = frozenset({"pending", "sending"})
_MARKER: Final = re.compile(r"\s*\[FP-H:[^\]\s]*\]\s*$")
"""What FlowPilot writes below a note to know it again; nothing for people."""
_ICON: Final = {
    "pending": "clock",
    "sending": "sending",
    "written": "check",
    "leaked": "warn",
    "failed": "warn",
    "cancelled": "x",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One note: what it says, how far it has come (`state`), and that in words."""

    id: str
    text: str
    by: str
    state: str
    icon: str
    said: str


@dataclass(frozen=True, slots=True)
class TicketNotes:
    """The section of the page. `system` is the PSA's name; None: it is not connected any more, nothing is written."""

    system: str | None
    paused: bool
    lines: list[Line]
    older: list[Line]

    @property
    def going(self) -> bool:
        """Whether the page has to look again by itself."""
        return any(line.state in GOING for line in (*self.lines, *self.older))


async def gather(services: Services, caller: Caller, session_id: str, clock: Clock) -> TicketNotes | None:
    """What stands there; None where no PSA is connected for this ticket and nothing was ever written."""
    desk = await services.psa_notes.desk(caller, session_id)
    if desk.system is None and not desk.notes:
        return None
    lines = [_line(note, clock) for note in reversed(desk.notes)]
    return TicketNotes(desk.system, desk.paused, lines[:SHOWN], lines[SHOWN:])


def _line(note: PsaNote, clock: Clock) -> Line:
    by = note.author.name if note.author and note.kind == "note" else "FlowPilot"
    text = _MARKER.sub("", note.text).removeprefix(f"Note by {by}:").strip() if note.kind == "note" else note.text
    return Line(note.id, text, by, note.state, _ICON[note.state], _said(note, clock))


def _said(note: PsaNote, clock: Clock) -> str:
    """How far it has come, with the reason where it has not, and what mends it."""
    why = " ".join(_sentence(text) for text in (note.error, note.remedy) if text)
    match note.state:
        case "pending" if note.error and note.next_at:
            return f"Waiting. {why} Tried again {clock.at(note.next_at)}."
        case "pending":
            return "Waiting to be written"
        case "sending":
            return "Sending"
        case "written":
            public = " for the customer to read" if note.visibility == "public" else ""
            return f"Written{public} {clock.at(note.finished_at or note.at)}"
        case "leaked":
            return f"The PSA showed it to the customer. {why}".strip()
        case _:
            return f"Not written. {why}".strip()


def _sentence(text: str) -> str:
    return text if text[-1] in ".!?" else f"{text}."
