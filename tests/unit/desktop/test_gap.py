"""Sleep is noticed by the clock that counts it, and nothing else is taken for sleep."""

import pytest

from desktop.core.gap import LOOK_S, SLACK_S, Gap


def test_looks_in_time_are_no_sleep() -> None:
    gap = Gap(100.0)
    assert not any(gap.look(100.0 + LOOK_S * number) for number in range(1, 50))


@pytest.mark.parametrize(("late", "slept"), [(SLACK_S - 0.1, False), (SLACK_S + 0.1, True), (8 * 3600.0, True)])
def test_more_time_than_a_busy_machine_takes_is_sleep_and_is_said_once(late: float, slept: bool) -> None:
    gap = Gap(0.0)
    assert gap.look(LOOK_S + late) is slept
    assert not gap.look(LOOK_S + late + LOOK_S)
