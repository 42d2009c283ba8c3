"""The escalation policy as a form: what stands in its fields, and the document that they make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, get_args

from starlette.datastructures import FormData

from backend.contract.policy import Day, EscalationPolicy
from backend.contract.vocabulary import Priority
from backend.domain.policy_document import MOST_MINUTES, MOST_STEPS, MOST_TARGET_FIRST
from backend.domain.working_hours import DAYS

PRIORITIES: Final[tuple[Priority, ...]] = ("urgent", "high", "normal", "low")
NEW_HOURS: Final = {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "08:00", "end": "18:00"}
_LONGEST: Final = 12


@dataclass(frozen=True, slots=True)
class Wrong:
    """A field that cannot be meant: `place` is its name in the form, `text` the sentence about it."""

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One step as it stands in the form. `who` is a word of the policy, or `user:ID`."""

    who: str
    minutes: Mapping[str, str]


@dataclass(slots=True)
class Draft:
    """The whole form as it stands, right or wrong."""

    rows: list[Row]
    repeat: dict[str, str]
    hours: bool
    days: list[str]
    start: str
    end: str
    dnd: bool
    first: bool
    first_minutes: str
    exclusive: bool
    exclusive_minutes: str
    nudge: str
    back: str
    wrong: list[Wrong] = field(default_factory=list)

    def add(self) -> None:
        """One more step at the end, everyone again."""
        if len(self.rows) < MOST_STEPS:
            self.rows.append(Row("everyone", dict.fromkeys(PRIORITIES, "")))

    def remove(self, place: int) -> None:
        """Take a step out."""
        if 0 <= place < len(self.rows):
            del self.rows[place]

    def move(self, place: int, by: int) -> None:
        """Put a step one place up or down; its minutes stay with the place, as only the order of people changes."""
        if 0 <= place < len(self.rows) and 0 <= place + by < len(self.rows):
            one, other = self.rows[place], self.rows[place + by]
            self.rows[place], self.rows[place + by] = Row(other.who, one.minutes), Row(one.who, other.minutes)


def of_policy(policy: EscalationPolicy) -> Draft:
    """The form of the policy that counts."""
    hours = policy.working_hours
    return Draft(
        rows=[
            Row(
                f"user:{step.user_id}" if step.who == "user" else step.who,
                {p: _shown(getattr(step.minutes, p)) for p in PRIORITIES},
            )
            for step in policy.steps
        ],
        repeat={p: str(getattr(policy.repeat_minutes, p)) for p in PRIORITIES},
        hours=hours is not None,
        days=list(hours.days) if hours else list(NEW_HOURS["days"]),
        start=hours.start if hours else str(NEW_HOURS["start"]),
        end=hours.end if hours else str(NEW_HOURS["end"]),
        dnd=policy.urgent_overrides_dnd,
        first=policy.target_first_minutes is not None,
        first_minutes=_shown(policy.target_first_minutes) or "3",
        exclusive=policy.target_exclusive_minutes is not None,
        exclusive_minutes=_shown(policy.target_exclusive_minutes) or "3",
        nudge=_shown(policy.idle_nudge_minutes),
        back=_shown(policy.idle_return_minutes),
    )


def of_form(form: FormData) -> Draft:
    """What somebody sent."""

    def all_of(name: str) -> list[str]:
        return [str(value).strip()[:60] for value in form.getlist(name)]

    def one(name: str) -> str:
        return (all_of(name) or [""])[0][:_LONGEST]

    columns = {p: all_of(f"minutes_{p}") for p in PRIORITIES}
    rows = [
        Row(who, {p: (column[place] if place < len(column) else "") for p, column in columns.items()})
        for place, who in enumerate(all_of("who")[:MOST_STEPS])
    ]
    return Draft(
        rows=rows,
        repeat={p: one(f"repeat_{p}") for p in PRIORITIES},
        hours=bool(one("hours")),
        days=[day for day in get_args(Day) if day in all_of("day")],
        start=one("start"),
        end=one("end"),
        dnd=bool(one("dnd")),
        first=bool(one("first")),
        first_minutes=one("first_minutes"),
        exclusive=bool(one("exclusive")),
        exclusive_minutes=one("exclusive_minutes"),
        nudge=one("nudge"),
        back=one("back"),
    )


