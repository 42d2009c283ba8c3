"""FlowPilot sessions on the wire: chat, steps tried, facts gathered."""

from dataclasses import dataclass, field
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
class StepPatch:
    """Body of `PATCH …/steps/{id}` and `PATCH …/active-fix`; what is left out stays as it is.

    With `revision` a change that somebody else has made meanwhile is not overwritten (`edit_conflict`).
    """

    action: str | None = None
    outcome: StepOutcome | None = None
    detail: str | None = None
    revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FactPatch:
    """Body of `PATCH …/facts/{id}`; `revision` as for steps."""

    label: str | None = None
    value: str | None = None
    revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """Body of `POST /ai-sessions/{id}/tasks`. `assignee_id`: who is to do it; null is nobody in particular."""

    text: str
    assignee_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPatch:
    """Body of `PATCH …/tasks/{id}`; `revision` as for steps. An empty `assignee_id` makes it nobody's."""

    text: str | None = None
    assignee_id: str | None = None
    done: bool | None = None
    revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFix:
    """Body of `PUT …/active-fix`: what is being done now."""

    action: str
    detail: str | None = None


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
    """One step, with what came of it. The one `in_progress` is the session's active fix.

    `revision` rises with each edit; `edited_by` is null while nobody has edited it.
    """

    id: str
    author: Person | None
    action: str
    outcome: StepOutcome
    detail: str | None
    created_at: datetime
    in_progress: bool = False
    revision: int = 1
    edited_at: datetime | None = None
    edited_by: Person | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact gathered. `revision` and `edited_by` as for steps."""

    id: str
    author: Person | None
    label: str
    value: str
    created_at: datetime
    revision: int = 1
    edited_at: datetime | None = None
    edited_by: Person | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One line of the session's checklist. `done_at` and `done_by` are null while it is open."""

    id: str
    author: Person | None
    text: str
    done: bool
    done_at: datetime | None
    done_by: Person | None
    created_at: datetime
    assignee: Person | None = None
    revision: int = 1
    edited_at: datetime | None = None
    edited_by: Person | None = None


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
    """Answer of `GET /ai-sessions/{id}`. `version` rises with every message, step, fact and task, and their changes.

    `active_fix` is the step in progress; it stands among `steps` too.
    """

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
    active_fix: Step | None = None
    tasks: list[Task] = field(default_factory=list)
