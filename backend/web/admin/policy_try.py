"""*Try it*: what the policy of the form would do today, person by person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from backend.contract.people import UserView
from backend.contract.policy import EscalationPolicy
from backend.contract.vocabulary import Priority
from backend.delivery.service import ReachEntry
from backend.domain.policy import Audience, Due, next_due
from backend.web import formats
from backend.web.formats import Clock

_MOST = 12


@dataclass(frozen=True, slots=True)
class Line:
    """One moment of the timeline: `10:05`, or `then` for what goes on."""

    when: str
    text: str
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The sentence that sets it, and the lines."""

    about: str
    lines: list[Line]


def trial(
    policy: EscalationPolicy,
    priority: Priority,
    *,
    tz: ZoneInfo,
    seniors: Sequence[UserView],
    reach: Sequence[ReachEntry],
    escalator: str,
) -> Trial:
    """What happens when `escalator` escalates at 10:00 today and nobody claims, with those who are on a desktop now."""
    today = formats.now().astimezone(tz)
    start = today.replace(hour=10, minute=0, second=0, microsecond=0)
    clock = Clock(tz, start)
    desks = {one.user.id for one in reach if one.desktop}
    at_desk = formats.first_names([one.name for one in seniors if one.id in desks])
    away = formats.first_names([one.name for one in seniors if one.id not in desks])
    lines = [Line("10:00", _first(at_desk, away))]
    dues = _dues(policy, priority, start, tz)
    for due in dues:
        if due.kind == "repeat":
            lines.append(Line("then", _goes_on(policy, priority, due, clock), quiet=True))
        else:
            lines.append(Line(clock.time(due.at), _again(due, seniors, at_desk, away)))
    return Trial(
        about=f"{formats.first_name(escalator)} escalates at 10:00 today. {_who_is_on(at_desk, away)}", lines=lines
    )


def _dues(policy: EscalationPolicy, priority: Priority, start: datetime, tz: ZoneInfo) -> list[Due]:
    found: list[Due] = []
    done = 0
    while len(found) < _MOST:
        due = next_due(
            policy,
            tz=tz,
            priority=priority,
            has_target=False,
            waiting_since=start,
            done=done,
            now=found[-1].at if found else start,
            exhausted=False,
        )
        found.append(due)
        if due.kind == "repeat":
            break
        done = due.index + 1
    return found


def _who_is_on(at_desk: Sequence[str], away: Sequence[str]) -> str:
    if not at_desk and not away:
        return "Nobody can claim: an escalation needs a senior engineer or above."
    if not at_desk:
        return "Nobody is on a desktop."
    on = f"{formats.listed_few(list(at_desk))} {'is' if len(at_desk) == 1 else 'are'} on a desktop"
    if not away:
        return f"{on}."
    return f"{on}, {formats.listed_few(list(away))} {'is' if len(away) == 1 else 'are'} not."


def _desks(names: Sequence[str]) -> str:
    return f"{formats.listed_few(list(names))} on their desktop{'s' if len(names) > 1 else ''}"


def _first(at_desk: Sequence[str], away: Sequence[str]) -> str:
    parts = [f"{_desks(at_desk)}."] if at_desk else []
    if away:
        parts.append(f"{formats.listed_few(list(away))} by e-mail.")
    return " ".join(parts) or "Nobody is told."


def _again(due: Due, seniors: Sequence[UserView], at_desk: Sequence[str], away: Sequence[str]) -> str:
    named = [one for one in seniors if _is_in(one, due.own)]
    names = formats.first_names([one.name for one in named])
    everyone = due.own.who == "everyone"
    if everyone or not names:
        parts = [f"{_desks(at_desk)} again."] if at_desk else []
        if away:
            parts.append(f"{formats.listed_few(list(away))} by e-mail{'' if at_desk else ' again'}.")
        return " ".join(parts) or "Nobody is told."
    on = [name for name in names if name in at_desk]
    by = f"{_desks(on)}." if on else ""
    mailed = [name for name in names if name not in on]
    told = " ".join(filter(None, (by, f"{formats.listed_few(mailed)} by e-mail." if mailed else "")))
    others = [name for name in (*at_desk, *away) if name not in names]
    return f"{told} {formats.listed_few(others)} again." if others else told


def _is_in(one: UserView, audience: Audience) -> bool:
    match audience.who:
        case "owner":
            return one.role == "owner"
        case "admins":
            return one.role in {"admin", "owner"}
        case "user":
            return one.id == audience.user_id
    return False


def _goes_on(policy: EscalationPolicy, priority: Priority, due: Due, clock: Clock) -> str:
    every: int = getattr(policy.repeat_minutes, priority)
    pause = f"{every // 60} h" if every >= 120 and every % 60 == 0 else f"{every} min"
    first = "" if due.at - clock.now < timedelta(0) else f", first {clock.at(due.at)}"
    return f"Everyone again every {pause}{first}, until somebody claims. The technician sees “Nobody has claimed yet”."
