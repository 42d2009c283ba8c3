"""What the escalation policy does next with a handoff that waits, or with a claim that nothing follows.

A plan is a row of entries, each with a fixed index: 0 widens from the target to everyone, 1 to n are the policy's steps
by their place in the document, from n + 1 on the last round is repeated for ever. Entries that do not apply (no target,
"never" for this priority) keep their index and are passed over. So an index means the same when the priority or the
target of a waiting handoff changes, and there is always a next entry.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from backend.contract.policy import EscalationPolicy, PolicyStep, Who, WorkingHours
from backend.contract.vocabulary import Priority
from backend.domain.policy_document import PolicyError, document, parse, stored
from backend.domain.working_hours import add_minutes, counted

__all__ = ["Audience", "Due", "Policy", "PolicyError", "document", "idle_due", "next_due", "parse", "stored"]

Policy = EscalationPolicy


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is alerted; `user_id` for `user` alone."""

    who: Who
    user_id: str | None = None


EVERYONE: Final = Audience("everyone")
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One entry of a plan.

    `at` (UTC) is when the plan wants it, in the past when it is overdue. `own` is whom this entry is about, `who`
    everyone to alert with it. `final` says that with it the last step is reached, by itself or among the `skipped`
    entries that were overdue before it: the owner and the escalating side are told that nobody has come.
    """

    at: datetime
    index: int
    kind: Literal["widen", "step", "repeat"]
    who: tuple[Audience, ...]
    own: Audience
    final: bool
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class _Entry:
    at: datetime
    index: int
    kind: Literal["widen", "step", "repeat"]
    own: Audience = EVERYONE
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a policy means for one handoff."""

    policy: EscalationPolicy
    priority: Priority
    has_target: bool
    since: datetime
    tz: ZoneInfo

    @property
    def hours(self) -> WorkingHours | None:
        """Urgent counts at all hours."""
        return None if self.priority == "urgent" else self.policy.working_hours

    def minutes(self, step: PolicyStep) -> int | None:
        """Minutes of a step, None for never."""
        minutes: int | None = getattr(step.minutes, self.priority)
        return minutes

    def at(self, minutes: int) -> datetime:
        """The moment by which so many minutes have counted."""
        return add_minutes(self.since, minutes, self.hours, self.tz)

    def steps(self) -> list[_Entry]:
        """The steps that apply, in order."""
        return [
            _Entry(self.at(minutes), index, "step", self._audience(step))
            for index, step in enumerate(self.policy.steps, 1)
            if (minutes := self.minutes(step)) is not None
        ]

    def repeat(self, done: int, now: datetime) -> _Entry:
        """The repeat that is overdue, of several the last; else the coming one.

        However many a former policy or priority has repeated already, the coming one is at most two intervals away.
        """
        last = max((self.minutes(step) or 0 for step in self.policy.steps), default=0)
        every: int = getattr(self.policy.repeat_minutes, self.priority)
        first = len(self.policy.steps) + 1
        carried_out = max(done - first, 0)
        elapsed = counted(self.since, now, self.hours, self.tz) // _MINUTE
        passed = max((elapsed - last) // every, 0)
        if carried_out < passed:
            return _Entry(
                self.at(last + passed * every), first + passed - 1, "repeat", skipped=passed - 1 - carried_out
            )
        return _Entry(self.at(last + (min(carried_out, passed + 1) + 1) * every), first + carried_out, "repeat")

    def widening(self, before: datetime) -> list[_Entry]:
        """The end of the target's head start, unless the first step ends it.

        It runs at all hours: it holds back the first alert of the others, and a first alert keeps no hours either.
        """
        minutes = self.policy.target_first_minutes
        if not self.has_target or minutes is None or add_minutes(self.since, minutes, None, self.tz) >= before:
            return []
        return [_Entry(add_minutes(self.since, minutes, None, self.tz), 0, "widen")]

    def _audience(self, step: PolicyStep) -> Audience:
        """A step for the target means everyone where there is none."""
        if step.who == "target" and not self.has_target:
            return EVERYONE
        return Audience(step.who, step.user_id)


def next_due(
    policy: EscalationPolicy,
    *,
    tz: ZoneInfo,
    priority: Priority,
    has_target: bool,
    waiting_since: datetime,
    done: int,
    now: datetime,
    exhausted: bool | None = None,
) -> Due:
    """What comes next for a handoff that nobody has claimed; of several overdue entries the last one alone.

    `done` is the index of the last entry carried out, plus one; 0 at first. `now` is not before that entry's `at`: who
    lists a plan in advance asks with each entry's `at`. `exhausted` says whether people were told already that nobody
    has come; left out, `done` decides. All times are aware.
    """
    plan = _Plan(policy, priority, has_target, waiting_since, tz)
    steps = plan.steps()
    entries = [*steps, plan.repeat(done, now)]
    left = [entry for entry in [*plan.widening(entries[0].at), *entries] if entry.index >= done]
    overdue = [entry for entry in left if entry.at <= now]
    chosen = overdue[-1] if overdue else left[0]
    final = steps[-1].index if steps else len(policy.steps) + 1
    told = done > final if exhausted is None else exhausted
    return Due(
        at=chosen.at,
        index=chosen.index,
        kind=chosen.kind,
        who=tuple(dict.fromkeys([EVERYONE, *(step.own for step in steps if step.index <= chosen.index)])),
        own=chosen.own,
        final=chosen.index >= final and not told,
        skipped=max(len(overdue) - 1, 0) + chosen.skipped,
    )


def idle_due(
    policy: EscalationPolicy, tz: ZoneInfo, claimed_at: datetime, priority: Priority
) -> tuple[datetime | None, datetime | None]:
    """When the claimer is reminded, and when the handoff goes back to the queue, while no first action has come.

    Both by the account's hours; the return counts from the reminder, or else from the claim. None is never.
    """
    plan = _Plan(policy, priority, has_target=False, since=claimed_at, tz=tz)
    nudge, back = policy.idle_nudge_minutes, policy.idle_return_minutes
    return (None if nudge is None else plan.at(nudge), None if back is None else plan.at((nudge or 0) + back))
