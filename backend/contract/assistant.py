"""FlowPilot, the assistant, on the wire: replies while they come, proposals, guided mode.

On `GET /ai-sessions/{id}/stream` a reply is told by events beside `message`, `step`, `fact` and `session`. They
carry no SSE `id`: where a client goes on is told by the versions of what is stored, and a reply is stored as a
`message` when it is done or stopped. What FlowPilot proposes to record is told by the `session` event.

| event | data |
|---|---|
| `reply.start` | `Reply` with what has come so far (someone who joins later gets the beginning too) |
| `reply.delta` | `ReplyDelta`: more text, beginning at character `at` |
| `reply.done`, `reply.stopped`, `reply.failed` | `Reply` in its last state |
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from backend.contract.people import Person
from backend.contract.vocabulary import StepOutcome

ReplyState = Literal["running", "done", "stopped", "failed"]
ReplyKind = Literal["reply", "briefing"]
ProposalKind = Literal["fact", "step"]
ProposalState = Literal["open", "accepted", "dismissed"]

REPLY_EVENTS: Final = ("reply.start", "reply.delta", "reply.done", "reply.stopped", "reply.failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer of the assistant. `id` is also the id of the stored message once there is one.

    `message_id` is the message that it answers, null for a briefing. `reason` says in one sentence why it failed or was
    stopped; `retry_after_s` is the wait that the provider asked for.
    """

    id: str
    session_id: str
    message_id: str | None
    kind: ReplyKind
    state: ReplyState
    content: str
    reason: str | None
    retry_after_s: float | None
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyDelta:
    """More of a running reply; `at` is the position of its first character."""

    reply_id: str
    session_id: str
    message_id: str | None
    at: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A fact or a step that FlowPilot read in a message. A person adds it to the session, or dismisses it.

    A fact has `label` and `value`; a step has `action`, `outcome` and perhaps `detail`.
    """

    id: str
    session_id: str
    message_id: str | None
    kind: ProposalKind
    state: ProposalState
    label: str | None = None
    value: str | None = None
    action: str | None = None
    outcome: StepOutcome | None = None
    detail: str | None = None
    created_at: datetime
    decided_at: datetime | None = None
    decided_by: Person | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalEdit:
    """Body of `POST …/proposals/{id}/accept`, if any: what a person puts right first. Left out: as it was read."""

    label: str | None = None
    value: str | None = None
    action: str | None = None
    outcome: StepOutcome | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalList:
    """Answer of `GET /ai-sessions/{id}/proposals`: the open ones, oldest first."""

    items: list[Proposal]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistantState:
    """Answer of `GET /ai-sessions/{id}/assistant`. `mode` is `guided` where no model is asked.

    `reply` is the newest one, in whichever state; null when there has been none.
    """

    mode: Literal["model", "guided"]
    why: str | None
    reply: Reply | None
