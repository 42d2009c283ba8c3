"""The escalation policy as a document: what an administrator writes becomes a policy, or a sentence saying why not.

PolicyError
└── names the place (`steps[1].minutes.urgent`) and says in one sentence what must be there.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, cast, get_args
from uuid import UUID

from backend.contract.policy import Day, EscalationPolicy, PolicyStep, RepeatMinutes, StepMinutes, Who, WorkingHours
from backend.contract.vocabulary import Priority
from backend.domain.working_hours import DAYS

MOST_STEPS: Final = 10
MOST_MINUTES: Final = 7 * 24 * 60
MOST_TARGET_FIRST: Final = 10
SHORTEST_HOURS: Final = 60
"""Minutes that a working day lasts at least: with less a week of minutes would take centuries to pass."""

_PRIORITIES: Final[tuple[Priority, ...]] = ("urgent", "high", "normal", "low")
_WHO: Final[tuple[Who, ...]] = get_args(Who)
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")
_LONGEST_NAME: Final = 60

log = logging.getLogger(__name__)


class PolicyError(Exception):
    """A document that is no policy. `field` is the place in it, empty for the whole; `text` is one plain sentence."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field
        self.text = text


def parse(document: object) -> EscalationPolicy:
    """The policy that a document states; what it leaves out is the default. Raises PolicyError."""
    given = _object("", document, tuple(EscalationPolicy.__dataclass_fields__))
    steps = _steps(given["steps"]) if "steps" in given else EscalationPolicy().steps
    repeat = _object("repeat_minutes", given.get("repeat_minutes", {}), _PRIORITIES)
    overrides = given.get("urgent_overrides_dnd", True)
    if not isinstance(overrides, bool):
        raise PolicyError("urgent_overrides_dnd", "`urgent_overrides_dnd` must be true or false.")
    return EscalationPolicy(
        steps=steps,
        repeat_minutes=RepeatMinutes(**{p: _minutes(f"repeat_minutes.{p}", repeat[p]) for p in repeat}),
        target_first_minutes=_perhaps("target_first_minutes", given, None, most=MOST_TARGET_FIRST),
        target_exclusive_minutes=_perhaps("target_exclusive_minutes", given, None, most=MOST_TARGET_FIRST),
        urgent_overrides_dnd=overrides,
        working_hours=_hours(given.get("working_hours")),
        idle_nudge_minutes=_perhaps("idle_nudge_minutes", given, 15),
        idle_return_minutes=_perhaps("idle_return_minutes", given, 15),
    )


def document(policy: EscalationPolicy) -> dict[str, Any]:
    """The whole policy as JSON carries it; `parse` gives the same policy back."""
    return cast("dict[str, Any]", _listed(asdict(policy)))


def stored(kept: dict[str, Any]) -> EscalationPolicy:
    """The policy of a document from the database: never fails, so that no alert waits for a document to be mended.

    The defaults stand in for a document that is none (kept before documents were checked); the log says so.
    """
    try:
        return parse(kept)
    except PolicyError as error:
        log.warning("a kept escalation policy is not valid, the default one is used: %s", error)
        return EscalationPolicy()


def _listed(value: object) -> object:
    if isinstance(value, dict):
        return {name: _listed(inside) for name, inside in value.items()}
    return [_listed(inside) for inside in value] if isinstance(value, tuple) else value


def _steps(given: object) -> tuple[PolicyStep, ...]:
    if not isinstance(given, list) or len(given) > MOST_STEPS:
        raise PolicyError("steps", f"`steps` must be a list of at most {MOST_STEPS} steps.")
    steps = tuple(_step(f"steps[{position}]", step) for position, step in enumerate(given))
    for priority in _PRIORITIES:
        _rising(priority, [getattr(step.minutes, priority) for step in steps])
    return steps


