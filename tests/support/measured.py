"""Escalations and baselines as the rules of minutes recovered get them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from backend.domain.baseline import BEGINNING, Baseline
from backend.domain.recovered import Measured

JUNIOR, SENIOR = UUID(int=1), UUID(int=2)


def baseline(minutes: float | None, start: datetime = BEGINNING) -> Baseline:
    """A version that counts from `start`."""
    return Baseline(
        id=uuid4(),
        minutes=minutes,
        basis="measured",
        origin="product",
        note=None,
        effective_from=start,
        set_by=None,
        set_by_name=None,
        set_at=BEGINNING,
    )


def measured(escalated: str, claim_s: float | None = None, action_s: float | None = None, **more: Any) -> Measured:
    """An escalation at a UTC time, claimed and acted on so many seconds later; `more` are fields by name."""
    start = datetime.fromisoformat(escalated).replace(tzinfo=UTC)
    claim = start + timedelta(seconds=claim_s) if claim_s is not None else None
    action = claim + timedelta(seconds=action_s) if claim is not None and action_s is not None else None
    values: dict[str, Any] = {
        "id": uuid4(),
        "session_id": uuid4(),
        "escalated_at": start,
        "status": "pending" if claim is None else "claimed",
        "priority": "normal",
        "reason": "It drops",
        "customer": "Fabrikam",
        "escalated_by": JUNIOR,
        "claimed_at": claim,
        "holder": SENIOR if claim else None,
        "claim_for_action": claim if action else None,
        "first_action_at": action,
        "first_action_kind": "message" if action else None,
        "first_action_by": SENIOR if action else None,
        "outcome": None,
        "had_what_i_needed": None,
        "missing": None,
        "past_step_two": False,
        "shown_at": None,
    }
    return Measured(**values | more)
