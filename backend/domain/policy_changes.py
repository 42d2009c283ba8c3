"""What differs between two escalation policies, in words for the audit log."""

from dataclasses import fields
from typing import get_args

from backend.contract.policy import EscalationPolicy, PolicyStep, StepMinutes, WorkingHours
from backend.contract.vocabulary import Priority

_NO_STEP = PolicyStep(who="everyone", minutes=StepMinutes(urgent=None, high=None, normal=None, low=None))
_WHO = {
    "everyone": "seniors",
    "target": "the person asked for",
    "admins": "administrators",
    "owner": "the owner",
    "user": "a person",
}


def changes(before: EscalationPolicy, after: EscalationPolicy) -> list[str]:
    """One line for each difference: `step 2, high: 10 to 5 min`. Steps are counted as people count them."""
    found: list[str] = []
    for place in range(max(len(before.steps), len(after.steps))):
        old = before.steps[place] if place < len(before.steps) else None
        new = after.steps[place] if place < len(after.steps) else None
        found += _step(place + 2, old, new)
    for priority in get_args(Priority):
        was, now = getattr(before.repeat_minutes, priority), getattr(after.repeat_minutes, priority)
        if was != now:
            found.append(f"repeat, {priority}: {was} to {now} min")
    if before.working_hours != after.working_hours:
        found.append(f"working hours: {_hours(before.working_hours)} to {_hours(after.working_hours)}")
    simple = {"steps", "repeat_minutes", "working_hours"}
    for field in fields(EscalationPolicy):
        was, now = getattr(before, field.name), getattr(after, field.name)
        if field.name not in simple and was != now:
            found.append(f"{field.name.replace('_', ' ')}: {_value(was)} to {_value(now)}")
    return found


def _step(number: int, old: PolicyStep | None, new: PolicyStep | None) -> list[str]:
    found = []
    if old is None or new is None:
        found.append(f"step {number} {'added' if old is None else 'removed'}")
    elif (old.who, old.user_id) != (new.who, new.user_id):
        found.append(f"step {number}: {_WHO[old.who]} to {_WHO[new.who]}")
    if new is None:
        return found
    for priority in get_args(Priority):
        was, now = getattr((old or _NO_STEP).minutes, priority), getattr(new.minutes, priority)
        if was != now:
            found.append(f"step {number}, {priority}: {_minutes(was)} to {_minutes(now)}")
    return found


def _minutes(value: int | None) -> str:
    return "never" if value is None else f"{value} min"


def _hours(hours: WorkingHours | None) -> str:
    return "off" if hours is None else f"{hours.start} to {hours.end} on {' '.join(hours.days)}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "off" if value is None else str(value)
