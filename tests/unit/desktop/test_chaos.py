"""Whatever the network does, the queue ends as the server's is, and nobody is alerted twice in one round.

What must hold at the end stands in `World.check`. That it can fail is proved by rules that are broken on purpose.
"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.contract.events import Receipt
from backend.contract.handoffs import QueueRow
from backend.contract.people import UserView
from desktop.core import notify
from desktop.core.inbox import Change
from desktop.core.notify import Alert, Notifier, may_claim
from desktop.core.nudges import Nudges
from desktop.core.receipts import Receipts
from desktop.core.rounds import Rounds
from tests.unit.desktop.chaos_world import World

WHAT = [
    *["create", "claim", "claim_mine", "release", "idle", "withdraw", "update"],
    *["realert"] * 3,
    *["create_for_lee", "realert_lee", "nudge", "first_step"],
]
DEEDS = st.tuples(st.just("act"), st.integers(1, 4), st.sampled_from(WHAT))
PERSON = st.sampled_from(
    [("dnd", True), ("dnd", False), ("cover", True), ("cover", False), *[("close", number) for number in (1, 2)]]
)
# Mostly frames that come, come twice or come in the wrong order; now and then the whole link goes.
NETWORK = st.sampled_from(
    [
        *[("deliver", index) for index in (0, 0, 0, 0, 1, 2)],
        *[("duplicate", index) for index in (0, 0, 1)],
        *[("fetch",)] * 2,
        *[("time", seconds) for seconds in (0.1, 1.0, 6.0)],
        ("lose",),
        ("beat",),
        ("connect",),
        ("disconnect",),
        ("breaks", True),
        ("breaks", False),
        ("trim",),
        ("epoch",),
    ]
)
Story = list[tuple[Any, ...]]
STORIES = st.lists(st.one_of(DEEDS, DEEDS, NETWORK, NETWORK, PERSON), min_size=10, max_size=60)


def live() -> World:
    """A world in which the client has just come up to date."""
    world = World()
    world.connect()
    world.deliver()
    world.fetch()
    return world


def play(world: World, story: Story) -> None:  # noqa: C901 - one case for each kind of step
    for step in story:
        match step:
            case ("act", number, what):
                world.act(number, what)
            case ("deliver", index):
                world.deliver(index)
            case ("duplicate", index):
                world.deliver(index, keep=True)
            case ("time", seconds):
                world.pass_time(seconds)
            case ("dnd" | "cover" as name, on):
                getattr(world, name)(on=on)
            case ("close", number):
                world.close(number)
            case ("breaks", taken):
                # The link goes with the next receipt, after the server has it or before.
                world.breaks = taken
            case ("trim",):
                world.min_seq = len(world.log)
            case ("epoch",):
                # A restored database: another log, the same handoffs; whoever is linked is cut off.
                world.epoch += 1
                world.disconnect()
            case (name,):
                getattr(world, name)()


@settings(max_examples=200, deadline=None)
@given(STORIES)
def test_the_queue_ends_as_the_servers_and_no_round_is_alerted_twice_missed_or_told_wrongly(story: Story) -> None:
    world = live()
    play(world, story)
    world.settle()
    world.check()


@settings(max_examples=100, deadline=None)
@given(STORIES)
def test_events_are_applied_in_order_and_once(story: Story) -> None:
    world = live()
    play(world, story)
    assert world.applied == sorted(set(world.applied))


# -- the check can fail ----------------------------------------------------------------------------------------------


def _once_for_ever(self: Rounds, row: QueueRow) -> bool:
    return row.id not in self.ids


def _every_time(self: Rounds, row: QueueRow) -> None: ...


def _for_everyone(row: QueueRow, me: UserView | None) -> bool:
    return may_claim(row, me)


def _forgets(self: Notifier, reason: str | None, *_: object) -> list[Alert]:
    self.muted = reason
    return []


def _looks_away(self: Notifier, *_: object) -> list[Alert]:
    return []


def _never(self: Nudges, change: Change) -> bool:
    return False


def _keeps_nothing(self: Receipts, receipt: Receipt) -> bool:
    return True


def _no_beat(self: Receipts) -> None: ...


def _acts(*deeds: str) -> Story:
    """These happen to one handoff, and the client hears of each at once."""
    return [step for what in deeds for step in [("act", 1, what), *[("deliver", 0)] * 4]]


FAULTS: dict[str, tuple[object, str, Callable[..., Any], Story]] = {
    "a reminder is taken for a repeat": (Rounds, "is_new", _once_for_ever, _acts("create", "realert")),
    "a round is alerted again at each reconnect": (Rounds, "done", _every_time, _acts("create")),
    "a round for others is shown": (notify, "is_told", _for_everyone, _acts("create", "realert_lee")),
    "what do not disturb held never comes": (Notifier, "mute", _forgets, [("dnd", True), *_acts("create")]),
    "what came up behind a lock never comes": (Notifier, "unseen", _looks_away, [("cover", True), *_acts("create")]),
    "a nudge stays after the first step": (
        Nudges,
        "ended_by",
        _never,
        _acts("create", "claim_mine", "nudge", "first_step"),
    ),
    "a receipt is lost with its link": (Receipts, "add", _keeps_nothing, [("breaks", False), *_acts("create")]),
    "a receipt whose echo was skipped is sent for ever": (
        Receipts,
        "beat",
        _no_beat,
        [("breaks", True), *_acts("create"), ("act", 2, "create"), ("trim",)],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_rules_that_are_broken_on_purpose_are_caught(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, name, how, story = FAULTS[fault]
    for seeded in (False, True):
        if seeded:
            monkeypatch.setattr(broken, name, how)
        world = live()
        play(world, story)
        world.settle()
        if not seeded:
            world.check()
            continue
        with pytest.raises(AssertionError):
            world.check()
