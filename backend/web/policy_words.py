"""What the escalation policy will do, in words, before somebody escalates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, get_args
from zoneinfo import ZoneInfo

from backend.contract.people import UserView
from backend.contract.policy import EscalationPolicy
from backend.contract.vocabulary import PRIORITY_LABEL, Priority
from backend.domain.policy import Audience, Due, next_due
from backend.web import formats
from backend.web.formats import Clock

_MOST: Final = 40
"""More steps than a policy may have: the walk through it always ends."""


def hints(
    policy: EscalationPolicy, tz: ZoneInfo, people: Sequence[UserView], now: datetime, since: datetime | None = None
) -> Mapping[Priority, str]:
    """`High: everyone at once, again after 5 min, then Marcus Hale after 15 min.` for each priority, as of `now`.

    Outside working hours a step that waits for them is given by its clock time. With `since` the hand-off waits
    already, and the minutes are counted from there.
    """
    return {priority: _hint(policy, Clock(tz, now), people, since, priority) for priority in get_args(Priority)}


def target_hint(policy: EscalationPolicy) -> str:
    """What asking for somebody in particular changes."""
    alone, only = policy.target_first_minutes, policy.target_exclusive_minutes
    told = "sees it marked For you" if alone is None else f"is alerted alone for the first {alone} min, then everyone"
    if only is not None:
        return f"Whoever you ask for {told}. Only they can claim it for the first {only} min."
    return (
        f"Whoever you ask for {told}. {'The other seniors can still' if alone is None else 'Any senior can'} claim it."
    )


def _hint(
    policy: EscalationPolicy, clock: Clock, people: Sequence[UserView], since: datetime | None, priority: Priority
) -> str:
    start = since or clock.now
    parts = [] if since else ["everyone at once"]
    steps = _steps(policy, clock.tz, start, priority)
    nominal = _steps(replace(policy, working_hours=None), clock.tz, start, priority)
    for due, by_minutes in zip(steps, nominal, strict=False):
        when = _when(due.at, by_minutes.at, start, clock)
        who = _who(due.own, people)
        again = "again" if parts else "everyone again"
        parts.append(f"{again} {when}" if who == "everyone" else f"{'then ' if parts else ''}{who} {when}")
    if since:
        parts.append(f"counted from {clock.time(since)}")
    return f"{PRIORITY_LABEL[priority]}: {', '.join(parts)}."


def _steps(policy: EscalationPolicy, tz: ZoneInfo, start: datetime, priority: Priority) -> Iterator[Due]:
    """What comes until the policy repeats itself; the first repeat where there is nothing else."""
    done = 0
    for turn in range(_MOST):
        due = next_due(
            policy,
            tz=tz,
            priority=priority,
            has_target=False,
            waiting_since=start,
            done=done,
            now=start,
            exhausted=False,
        )
        if due.kind == "repeat" and turn:
            return
        yield due
        if due.kind == "repeat":
            return
        done = due.index + 1


def _when(at: datetime, by_minutes: datetime, start: datetime, clock: Clock) -> str:
    if at - by_minutes >= timedelta(minutes=1):
        return clock.at(at)
    minutes = round((by_minutes - start).total_seconds() / 60)
    whole_hours = minutes >= 120 and minutes % 60 == 0
    return f"after {minutes // 60} h" if whole_hours else f"after {minutes} min"


def _who(audience: Audience, people: Sequence[UserView]) -> str:
    match audience.who:
        case "owner":
            names = [one.name for one in people if one.role == "owner"]
            return formats.listed_few(names) or "the owner"
        case "admins":
            return "the administrators"
        case "target":
            return "whom you ask for"
        case "user":
            return next(
                (formats.apart(one.name) for one in people if one.id == audience.user_id), "somebody who has left"
            )
    return "everyone"
