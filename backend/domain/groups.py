"""A month by claimer, technician, customer, priority and reason; who is too few to be shown alone is among others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from backend.contract.metrics import MetricsGroup
from backend.contract.vocabulary import PRIORITY_RANK
from backend.domain.averages import MINUTE, SECOND, Exact, mean_of, per
from backend.domain.sums import Part, together

LEAST: Final = 3
"""Escalations that a person needs to be shown alone: one or two would say how somebody did on a day."""
_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """Who is shown by name: `me` always, everybody with `all_names`; `small` shows groups of one and two as well."""

    me: UUID
    all_names: bool
    small: bool


def _group(part: Part, *, key: str | None = None, person: UUID | None = None, name: str | None = None) -> MetricsGroup:
    def average(total: Exact, number: int, unit: int) -> float | None:
        found = mean_of(total, number)
        return per(found, unit) if found is not None else None

    return MetricsGroup(
        id=str(person) if person else None,
        name=name,
        key=key,
        others=key is None and person is None,
        escalations=part.escalations,
        claimed=part.claimed,
        with_first_action=part.acted,
        mean_time_to_claim_seconds=average(part.to_claim, part.claimed, SECOND),
        mean_time_to_first_action_seconds=average(part.to_action, part.acted, SECOND),
        minutes_recovered_per_escalation=average(part.recovered, part.counted, MINUTE),
    )


def _withheld(part: Part) -> MetricsGroup:
    """Others who are too few even together: how many, and nothing of how they did."""
    return MetricsGroup(
        others=True,
        escalations=part.escalations,
        claimed=part.claimed,
        with_first_action=part.acted,
        mean_time_to_claim_seconds=None,
        mean_time_to_first_action_seconds=None,
        minutes_recovered_per_escalation=None,
    )


def by_person(found: Mapping[UUID, Part], names: Mapping[UUID, str], shown_to: "Shown") -> list[MetricsGroup]:
    """Most escalations first, others last.

    Others never hold one small group alone, whose figures could be had by subtraction: the next smallest joins them.
    """
    me, small = shown_to.me, shown_to.small
    ranked = sorted(found, key=lambda person: (-found[person].escalations, str(person)))
    shown = [person for person in ranked if shown_to.all_names or person == me]
    hidden = [person for person in ranked if person not in shown]
    if not small:
        few = [person for person in shown if found[person].escalations < LEAST and person != me]
        shown, hidden = [person for person in shown if person not in few], hidden + few
        while hidden and sum(found[one].escalations for one in hidden) < LEAST and (mine := _last(shown, me)):
            shown.remove(mine)
            hidden.append(mine)
    groups = [_group(found[person], person=person, name=names.get(person, "")) for person in shown]
    if hidden:
        rest = together(found[person] for person in hidden)
        groups.append(_withheld(rest) if rest.escalations < LEAST and not small else _group(rest))
    return groups


def _last(shown: list[UUID], me: UUID) -> UUID | None:
    return next((person for person in reversed(shown) if person != me), None)


def by_priority(found: Mapping[str, Part]) -> list[MetricsGroup]:
    """Urgent first."""
    return [_group(found[priority], key=priority) for priority in PRIORITY_RANK if priority in found]


def by_text(written: Mapping[str | None, Part], *, at_least: int = 1) -> list[MetricsGroup]:
    """By what a text says, whatever its case and spacing; the most frequent 20, the rest and the nameless as others."""
    found: dict[str, Part] = {}
    words: dict[str, str] = {}
    for text, part in written.items():
        said = " ".join((text or "").split())
        key = said.casefold()
        words.setdefault(key, said)
        found[key] = found[key].plus(part) if key in found else part
    ranked = sorted((key for key in found if key), key=lambda key: (-found[key].escalations, key))
    shown = [key for key in ranked if found[key].escalations >= at_least][:_MOST]
    rest = [part for key, part in found.items() if key not in shown]
    return [*(_group(found[key], key=words[key]) for key in shown), *([_group(together(rest))] if rest else [])]
