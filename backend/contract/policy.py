"""The escalation policy on the wire: who is alerted while nobody has claimed, and when."""

from dataclasses import dataclass, field
from typing import Literal

Who = Literal["everyone", "target", "admins", "owner", "user"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepMinutes:
    """Whole minutes after the escalation, 1 to 10080, by priority; null is never."""

    urgent: int | None
    high: int | None
    normal: int | None
    low: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatMinutes:
    """Whole minutes between alerts after the last step, 1 to 10080, by priority; never null."""

    urgent: int = 10
    high: int = 15
    normal: int = 60
    low: int = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyStep:
    """One step: it alerts `who` and everyone of the steps before it. `user_id` is set for `user` alone."""

    who: Who
    user_id: str | None = None
    minutes: StepMinutes


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingHours:
    """The account's hours in its own time zone, `HH:MM`; `end` may be `24:00`. Urgent counts at all hours."""

    days: tuple[Day, ...]
    start: str
    end: str


DEFAULT_STEPS = (
    PolicyStep(who="everyone", minutes=StepMinutes(urgent=3, high=5, normal=20, low=60)),
    PolicyStep(who="owner", minutes=StepMinutes(urgent=10, high=15, normal=60, low=240)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationPolicy:
    """The whole document; each field's default is the product's own.

    The first alert goes to every senior at once and is step 1, so `steps[0]` is step 2 in front of people. With
    `target_first_minutes` (1 to 10) the person asked for is alerted alone for that long; with
    `target_exclusive_minutes` (1 to 10) nobody else can claim for that long. `idle_nudge_minutes` after a
    claim without a first action the claimer is reminded, `idle_return_minutes` later it goes back to the queue.
    """

    steps: tuple[PolicyStep, ...] = DEFAULT_STEPS
    repeat_minutes: RepeatMinutes = field(default_factory=RepeatMinutes)
    target_first_minutes: int | None = None
    target_exclusive_minutes: int | None = None
    urgent_overrides_dnd: bool = True
    working_hours: WorkingHours | None = None
    idle_nudge_minutes: int | None = 15
    idle_return_minutes: int | None = 15
