"""A model of a server, the wire and one client of the real rules, for stories in which everything goes wrong."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

from backend.contract.events import Receipt
from backend.contract.handoffs import QueueRow
from backend.contract.people import Person
from desktop.core import notify
from desktop.core.feed import Apply, Beat, CaughtUp, Effect, Feed, Greeted, HangUp, Refetch, Send
from desktop.core.frames import encode
from desktop.core.inbox import Inbox
from desktop.core.notify import Alert, Notifier, Show, Tell, Withdraw, may_claim
from desktop.core.receipts import Receipts
from desktop.core.rounds import Round
from tests.unit.desktop.samples import DANA, LEE, ME, MINA, T0, data, hello, person, row

RETURNS = T0.replace(hour=11, minute=12)


@dataclass
class World:
    """A server's log and state, the wire, and a client of the real rules."""

    log: list[dict[str, Any]] = field(default_factory=list)
    state: dict[str, QueueRow] = field(default_factory=dict)
    known: dict[Round, str] = field(default_factory=dict)
    began: dict[str, int] = field(default_factory=dict)
    mine: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    nudged: set[str] = field(default_factory=set)
    epoch: int = 1
    min_seq: int = 0
    now: float = 0.0
    wire: list[str] = field(default_factory=list)
    served: int | None = None
    linked: bool = False
    greeted: bool = False
    breaks: bool | None = None
    fetching: bool = False
    feed: Feed = field(default_factory=Feed)
    inbox: Inbox = field(default_factory=Inbox)
    notifier: Notifier = field(default_factory=Notifier)
    receipts: Receipts = field(default_factory=Receipts)
    covered: bool = False
    unseen: set[Round] = field(default_factory=set)
    seen: Counter[Round] = field(default_factory=Counter)
    up: set[str] = field(default_factory=set)
    applied: list[tuple[int, int]] = field(default_factory=list)

    # the server

    def act(self, number: int, what: str) -> None:
        handoff_id = f"h{number}"
        known = self.state.get(handoff_id)
        status = known.status if known is not None else None
        if known is None:
            if what in {"create", "create_for_lee"}:
                made = row(handoff_id, minute=number, by=DANA if number == 3 else MINA)
                self._log("handoff.created", replace(made, to=[LEE.id]) if what == "create_for_lee" else made)
        elif status == "pending":
            self._act_waiting(known, what)
        elif status == "claimed":
            self._act_claimed(known, what)

    def _act_waiting(self, known: QueueRow, what: str) -> None:
        match what:
            case "claim" | "claim_mine":
                self._claim(known, DANA if what == "claim_mine" and may_claim(known, ME) else LEE)
            case "withdraw":
                self._log("handoff.withdrawn", replace(known, status="withdrawn"), actor=person(MINA))
            case "update":
                self._log("handoff.updated", replace(known, priority="urgent", breaks_dnd=True))
            case "realert" | "realert_lee":
                to = [LEE.id] if what == "realert_lee" else [DANA.id, LEE.id]
                self._log("handoff.realerted", replace(known, rung=known.rung + 1, to=to), cause="step")

    def _act_claimed(self, known: QueueRow, what: str) -> None:
        anew = replace(known, rung=known.rung + 1, to=None)
        free = replace(anew, status="pending", claimed_by=None, claimed_at=None)
        match what:
            case "release":
                self._log("handoff.released", free, actor=person(LEE), note="Not mine")
            case "idle":
                self._log("handoff.released", free, actor=None, note="No first action in 30 min")
            case "nudge":
                self.nudged.add(known.id)
                told = replace(anew, to=[known.claimed_by.id] if known.claimed_by else [])
                self._log("handoff.realerted", told, cause="nudge", returns_at=RETURNS.isoformat())
            case "first_step":
                self.nudged.discard(known.id)
                self._log("handoff.updated", known, first_action_kind="message")

    def _claim(self, known: QueueRow, by: Person) -> None:
        self._log("handoff.claimed", replace(known, status="claimed", claimed_by=by, claimed_at=T0))

    def _log(self, kind: str, of: QueueRow, **extra: Any) -> None:
        was = self.state.get(of.id)
        if of.status == "pending" and (was is None or was.status != "pending"):
            self.began[of.id] = of.rung
        if (was is None or of.rung > was.rung) and (of.to is None or ME.id in of.to):
            self.mine[of.id].append(of.rung)
        if of.status != "claimed" or kind in {"handoff.claimed", "handoff.released"}:
            self.nudged.discard(of.id)
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
        if asked["type"] == "receipt":
            self._take(Round(asked["handoff_id"], asked["rung"]), asked["state"])
        if asked["type"] != "resume":
            return
        if asked["epoch"] != f"e{self.epoch}" or not self.min_seq <= asked["after"] <= len(self.log):
            frame = {"type": "reset", "epoch": f"e{self.epoch}", "head": len(self.log), "reason": "trimmed"}
            self.wire.append(json.dumps(frame))
            self.served = None
            return
        self.served = asked["after"]
        self._serve()

    def _take(self, of: Round, state: str) -> None:
        """A receipt: a record only goes forward, and only what is new comes into the log."""
        if self.known.get(of) in {"shown", state}:
            return
        self.known[of] = state
        told = {"handoff_id": of.handoff_id, "session_id": "s", "user": person(DANA), "channel": "desktop"}
        self.log.append({"kind": "handoff.delivery", "data": {**told, "state": state, "rung": of.rung}})
        self._serve()

    # the network

    def connect(self) -> None:
        self.disconnect()
        self.linked = True
        self.feed.opened(self.now)
        self.wire = [hello(epoch=f"e{self.epoch}", head=len(self.log))]

    def disconnect(self) -> None:
        self.feed.closed()
        self.linked = self.greeted = self.fetching = False
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

    def beat(self) -> None:
        if self.linked:
            self.wire.append(json.dumps({"type": "heartbeat", "head": len(self.log)}))

    # the client

    def carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            if not self.linked:
                return
            match effect:
                case Send():
                    self._hear(effect.text)
                case Apply():
                    self._apply(effect)
                case CaughtUp():
                    self._alert(self.notifier.settled(self.inbox.sorted(), self.now, T0))
                case Beat():
                    self.receipts.beat()
                case Refetch():
                    self.receipts.log_is(self.feed.epoch)
                    self.fetching = True
                case HangUp():
                    self.disconnect()
                case Greeted():
                    self._greet()

    def _greet(self) -> None:
        self.greeted = True
        self.notifier.me = ME
        self.notifier.reconnecting()
        self.receipts.greeted()
        for receipt in self.receipts.unconfirmed:
            self._send(receipt)

    def _apply(self, effect: Apply) -> None:
        self.applied.append((self.epoch, effect.event.seq))
        self.receipts.heard(effect.event, ME.id)
        change = self.inbox.apply(effect.event, self.now)
        if effect.event.kind != "handoff.delivery":
            self._alert(self.notifier.changed(change, self.inbox.sorted(), self.now, T0))

    def fetch(self) -> None:
        if self.fetching:
            self.fetching = False
            waiting = [each for each in self.state.values() if each.status == "pending"]
            self.inbox.load(waiting)
            self._alert(self.notifier.reloaded())
            self.carry_out(self.feed.queue_loaded(len(self.log), self.now))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        if self.linked:
            self.carry_out(self.feed.on_time(self.now))
        self._alert(self.notifier.on_time(self.inbox.sorted(), self.now, T0))

    def dnd(self, *, on: bool) -> None:
        if on != (self.notifier.muted is not None):
            reason = "do not disturb" if on else None
            self._alert(self.notifier.mute(reason, self.inbox.sorted(), self.now, T0))

    def cover(self, *, on: bool) -> None:
        """The screen is locked, or not any more."""
        self.covered = on
        if not on and self.unseen:
            unseen, self.unseen = self.unseen, set()
            self._alert(self.notifier.unseen(unseen, self.inbox.sorted(), self.now, T0))

    def close(self, number: int) -> None:
        if f"h{number}" in self.up:
            self.up.discard(f"h{number}")
            self.notifier.closed(f"h{number}")

    def _alert(self, alerts: list[Alert]) -> None:
        for alert in alerts:
            match alert:
                case Show():
                    self.up.add(alert.view.id)
                    for each in alert.tells:
                        self._put_up(each)
                case Withdraw():
                    self.up.discard(alert.toast_id)
                case Tell():
                    self._tell(Receipt(handoff_id=alert.round.handoff_id, state=alert.state, rung=alert.round.rung))

    def _put_up(self, of: Round) -> None:
        if self.covered:
            self.unseen.add(of)
        else:
            self.seen[of] += 1
        state = "suppressed" if self.covered else "shown"
        self._tell(Receipt(handoff_id=of.handoff_id, state=state, rung=of.rung))  # type: ignore[arg-type] # two of them

    def _tell(self, receipt: Receipt) -> None:
        if self.receipts.add(receipt):
            self._send(receipt)

    def _send(self, receipt: Receipt) -> None:
        if not self.greeted:
            return
        breaks, self.breaks = self.breaks, None
        if breaks is not False:
            self._hear(encode(receipt))
        if breaks is not None:
            self.disconnect()

    # the end

    def settle(self) -> None:
        """The network is good again and somebody looks: everything arrives, in order."""
        self.breaks = None
        self.dnd(on=False)
        self.cover(on=False)
        self.connect()
        for _ in range(40):
            self._drain()
            self.pass_time(1)
        for _ in range(3):
            self.beat()
            self._drain()
        assert not self.wire

    def _drain(self) -> None:
        while self.wire:
            self.deliver()
            self.fetch()

    def check(self) -> None:
        """What must hold once everything has arrived."""
        waiting = {each.id: each for each in self.state.values() if each.status == "pending"}
        assert self.inbox.waiting == waiting
        for seen, times in self.seen.items():
            assert times == 1, f"alerted {times} times: {seen}"
            self._check_mine(seen)
        for each in waiting.values():
            shown = [of.rung for of, state in self.known.items() if of.handoff_id == each.id and state == "shown"]
            if not may_claim(each, ME):
                assert not shown, f"{each.id} was never theirs to claim"
            elif notify.is_told(each, ME):
                assert max(shown, default=-1) == each.rung, f"the server does not know of {each.id}'s last round"
            told = [of for of in self.seen if of.handoff_id == each.id and of.rung >= self.began[each.id]]
            assert all(self.known.get(of) == "shown" for of in told), f"a receipt was lost: {told}"
        assert self.receipts.unconfirmed == (), "nothing is asked again for ever"
        ours = {each for each in self.nudged if (held := self.state[each].claimed_by) and held.id == ME.id}
        assert self.up - {"digest"} <= set(waiting) | ours

    def _check_mine(self, of: Round) -> None:
        """A round for others is shown only where an earlier one was owed still."""
        if of.rung in self.mine[of.handoff_id]:
            return
        earlier = [rung for rung in self.mine[of.handoff_id] if rung < of.rung]
        assert earlier, f"{of} was for others"
        assert Round(of.handoff_id, earlier[-1]) not in self.seen, f"{of} was for others"
