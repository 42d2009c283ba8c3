"""What was shown is known to the server in the end, wherever the link breaks; else who saw it gets an email too."""

import asyncio
import json
from datetime import datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.contract.events import Event, Receipt
from backend.contract.handoffs import QueuePage, QueueRow
from backend.contract.people import UserView
from backend.contract.vocabulary import ReceiptState
from desktop.core.link import Link
from desktop.core.ports import SocketClosedError
from desktop.core.receipts import Receipts
from tests.unit.desktop.samples import LEE, ME, T0, event, hello, person, row

MINE = {"id": ME.id, "name": ME.name}
Told = tuple[int, int, ReceiptState]


class Server:
    """A log, the receipts it has got, and links that break after so many frames; then one that holds."""

    def __init__(self, breaks: list[tuple[int, bool]]) -> None:
        self.breaks = breaks
        self.log: list[dict[str, Any]] = []
        self.states: dict[tuple[str, int], str] = {}
        self.repeats = 0
        self.changed = asyncio.Condition()

    async def connect(self) -> "Wire":
        frames, taken = self.breaks.pop(0) if self.breaks else (-1, True)
        return Wire(self, frames, taken=taken)

    async def queue(self) -> QueuePage:
        return QueuePage(items=[row(f"h{n}") for n in range(9)], next_cursor=None, seq=0)

    async def take(self, frame: dict[str, Any]) -> None:
        handoff_id, rung, state = frame["handoff_id"], frame["rung"], frame["state"]
        if self.states.get((handoff_id, rung)) in {"shown", state}:
            self.repeats += 1
            return
        self.states[handoff_id, rung] = state
        data = {"handoff_id": handoff_id, "session_id": "s", "user": MINE, "channel": "desktop", "state": state}
        data["rung"] = rung
        self.log.append({"kind": "handoff.delivery", "data": data})
        async with self.changed:
            self.changed.notify_all()


