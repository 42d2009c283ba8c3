"""Whatever the network does, the queue ends as the server's is, and nobody is alerted twice for one wait."""

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.contract.handoffs import QueueRow
from desktop.core.feed import Apply, CaughtUp, Effect, Feed, HangUp, Refetch, Send
from desktop.core.inbox import Inbox
from desktop.core.notify import Alert, Notifier, Show, Withdraw, may_claim
from tests.unit.desktop.samples import DANA, LEE, ME, MINA, T0, data, hello, person, row


@dataclass
class World:
    """A server's log and state, the wire, and a client of the real rules."""

    log: list[dict[str, Any]] = field(default_factory=list)
    state: dict[str, QueueRow] = field(default_factory=dict)
    waits: Counter[str] = field(default_factory=Counter)
    epoch: int = 1
    min_seq: int = 0
    now: float = 0.0
    wire: list[str] = field(default_factory=list)
    served: int | None = None
    linked: bool = False
    fetching: bool = False
    feed: Feed = field(default_factory=Feed)
    inbox: Inbox = field(default_factory=Inbox)
    notifier: Notifier = field(default_factory=Notifier)
    told: Counter[str] = field(default_factory=Counter)
    up: set[str] = field(default_factory=set)
    applied: list[tuple[int, int]] = field(default_factory=list)

    # the server

    def act(self, number: int, what: str) -> None:
        handoff_id = f"h{number}"
        known = self.state.get(handoff_id)
        match what:
            case "create" if known is None:
                by = DANA if number == 3 else MINA
                self._log("handoff.created", row(handoff_id, minute=number, by=by))
            case "claim" if known is not None and known.status == "pending":
                self._log("handoff.claimed", replace(known, status="claimed", claimed_by=LEE, claimed_at=T0))
            case "release" if known is not None and known.status == "claimed":
                freed = replace(known, status="pending", claimed_by=None, claimed_at=None)
                self._log("handoff.released", freed, actor=person(LEE), note="Not mine")
            case "withdraw" if known is not None and known.status == "pending":
                self._log("handoff.withdrawn", replace(known, status="withdrawn"), actor=person(MINA))
            case "update" if known is not None and known.status == "pending":
                self._log("handoff.updated", replace(known, priority="urgent"))

    def _log(self, kind: str, of: QueueRow, **extra: Any) -> None:
        was = self.state.get(of.id)
        if of.status == "pending" and (was is None or was.status != "pending"):
            self.waits[of.id] += 1
        self.state[of.id] = of
        self.log.append({"kind": kind, "data": data(of, **extra)})
        self._serve()

    def _serve(self) -> None:
        while self.linked and self.served is not None and self.served < len(self.log):
            entry = self.log[self.served]
            frame = {"type": "event", "seq": self.served + 1, "prev": self.served, "at": T0.isoformat()}
            self.wire.append(json.dumps({**frame, "replay": False, **entry}))
            self.served += 1

    def _hear(self, text: str) -> None:
        asked = json.loads(text)
        if asked["type"] != "resume":
            return
        if asked["epoch"] != f"e{self.epoch}" or not self.min_seq <= asked["after"] <= len(self.log):
            frame = {"type": "reset", "epoch": f"e{self.epoch}", "head": len(self.log), "reason": "trimmed"}
            self.wire.append(json.dumps(frame))
            self.served = None
            return
        self.served = asked["after"]
        self._serve()

    # the network

    def connect(self) -> None:
        self.disconnect()
        self.linked = True
        self.feed.opened(self.now)
        self.notifier.reconnecting()
        self.wire = [hello(epoch=f"e{self.epoch}", head=len(self.log))]

    def disconnect(self) -> None:
        self.feed.closed()
        self.linked = self.fetching = False
        self.served, self.wire = None, []

    def deliver(self, index: int = 0, *, keep: bool = False) -> None:
        """Bring one frame; any but the first is out of order, `keep` brings it twice."""
        if self.wire:
            place = index % len(self.wire)
            # A hello is the first frame of a connection on any network.
            place = 0 if '"hello"' in self.wire[0] else place
            frame = self.wire[place] if keep else self.wire.pop(place)
            self.carry_out(self.feed.received(frame, self.now))

    def lose(self) -> None:
        if self.wire and '"hello"' not in self.wire[0]:
            self.wire.pop(0)

    # the client

    def carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send():
                    self._hear(effect.text)
                case Apply():
                    self.applied.append((self.epoch, effect.event.seq))
                    change = self.inbox.apply(effect.event, self.now)
                    self._alert(self.notifier.changed(change, self.inbox.sorted(), self.now, T0))
                case CaughtUp():
                    self._alert(self.notifier.settled(self.inbox.sorted(), self.now, T0))
                case Refetch():
                    self.fetching = True
                case HangUp():
                    self.disconnect()
                    return
                case _:
                    self.notifier.me = ME

    def fetch(self) -> None:
        if self.fetching:
            self.fetching = False
            self.inbox.load(each for each in self.state.values() if each.status == "pending")
            self.carry_out(self.feed.queue_loaded(len(self.log), self.now))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        if self.linked:
            self.carry_out(self.feed.on_time(self.now))
        self._alert(self.notifier.on_time(self.inbox.sorted(), self.now, T0))

    def _alert(self, alerts: list[Alert]) -> None:
        for alert in alerts:
            if isinstance(alert, Show):
                self.up.add(alert.view.id)
                self.told.update(alert.tells)
            elif isinstance(alert, Withdraw):
                self.up.discard(alert.toast_id)

    def settle(self) -> None:
        """The network is good again: everything arrives, in order."""
        self.connect()
        for _ in range(40):
            while self.wire:
                self.deliver()
                self.fetch()
            self.pass_time(1)
        assert not self.wire


