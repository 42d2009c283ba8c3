"""The closed word lists of the product, and what each is called in front of people."""

from typing import Final, Literal

Role = Literal["viewer", "technician", "engineer", "admin", "owner"]
Priority = Literal["low", "normal", "high", "urgent"]
SessionStatus = Literal["active", "escalated", "claimed", "resolved"]
HandoffStatus = Literal["pending", "claimed", "resolved", "withdrawn"]
StepOutcome = Literal["worked", "helped", "no_change", "worse", "blocked", "not_tried"]
AssessmentStatus = Literal["pending", "ready", "unavailable"]
AuthorKind = Literal["user", "assistant", "system"]
Channel = Literal["desktop", "web", "email", "webhook"]
DeliveryState = Literal["pending", "sending", "shown", "suppressed", "accepted", "failed", "unknown", "cancelled"]
ReceiptState = Literal["shown", "suppressed", "failed"]
TrialState = Literal["asked", "sent", "shown", "suppressed", "failed"]
FirstActionKind = Literal["message", "step", "fact", "psa_note"]
HandoffOutcome = Literal["took_over", "guided_back", "wrong_team", "duplicate"]
EventKind = Literal[
    "handoff.created",
    "handoff.assessed",
    "handoff.claimed",
    "handoff.released",
    "handoff.reassigned",
    "handoff.resolved",
    "handoff.withdrawn",
    "handoff.updated",
    "handoff.realerted",
    "handoff.delivery",
]

ROLE_LABEL: Final[dict[Role, str]] = {
    "viewer": "Viewer",
    "technician": "Technician",
    "engineer": "Senior engineer",
    "admin": "Administrator",
    "owner": "Owner",
}
PRIORITY_LABEL: Final[dict[Priority, str]] = {"low": "Low", "normal": "Normal", "high": "High", "urgent": "Urgent"}
HANDOFF_OUTCOME_LABEL: Final[dict[HandoffOutcome, str]] = {
    "took_over": "Took over",
    "guided_back": "Guided back",
    "wrong_team": "Wrong team",
    "duplicate": "Duplicate",
}
MISSING_CHOICES: Final = (
    "Error text",
    "Steps tried",
    "Effect on the customer",
    "Access or credentials",
    "Whom to call",
)
"""What a hand-off most often lacks: offered with one tap, beside words of one's own."""
PRIORITY_RANK: Final[dict[Priority, int]] = {"urgent": 0, "high": 1, "normal": 2, "low": 3}
OUTCOME_LABEL: Final[dict[StepOutcome, str]] = {
    "worked": "Worked",
    "helped": "Helped for a while",
    "no_change": "No change",
    "worse": "Made it worse",
    "blocked": "Blocked",
    "not_tried": "Not tried",
}