class Wire:
    """One connection. It breaks with its n-th frame, in either direction; `taken`: that one still arrived."""

    def __init__(self, server: Server, frames: int, *, taken: bool) -> None:
        self.server = server
        self.left = frames
        self.taken = taken
        self.greeted = False
        self.served: int | None = None
        self.over = asyncio.Event()

    async def send(self, text: str) -> None:
        broken = self._count()
        if broken and not self.taken:
            raise self._gone()
        frame = json.loads(text)
        if frame["type"] == "resume":
            self.served = frame["after"]
            async with self.server.changed:
                self.server.changed.notify_all()
        elif frame["type"] == "receipt":
            await self.server.take(frame)
        if broken:
            # As TCP has it: this end learns of it with the next frame only.
            self.over.set()

    async def receive(self) -> str:
        if not self.greeted:
            self.greeted = True
            return self._frame(hello(head=len(self.server.log)))
        waits = [asyncio.ensure_future(self.over.wait()), asyncio.ensure_future(self._news())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        if self.over.is_set():
            raise self._gone()
        assert self.served is not None
        entry = self.server.log[self.served]
        self.served += 1
        frame = {"type": "event", "seq": self.served, "prev": self.served - 1, "at": T0.isoformat(), "replay": False}
        return self._frame(json.dumps({**frame, **entry}))

    async def echo(self) -> float:
        return 0.0

    async def close(self) -> None:
        self.over.set()

    async def _news(self) -> None:
        async with self.server.changed:
            await self.server.changed.wait_for(lambda: self.served is not None and self.served < len(self.server.log))

    def _frame(self, text: str) -> str:
        if self._count():
            raise self._gone()
        return text

    def _count(self) -> bool:
        if self.over.is_set():
            raise self._gone()
        self.left -= 1
        return self.left == 0

    def _gone(self) -> SocketClosedError:
        self.over.set()
        return SocketClosedError(1006, "the link broke", 0.0)


class Listener:
    """Hears everything and needs nothing."""

    def link_up(self, user: UserView, server_time: datetime) -> None: ...
    def link_live(self) -> None: ...
    def link_down(self, reason: str, retry_in_s: float | None) -> None: ...
    def link_event(self, event: Event) -> None: ...
    def link_queue(self, page: QueuePage) -> None: ...
    def link_signed_out(self) -> None: ...
    def link_not_allowed(self) -> None: ...


class LoopClock:
    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def elapsed(self) -> float:
        return self.monotonic()

    def now(self) -> datetime:
        return T0


async def _play(breaks: list[tuple[int, bool]], told: list[Told], pauses: list[int]) -> Server:
    server = Server(list(breaks))
    receipts = Receipts()
    link = Link(server, server.queue, Listener(), LoopClock(), receipts=receipts)
    running = asyncio.create_task(link.run())
    try:
        for number, (which, rung, state) in enumerate(told):
            for _ in range(pauses[number % len(pauses)]):
                await asyncio.sleep(0)
            link.tell(Receipt(handoff_id=f"h{which}", state=state, rung=rung))
        wanted = _wanted(told)
        async with asyncio.timeout(30), server.changed:
            await server.changed.wait_for(lambda: server.states == wanted)
        # Once every link is good and the log has been read, nothing is left to be sent again.
        async with asyncio.timeout(30):
            while receipts.unconfirmed:  # noqa: ASYNC110 - the last echo is on its way; nothing announces its arrival
                await asyncio.sleep(0)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return server


def _wanted(told: list[Told]) -> dict[tuple[str, int], str]:
    wanted: dict[tuple[str, int], str] = {}
    for which, rung, state in told:
        if wanted.get((f"h{which}", rung)) != "shown":
            wanted[f"h{which}", rung] = state
    return wanted


STATES = st.sampled_from(["shown", "suppressed", "failed"])


@settings(max_examples=100)
@given(
    breaks=st.lists(st.tuples(st.integers(1, 8), st.booleans()), max_size=6),
    told=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), STATES), min_size=1, max_size=8),
    pauses=st.lists(st.integers(0, 6), min_size=1, max_size=4),
)
def test_every_receipt_arrives_though_the_link_breaks_at_any_frame(
    breaks: list[tuple[int, bool]], told: list[Told], pauses: list[int]
) -> None:
    asyncio.run(_play(breaks, told, pauses))


def _shown(handoff_id: str = "h1", state: ReceiptState = "shown", rung: int = 0) -> Receipt:
    return Receipt(handoff_id=handoff_id, state=state, rung=rung)


def _echo(
    of: QueueRow, *, user: dict[str, str] = MINE, channel: str = "desktop", state: str = "shown", rung: int = 0
) -> Event:
    return event("handoff.delivery", of, user=user, channel=channel, state=state, rung=rung)


def test_only_the_own_echo_of_that_state_and_round_on_the_desktop_confirms() -> None:
    receipts = Receipts()
    receipts.add(_shown(rung=1))
    for other in (
        _echo(row("h2"), rung=1),
        _echo(row("h1"), rung=0),
        _echo(row("h1"), rung=2),
        _echo(row("h1"), rung=1, user=person(LEE)),
        _echo(row("h1"), rung=1, channel="web"),
        _echo(row("h1"), rung=1, state="suppressed"),
        event("handoff.updated", row("h1", rung=1)),
    ):
        receipts.heard(other, ME.id)
        assert [*receipts.unconfirmed] == [_shown(rung=1)]
    receipts.heard(_echo(row("h1"), rung=1), ME.id)
    assert [*receipts.unconfirmed] == []


def test_each_round_has_a_receipt_of_its_own_and_an_older_one_is_still_sent() -> None:
    receipts = Receipts()
    assert receipts.add(_shown(rung=0))
    assert receipts.add(_shown(rung=1))
    assert [*receipts.unconfirmed] == [_shown(rung=0), _shown(rung=1)]
    receipts.heard(_echo(row("h1"), rung=1), ME.id)
    assert [*receipts.unconfirmed] == [_shown(rung=0)]
    assert not receipts.add(_shown(rung=1)), "the server has that one"
    assert receipts.add(_shown(rung=2))