DEEDS = st.tuples(
    st.just("act"), st.integers(1, 4), st.sampled_from(["create", "claim", "release", "withdraw", "update"])
)
# Mostly frames that come, come twice or come in the wrong order; now and then the whole link goes.
NETWORK = st.sampled_from(
    [
        *[("deliver", index) for index in (0, 0, 0, 0, 1, 2)],
        *[("duplicate", index) for index in (0, 0, 1)],
        *[("fetch",)] * 2,
        *[("time", seconds) for seconds in (0.1, 1.0, 6.0)],
        ("lose",),
        ("connect",),
        ("disconnect",),
        ("trim",),
        ("epoch",),
    ]
)


def live() -> World:
    """A world in which the client has just come up to date."""
    world = World()
    world.connect()
    world.deliver()
    world.fetch()
    return world


def play(world: World, story: list[tuple[Any, ...]]) -> None:
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
            case ("trim",):
                world.min_seq = len(world.log)
            case ("epoch",):
                # A restored database: another log, the same handoffs; whoever is linked is cut off.
                world.epoch += 1
                world.disconnect()
            case (name,):
                getattr(world, name)()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(DEEDS, NETWORK), min_size=10, max_size=60))
def test_the_queue_ends_as_the_servers_and_nothing_is_toasted_twice_or_missed(story: list[tuple[Any, ...]]) -> None:
    world = live()
    play(world, story)
    world.settle()
    waiting = {each.id: each for each in world.state.values() if each.status == "pending"}
    assert world.inbox.waiting == waiting
    for handoff_id, times in world.told.items():
        assert times <= world.waits[handoff_id], handoff_id
    for each in waiting.values():
        assert (world.told[each.id] > 0) == may_claim(each, ME), each.id
    assert world.up - {"digest"} <= set(waiting)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(DEEDS, NETWORK), min_size=10, max_size=60))
def test_events_are_applied_in_order_and_once(story: list[tuple[Any, ...]]) -> None:
    world = live()
    play(world, story)
    assert world.applied == sorted(set(world.applied))