def document(draft: Draft) -> dict[str, Any]:
    """The policy document of a draft; what is no number is put into `draft.wrong`, in the form's own words."""
    draft.wrong.clear()
    steps = []
    for number, row in enumerate(draft.rows, start=2):
        minutes = {
            p: _minutes(draft, f"step-{number}-{p}", f"Step {number}, {p}", row.minutes[p], empty="never")
            for p in PRIORITIES
        }
        who, _, user = row.who.partition(":")
        steps.append({"who": who, "minutes": minutes} | ({"user_id": user} if who == "user" else {}))
    repeat = {p: _minutes(draft, f"repeat-{p}", f"Repeat, {p}", draft.repeat[p]) for p in PRIORITIES}
    first = draft.first_minutes if draft.first else ""
    exclusive = draft.exclusive_minutes if draft.exclusive else ""
    hours = {"days": draft.days, "start": draft.start, "end": draft.end} if draft.hours else None
    if draft.hours and not draft.days:
        draft.wrong.append(Wrong("days", "Choose at least one working day."))
    return {
        "steps": steps,
        "repeat_minutes": repeat,
        "working_hours": hours,
        "urgent_overrides_dnd": draft.dnd,
        "target_first_minutes": _minutes(
            draft, "first", "The target alone", first, most=MOST_TARGET_FIRST, empty=_off(draft.first)
        ),
        "target_exclusive_minutes": _minutes(
            draft, "exclusive", "Only the target", exclusive, most=MOST_TARGET_FIRST, empty=_off(draft.exclusive)
        ),
        "idle_nudge_minutes": _minutes(draft, "nudge", "Reminder after a claim", draft.nudge, empty="off"),
        "idle_return_minutes": _minutes(draft, "back", "Back to the queue", draft.back, empty="off"),
    }


def _off(chosen: bool) -> str | None:  # noqa: FBT001 - what the switch says
    return None if chosen else "off"


def place_of(error_field: str, rows: Sequence[Row]) -> str:
    """The form's name for a place in the document: `steps[1].minutes.urgent` is `step-3-urgent`."""
    if error_field.startswith("steps["):
        number = int(error_field[6 : error_field.index("]")]) + 2
        last = error_field.rpartition(".")[2]
        return f"step-{number}-{last}" if last in PRIORITIES else f"step-{number}-who"
    if error_field.startswith("working_hours."):
        return "days" if error_field.endswith("days") else "hours"
    return "steps" if rows else ""


def days_in_words(days: Sequence[str]) -> str:
    """`Monday to Friday`, `Monday, Wednesday and Sunday`, `every day`."""
    names = dict(zip(DAYS, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True))
    chosen = [day for day in DAYS if day in days]
    if len(chosen) == len(DAYS):
        return "every day"
    places = [DAYS.index(day) for day in chosen]
    if len(chosen) > 2 and places[-1] - places[0] == len(chosen) - 1:
        return f"{names[chosen[0]]} to {names[chosen[-1]]}"
    words = [names[day] for day in chosen]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "no day"


def _shown(minutes: int | None) -> str:
    return "" if minutes is None else str(minutes)


def _minutes(
    draft: Draft, place: str, what: str, text: str, *, most: int = MOST_MINUTES, empty: str | None = None
) -> int | None:
    """A field's number. `empty` says what an empty field means; without it a number is needed."""
    if not text and empty is not None:
        return None
    if text.isascii() and text.isdigit() and 1 <= int(text) <= most:
        return int(text)
    otherwise = f", or nothing for {empty}" if empty else ""
    draft.wrong.append(Wrong(place, f"{what}: give whole minutes from 1 to {most}{otherwise}."))
    return 1
