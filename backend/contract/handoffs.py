"""Handoffs on the wire: the queue row, the whole handoff, the escalation package, the claim."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from backend.contract.people import Person
from backend.contract.sessions import Fact, Message, Step, Task, TicketRef
from backend.contract.vocabulary import (
    AssessmentStatus,
    Channel,
    DeliveryState,
    HandoffOutcome,
    HandoffStatus,
    Priority,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHandoff:
    """Body of `POST /ai-sessions/{id}/handoff`. Each text up to 2,000 characters; the web form asks for less."""

    reason: str
    need: str | None = None
    impact: str | None = None
    priority: Priority = "normal"
    target_user_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffPatch:
    """Body of `PATCH /handoffs/{id}`; what is left out stays as it is, an explicit null clears.

    `note` changes nothing: it is added to the timeline, for whoever claims it (up to 2,000 characters).
    """

    priority: Priority | None = None
    need: str | None = None
    impact: str | None = None
    target_user_id: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffNote:
    """Body of release and withdraw. With `claim_epoch` a stale client is fenced off (`claim_lost`)."""

    note: str | None = None
    claim_epoch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffResolution:
    """Body of `POST /handoffs/{id}/resolve`. `note` is what solved it, and is kept as the handoff's `resolution`.

    With `guided_back` and `wrong_team` the session goes on: it is active again, with the note as a message of the one
    who resolves. With the others, and without an outcome, it ends. `missing` (up to 200 characters) says what the
    handoff lacked, and implies that `had_what_i_needed` is false.
    """

    note: str | None = None
    claim_epoch: int | None = None
    outcome: HandoffOutcome | None = None
    had_what_i_needed: bool | None = None
    missing: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Body of `POST /handoffs/{id}/assessment/reject`: why the assessment is not it, in a line."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Who said that the assessment is not it, when and why."""

    by: Person
    at: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A senior who has opened the waiting hand-off, and when last. Opening claims nothing."""

    user: Person
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reassignment:
    """Body of `POST /handoffs/{id}/reassign`."""

    user_id: str
    note: str | None = None
    claim_epoch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The session as it was at the moment of escalation; never changed afterwards."""

    taken_at: datetime
    title: str
    problem: str
    customer: str | None
    ticket: TicketRef | None
    owner: Person
    messages: list[Message]
    facts: list[Fact]
    steps: list[Step]
    message_count: int
    active_fix: Step | None = None
    tasks: list[Task] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarHandoff:
    """A resolved handoff that resembles this one."""

    id: str
    title: str
    resolution: str | None = None
    customer: str | None = None
    session_id: str | None = None
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """`ai_assessment`. `confidence` is 0 to 1; `source` says how it was made.

    `extractive` is put together from the session and from similar resolved handoffs, without a model; its confidence
    is never above 0.39. `known` are the facts that it rests on; `model` is the model's name.
    """

    source: Literal["model", "extractive"]
    likely_cause: str
    confidence: float
    why: str | None = None
    tried: list[str] | None = None
    next_steps: list[str] | None = None
    similar: list[SimilarHandoff] | None = None
    summary: str | None = None
    known: list[str] | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationPackage:
    """What the senior needs in one object. `assessment` is null until it arrives.

    `assessment_reason` says in a sentence why there is none, or why it was made without the model.
    """

    reason: str
    need: str | None
    impact: str | None
    snapshot: Snapshot
    assessment: Assessment | None
    assessment_status: AssessmentStatus
    assessment_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How one person was told in the round at hand: one entry per device or address.

    `retry_at` is when an e-mail that did not go out is tried again; null when it is given up or was never tried.
    """

    user: Person
    channel: Channel
    state: DeliveryState
    at: datetime
    detail: str | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One thing that happened to a handoff. `actor` is null when the system did it."""

    at: datetime
    kind: str
    actor: Person | None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """One line of the queue, and `data` of `handoff.created`.

    `rung` counts the rounds of telling people; a receipt names the one it belongs to. `to` holds the ids of those who
    are told in this round, null for every eligible senior. `breaks_dnd` says that the account wants this alert shown
    through do not disturb. `waiting_since` is the escalation or the last hand-back. `reserved_for` and `reserved_until`
    are null or left out unless the policy lets nobody but the person asked for claim until then.
    """

    id: str
    session_id: str
    title: str
    customer: str | None
    ticket: TicketRef | None
    priority: Priority
    status: HandoffStatus
    reason: str
    need: str | None
    created_at: datetime
    handed_off_by: Person
    session_owner: Person
    target_user_id: str | None
    claimed_by: Person | None
    claimed_at: datetime | None
    assessment_status: AssessmentStatus
    rung: int = 0
    to: list[str] | None = None
    breaks_dnd: bool = False
    waiting_since: datetime | None = None
    reserved_for: Person | None = None
    reserved_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """What the escalation policy does next while nobody has claimed, or when an idle claim goes back to the queue.

    `names` are the people who are alerted then; empty for `everyone`. `final` tells the owner and the escalating side
    that nobody has come; `repeat` says the same round again.
    """

    at: datetime
    kind: Literal["widen", "step", "repeat", "nudge", "return"]
    who: list[Literal["everyone", "target", "admins", "owner", "user", "claimer"]]
    names: list[str]
    final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff(QueueRow):
    """The whole handoff. `claim_epoch` rises with each change of holder and fences a former holder's writes.

    A handoff has one first action, whoever took it: `first_action_claimed_at` is the claim that led to it, which after
    a hand-back is an earlier one than `claimed_at`. Time to first action runs between these two.
    """

    impact: str | None
    claim_epoch: int
    escalation_package: EscalationPackage
    timeline: list[TimelineEntry]
    deliveries: list[Delivery]
    resolved_at: datetime | None = None
    outcome: HandoffOutcome | None = None
    had_what_i_needed: bool | None = None
    missing: str | None = None
    resolution: str | None = None
    first_action_at: datetime | None = None
    first_action_kind: str | None = None
    first_action_claimed_at: datetime | None = None
    next_step: NextStep | None = None
    exhausted_at: datetime | None = None
    opened: list[Opened] = field(default_factory=list)
    assessment_rejected: Rejected | None = None
    guidance_message_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePage:
    """A page of the queue. `seq` is the event log position that the page reflects."""

    items: list[QueueRow]
    next_cursor: str | None
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimResult:
    """Answer of a claim that holds. `open_url` carries a one-time ticket (30 s) in its fragment."""

    outcome: Literal["claimed", "already_yours"]
    handoff: Handoff
    claim_epoch: int
    seq: int
    session_url: str
    open_url: str
