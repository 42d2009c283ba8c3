"""What each role may do."""

from typing import Final

from backend.contract.vocabulary import ROLE_LABEL, Role
from backend.domain.refusal import Refusal

RANK: Final[dict[Role, int]] = {"viewer": 0, "technician": 1, "engineer": 2, "admin": 3, "owner": 4}


def at_least(role: Role, needed: Role) -> bool:
    """True when `role` stands at or above `needed`. `engineer` is the gate `engineer_or_admin`."""
    return RANK[role] >= RANK[needed]


def require(role: Role, needed: Role) -> None:
    """Refuse with `role_required` below `needed`."""
    if not at_least(role, needed):
        raise Refusal(
            "role_required",
            f"This needs the role {ROLE_LABEL[needed]} or above; yours is {ROLE_LABEL[role]}.",
            required_role=needed,
        )


def permissions(role: Role) -> list[str]:
    """The verbs of a role, for clients that show or hide what a person can do."""
    granted = ["session.read", "handoff.read"]
    if at_least(role, "technician"):
        granted += ["session.write", "handoff.escalate"]
    if at_least(role, "engineer"):
        granted += ["handoff.claim", "analytics.read"]
    if at_least(role, "admin"):
        granted += ["account.write", "handoff.manage"]
    return granted
