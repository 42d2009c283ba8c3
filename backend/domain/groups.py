"""A month by claimer, technician, customer, priority and reason; who is too few to be shown alone is among others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from backend.contract.metrics import MetricsGroup
from backend.contract.vocabulary import PRIORITY_RANK
from backend.domain.averages import MINUTE, SECOND, Exact, mean, per
from backend.domain.month import Row

LEAST: Final = 3
"""Escalations that a person needs to be shown alone: one or two would say how somebody did on a day."""
_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """Who is shown by name: `me` always, everybody with `all_names`; `small` shows groups of one and two as well."""

    me: UUID
    all_names: bool
    small: bool


def _group(
    rows: Sequence[Row], *, key: str | None = None, person: UUID | None = None, name: str | None = None
) -> MetricsGroup:
    def average(values: Sequence[Exact], unit: int) -> float | None:
        found = mean(values)
        return per(found, unit) if found is not None else None

    to_claim = [row.to_claim for row in rows if row.to_claim is not None]
    to_action = [row.to_action for row in rows if row.to_action is not None]
    return MetricsGroup(
        id=str(person) if person else None,
        name=name,
        key=key,
        others=key is None and person is None,
        escalations=len(rows),
        claimed=len(to_claim),
        with_first_action=len(to_action),
        mean_time_to_claim_seconds=average(to_claim, SECOND),
        mean_time_to_first_action_seconds=average(to_action, SECOND),
        minutes_recovered_per_escalation=average([row.recovered for row in rows if row.recovered is not None], MINUTE),
    )


def _withheld(rows: Sequence[Row]) -> MetricsGroup:
    """Others who are too few even together: how many, and nothing of how they did."""
    return MetricsGroup(
        others=True,
        escalations=len(rows),
        claimed=sum(row.to_claim is not None for row in rows),
        with_first_action=sum(row.to_action is not None for row in rows),
        mean_time_to_claim_seconds=None,
        mean_time_to_first_action_seconds=None,
        minutes_recovered_per_escalation=None,
    )


def by_person(
    rows: Sequence[Row],
    whose: Callable[[Row], UUID | None],
    names: Mapping[UUID, str],
    shown_to: "Shown",
) -> list[MetricsGroup]:
    """Most escalations first, others last.

    Others never hold one small group alone, whose figures could be had by subtraction: the next smallest joins them.
    """
    me, small = shown_to.me, shown_to.small
    found: dict[UUID, list[Row]] = {}
    for row in rows:
        if (person := whose(row)) is not None:
            found.setdefault(person, []).append(row)
    ranked = sorted(found, key=lambda person: (-len(found[person]), str(person)))
    shown = [person for person in ranked if shown_to.all_names or person == me]
    hidden = [person for person in ranked if person not in shown]
    if not small:
        few = [person for person in shown if len(found[person]) < LEAST and person != me]
        shown, hidden = [person for person in shown if person not in few], hidden + few
        while hidden and sum(len(found[person]) for person in hidden) < LEAST and (mine := _last(shown, me)):
            shown.remove(mine)
            hidden.append(mine)
    groups = [_group(found[person], person=person, name=names.get(person, "")) for person in shown]
    rest = [row for person in hidden for row in found[person]]
    if rest:
        groups.append(_withheld(rest) if len(rest) < LEAST and not small else _group(rest))
    return groups


def _last(shown: list[UUID], me: UUID) -> UUID | None:
    return next((person for person in reversed(shown) if person != me), None)


def by_priority(rows: Sequence[Row]) -> list[MetricsGroup]:
    """Urgent first."""
    return [
        _group(mine, key=priority)
        for priority in PRIORITY_RANK
        if (mine := [row for row in rows if row.of.priority == priority])
    ]


def by_text(rows: Sequence[Row], text: Callable[[Row], str | None], *, at_least: int = 1) -> list[MetricsGroup]:
    """By what a text says, whatever its case and spacing; the most frequent 20, the rest and the nameless as others."""
    found: dict[str, list[Row]] = {}
    words: dict[str, str] = {}
    same: dict[str | None, list[Row]] = {}  # what is written alike is looked at once
    for row in rows:
        written = text(row)
        mine = same.get(written)
        if mine is None:
            said = " ".join((written or "").split())
            words.setdefault(said.casefold(), said)
            mine = same[written] = found.setdefault(said.casefold(), [])
        mine.append(row)
    ranked = sorted((key for key in found if key), key=lambda key: (-len(found[key]), key))
    shown = [key for key in ranked if len(found[key]) >= at_least][:_MOST]
    rest = [row for key, mine in found.items() if key not in shown for row in mine]
    return [*(_group(found[key], key=words[key]) for key in shown), *([_group(rest)] if rest else [])]