def _step(place: str, given: object) -> PolicyStep:
    step = _object(place, given, ("who", "user_id", "minutes"), required=("who", "minutes"))
    who, user = step["who"], step.get("user_id")
    if who not in _WHO:
        raise PolicyError(f"{place}.who", f"`{place}.who` must be one of {', '.join(_WHO)}.")
    if who == "user":
        user = _user(f"{place}.user_id", user)
    elif user is not None:
        raise PolicyError(f"{place}.user_id", f"`{place}.user_id` belongs to the choice user alone.")
    times = _object(f"{place}.minutes", step["minutes"], _PRIORITIES, required=_PRIORITIES)
    minutes = {
        p: None if times[p] is None else _minutes(f"{place}.minutes.{p}", times[p], null="never") for p in _PRIORITIES
    }
    return PolicyStep(who=who, user_id=user, minutes=StepMinutes(**minutes))


def _rising(priority: Priority, minutes: Sequence[int | None]) -> None:
    """Each step that applies is later than the one before. People count the first alert as step 1."""
    before: tuple[int, int] | None = None
    for position, at in enumerate(minutes):
        if at is None:
            continue
        if before is not None and at <= before[1]:
            raise PolicyError(
                f"steps[{position}].minutes.{priority}",
                f"Step {position + 2}, {priority}: {at} min must be later than step {before[0]} ({before[1]} min).",
            )
        before = (position + 2, at)


def _hours(given: object) -> WorkingHours | None:
    if given is None:
        return None
    parts = ("days", "start", "end")
    hours = _object("working_hours", given, parts, required=parts)
    start, end = (_clock(f"working_hours.{part}", hours[part]) for part in ("start", "end"))
    if _minute(end) - _minute(start) < SHORTEST_HOURS:
        raise PolicyError(
            "working_hours.end", f"`working_hours.end` must be at least {SHORTEST_HOURS} min after `start`."
        )
    return WorkingHours(days=_days(hours["days"]), start=start, end=end)


def _days(given: object) -> tuple[Day, ...]:
    """The days in the order of the week."""
    known = isinstance(given, list) and all(isinstance(day, str) and day in DAYS for day in given)
    if not known or not given or len(set(cast("list[str]", given))) < len(cast("list[str]", given)):
        raise PolicyError(
            "working_hours.days", f"`working_hours.days` must name one or more of {', '.join(DAYS)}, each once."
        )
    return tuple(day for day in DAYS if day in cast("list[str]", given))


def _clock(place: str, given: object) -> str:
    if not isinstance(given, str) or not _CLOCK.fullmatch(given):
        raise PolicyError(place, f"`{place}` must be a time from 00:00 to 24:00, written HH:MM.")
    return given


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _user(place: str, given: object) -> str:
    try:
        return str(UUID(given if isinstance(given, str) else ""))
    except ValueError as error:
        raise PolicyError(place, f"`{place}` must be the id of a person in this account.") from error


def _perhaps(place: str, given: Mapping[str, object], default: int | None, *, most: int = MOST_MINUTES) -> int | None:
    value = given.get(place, default)
    return None if value is None else _minutes(place, value, most=most, null="off")


def _minutes(place: str, given: object, *, most: int = MOST_MINUTES, null: str | None = None) -> int:
    """A whole number; `null` is what null would mean there, for the sentence."""
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= most:
        otherwise = f", or null for {null}" if null else ""
        raise PolicyError(place, f"`{place}` must be whole minutes from 1 to {most}{otherwise}.")
    return given


def _object(place: str, given: object, known: Sequence[str], *, required: Sequence[str] = ()) -> dict[str, Any]:
    """The object at that place, holding nothing unknown and all that is required."""
    if not isinstance(given, dict):
        raise PolicyError(place, f"{f'`{place}`' if place else 'The policy'} must be an object.")
    within = f"{place}." if place else ""
    for name in given:
        if name not in known:
            stranger = within + _shown(name)
            raise PolicyError(stranger, f"`{stranger}` is not known; {', '.join(known)} are.")
    for name in required:
        if name not in given:
            raise PolicyError(within + name, f"`{within}{name}` is missing.")
    return given


def _shown(name: object) -> str:
    """A stranger's name as a sentence can carry it: short, and without halves of characters."""
    text = str(name).encode("ascii", "backslashreplace").decode()
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)[:_LONGEST_NAME]