def test_a_handoff_that_waits_no_more_needs_no_receipt() -> None:
    receipts = Receipts()
    for handoff_id in ("h1", "h2"):
        for rung in (0, 1):
            receipts.add(_shown(handoff_id, rung=rung))
    receipts.heard(event("handoff.claimed", row("h1", status="claimed", holder=LEE)), ME.id)
    assert [*receipts.unconfirmed] == [_shown("h2", rung=0), _shown("h2", rung=1)]


def test_what_was_shown_is_not_taken_back_by_a_later_silence() -> None:
    receipts = Receipts()
    receipts.add(_shown())
    assert not receipts.add(_shown(state="suppressed"))
    assert [*receipts.unconfirmed] == [_shown()]


def test_an_alert_that_was_unseen_first_is_told_as_shown_afterwards() -> None:
    receipts = Receipts()
    receipts.add(_shown(state="suppressed"))
    receipts.heard(_echo(row("h1"), state="suppressed"), ME.id)
    assert receipts.add(_shown())
    assert [*receipts.unconfirmed] == [_shown()]


def test_the_oldest_are_let_go_beyond_the_bound() -> None:
    receipts = Receipts(most=3)
    for number in range(5):
        receipts.add(_shown(f"h{number}"))
    assert [receipt.handoff_id for receipt in receipts.unconfirmed] == ["h2", "h3", "h4"]


def test_a_connection_that_lives_on_settles_what_has_no_echo() -> None:
    receipts = Receipts()
    receipts.add(_shown())
    receipts.beat()
    receipts.greeted()
    receipts.beat()
    assert [*receipts.unconfirmed] == [_shown()], "two heartbeats of one connection, not of two"
    receipts.beat()
    assert [*receipts.unconfirmed] == []
    assert not receipts.add(_shown()), "and it is not asked for again"


def test_a_restored_database_is_told_of_its_own_rounds() -> None:
    receipts = Receipts()
    receipts.log_is("e1")
    receipts.add(_shown(rung=3))
    receipts.heard(_echo(row("h1"), rung=3), ME.id)
    receipts.log_is("e1")
    assert not receipts.add(_shown(rung=3))
    receipts.log_is("e2")
    assert receipts.add(_shown(rung=3))


async def test_an_echo_that_a_reset_skipped_ends_after_two_heartbeats() -> None:
    """The server has the receipt, but its echo lies before the position from which the client goes on."""
    told: list[dict[str, Any]] = []
    frames: asyncio.Queue[str] = asyncio.Queue()

    class Line:
        async def send(self, text: str) -> None:
            told.append(json.loads(text))
            answered.set()

        async def receive(self) -> str:
            return await frames.get()

        async def echo(self) -> float:
            return 0.0

        async def close(self) -> None: ...

    class Lines:
        async def connect(self) -> Line:
            return Line()

    async def queue() -> QueuePage:
        return QueuePage(items=[row("h1", rung=1)], next_cursor=None, seq=7)

    answered = asyncio.Event()
    receipts = Receipts()
    link = Link(Lines(), queue, Listener(), LoopClock(), receipts=receipts)
    link.tell(_shown(rung=1))
    running = asyncio.create_task(link.run())
    try:
        frames.put_nowait(hello(head=7))
        async with asyncio.timeout(30):
            while [frame["type"] for frame in told] != ["receipt", "resume"]:
                answered.clear()
                await answered.wait()
            for beats in (1, 0):
                frames.put_nowait(json.dumps({"type": "heartbeat", "head": 7}))
                while len(receipts.unconfirmed) != beats:  # noqa: ASYNC110 - nothing announces what is kept
                    await asyncio.sleep(0)
        link.tell(_shown(rung=1))
        await asyncio.sleep(0)
        assert [frame["type"] for frame in told] == ["receipt", "resume"]
        assert told[0]["rung"] == 1
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
