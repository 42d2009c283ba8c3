"""Groups of people: nobody is judged by one or two escalations, and none can be had by subtraction either."""

from collections.abc import Sequence
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from backend.contract.metrics import MetricsGroup
from backend.domain.baseline import Baselines
from backend.domain.groups import LEAST, Shown, by_person, by_priority, by_text
from backend.domain.recovered import Row
from tests.support.measured import baseline, measured
from tests.support.tallied import parts

ME = UUID(int=1)


def rows(*whose: int) -> list[Row]:
    made = [measured("2026-11-02T10:00:00", 60, 60 * one, first_action_by=UUID(int=one)) for one in whose]
    return [Row.measure(one, Baselines([baseline(10)])) for one in made]


def people(found: Sequence[Row], *, all_names: bool = True, small: bool = False) -> list[MetricsGroup]:
    names = {UUID(int=n): f"Person {n}" for n in range(1, 9)}
    return by_person(parts(found, lambda row: row.of.claimer), names, Shown(ME, all_names, small))


def told(groups: list[MetricsGroup]) -> list[tuple[str | None, int]]:
    return [(group.name, group.escalations) for group in groups]


def test_everybody_with_enough_is_shown_most_first() -> None:
    assert told(people(rows(2, 2, 2, 3, 3, 3, 3))) == [("Person 3", 4), ("Person 2", 3)]


def test_one_and_two_are_among_others() -> None:
    found = people(rows(2, 2, 2, 2, 3, 3, 4))
    assert told(found) == [("Person 2", 4), (None, 3)]
    assert found[1].others
    assert found[1].minutes_recovered_per_escalation is not None


def test_a_single_small_group_takes_the_next_with_it() -> None:
    """With everyone else shown, what is missing from the total would be exactly theirs."""
    assert told(people(rows(2, 2, 2, 2, 3, 3, 3, 4))) == [("Person 2", 4), (None, 4)]


def test_others_that_are_too_few_even_together_have_no_figures() -> None:
    (only,) = people(rows(2, 3))
    assert (only.escalations, only.with_first_action) == (2, 2)
    assert only.mean_time_to_first_action_seconds is only.minutes_recovered_per_escalation is None


def test_policy_may_show_them() -> None:
    assert told(people(rows(2, 2, 3), small=True)) == [("Person 2", 2), ("Person 3", 1)]


def test_a_senior_sees_their_own_row_and_others() -> None:
    assert told(people(rows(1, 2, 2, 2, 3, 3, 3), all_names=False)) == [("Person 1", 1), (None, 6)]


@given(st.lists(st.integers(1, 8), max_size=40), st.booleans())
def test_no_figure_of_fewer_than_three_is_shown_nor_left_over(whose: list[int], all_names: bool) -> None:
    everything = rows(*whose)
    found = people(everything, all_names=all_names)
    assert sum(group.escalations for group in found) == len(everything)
    for group in found:
        if group.id != str(ME) and group.mean_time_to_first_action_seconds is not None:
            assert group.escalations >= LEAST
    withheld = [group for group in found if group.others and group.mean_time_to_first_action_seconds is None]
    assert not withheld or all(group.id in {None, str(ME)} for group in found)


def test_priorities_come_urgent_first_and_texts_by_how_often() -> None:
    made = [
        measured("2026-11-02T10:00:00", priority=priority, reason=reason)
        for priority, reason in (("low", "No access"), ("urgent", "no  access"), ("low", "Out of ideas"))
    ]
    found = [Row.measure(one, Baselines([])) for one in made]
    assert [(group.key, group.escalations) for group in by_priority(parts(found, lambda row: row.of.priority))] == [
        ("urgent", 1),
        ("low", 2),
    ]
    reasons = by_text(parts(found, lambda row: row.of.reason), at_least=2)
    assert [(group.key, group.escalations) for group in reasons] == [("No access", 2), (None, 1)]
