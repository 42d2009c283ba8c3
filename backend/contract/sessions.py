"""FlowPilot sessions on the wire: chat, steps tried, facts gathered."""

from dataclasses import dataclass
from datetime import datetime

from backend.contract.people import Person
from backend.contract.vocabulary import AuthorKind, HandoffStatus, Priority, SessionStatus, StepOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRef:
    """A ticket in the shop's PSA, for instance `{"system": "connectwise", "id": "20418"}`."""

    system: str
    id: str
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """Body of `POST /ai-sessions`."""

    title: str
    problem: str
    customer: str | None = None
    ticket: TicketRef | None = None
    external_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """Body of `POST /ai-sessions/{id}/messages`; at most 64 KiB of UTF-8."""

    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStep:
    """Body of `POST /ai-sessions/{id}/steps`."""

    action: str
    outcome: StepOutcome
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFact:
    """Body of `POST /ai-sessions/{id}/facts`."""

    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One chat message. `author` is null when the assistant or the system speaks.

    `stopped` says that somebody stopped the assistant while it wrote, and this is the part that had come.
    """

    id: str
    author: Person | None
    author_kind: AuthorKind
    content: str
    created_at: datetime
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step tried, with what came of it."""

    id: str
    author: Person | None
    action: str
    outcome: StepOutcome
    detail: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact gathered."""

    id: str
    author: Person | None
    label: str
    value: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionHandoff:
    """One escalation of a session, as listed in the session, newest last."""

    id: str
    status: HandoffStatus
    priority: Priority
    reason: str
    created_at: datetime
    handed_off_by: Person
    claimed_by: Person | None
    claimed_at: datetime | None
    target: Person | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One line of `GET /ai-sessions`."""

    id: str
    title: str
    customer: str | None
    ticket: TicketRef | None
    status: SessionStatus
    owner: Person
    steps: int
    open_handoff: SessionHandoff | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPage:
    """A page of sessions, latest activity first."""

    items: list[SessionRow]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Answer of `GET /ai-sessions/{id}`. `version` rises with every message, step and fact."""

    id: str
    title: str
    problem: str
    customer: str | None
    ticket: TicketRef | None
    external_url: str | None
    status: SessionStatus
    owner: Person
    created_at: datetime
    updated_at: datetime
    version: int
    messages: list[Message]
    facts: list[Fact]
    steps: list[Step]
    handoffs: list[SessionHandoff]
