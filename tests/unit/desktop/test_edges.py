"""The corners of the rules: answers that make no sense, things that come too late, and nothing at all."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from backend.contract.events import Event, Receipt
from backend.contract.people import Person
from desktop.core import claim, present, toasts, words
from desktop.core.claim import ClaimFlow, Failed, Gone, Lost, Offline, Outcome, Own, RoleGone, SignedOut, Won
from desktop.core.claims import outcome_name
from desktop.core.deck import Deck
from desktop.core.feed import Feed
from desktop.core.inbox import Left
from desktop.core.ports import NotAServerError, RefusedError, SignedOutError, UnreachableError
from desktop.core.present import Case
from desktop.core.receipts import Receipts
from desktop.core.roster import PAST_MOST, Roster
from desktop.core.running import Tasks
from desktop.core.tray import tray_view
from desktop.core.views import ConnectionView
from desktop.core.vitals import Vitals
from tests.unit.desktop.samples import DANA, LEE, ME, MINA, T0, claimed, handoff, hello, row
from tests.unit.desktop.test_claim import FakeApi, fail

LATER = T0 + timedelta(minutes=5)
WON = Won(handoff(row("h1", status="claimed", holder=DANA, claimed_at=LATER)), "u", "s")
OUTCOMES: list[tuple[Outcome, str, str]] = [
    (WON, "claimed", "Claimed, opening session"),
    (replace(WON, again=True), "claimed", "Claimed, opening session"),
    (Lost(LEE, T0), "lost", "Already claimed by Lee Park"),
    (Lost(None, None), "lost", "Already claimed by someone else."),
    (Gone("withdrawn", MINA, "Found it."), "withdrawn", "Withdrawn by Mina Okafor: “Found it.”"),
    (Gone(None, None, None), "withdrawn", "Not waiting any more"),
    (Own(), "own", present.OWN_TEXT),
    (Offline(None), "offline", "Not claimed: you are offline."),
    (Offline(T0), "offline", "Not claimed: you are offline. It was still waiting at"),
    (RoleGone(), "error", present.ROLE_TEXT),
    (SignedOut(), "error", present.SIGNED_OUT_TEXT),
    (Failed("No."), "error", "No."),
]


@pytest.mark.parametrize(("outcome", "kind", "said"), OUTCOMES)
def test_each_outcome_has_a_colour_a_sentence_and_a_way_on(outcome: Outcome, kind: str, said: str) -> None:
    view = present.row_view(row("h1"), ME, Case(outcome=outcome), None, LATER)
    assert present.outcome_kind(outcome) == kind
    assert present.outcome_text(outcome, LATER).startswith(said)
    shown = present.detail_view(view, None, None, Case(outcome=outcome), wall=LATER, stale=False)
    assert shown.banner is not None
    assert shown.banner.kind == kind
    ways = {Won: "open", Lost: "next", Gone: "next", RoleGone: "none", SignedOut: "sign_in"}
    assert shown.primary == ways.get(type(outcome), "claim")
    plain = type(outcome).__name__.lower()
    names = {RoleGone: {"role_gone"}, SignedOut: {"signed_out"}, Won: {"claimed", "already_yours"}}
    assert outcome_name(outcome) in names.get(type(outcome), {plain})


@pytest.mark.parametrize(
    ("kind", "who", "said"),
    [
        ("handoff.claimed", DANA, "Claimed by you"),
        ("handoff.reassigned", None, "Claimed by someone else"),
        ("handoff.resolved", LEE, "Resolved by Lee Park"),
        ("handoff.withdrawn", None, "Withdrawn"),
    ],
)
def test_a_row_that_leaves_says_why(kind: Any, who: Person | None, said: str) -> None:
    left = Left(row=row("h1"), kind=kind, who=who, at=LATER, note=None, until=1.0)
    view = present.row_view(row("h1"), ME, None, left, LATER)
    assert str(view.outcome).startswith(said)
    assert view.waited == timedelta(minutes=5)


def test_nothing_has_come_of_a_claim_that_has_only_begun() -> None:
    view = present.row_view(row("h1"), ME, Case(claiming=True), None, LATER)
    assert present.banner(Case(claiming=True), view, LATER) is None
    assert present.banner(replace_case(WON, trouble="It broke"), view, LATER) is not None
    first = handoff(row("h1", status="claimed", holder=DANA))
    said = present.banner(Case(outcome=Won(first, None, None)), view, LATER)
    assert said is not None
    assert said.text.startswith("Mina has been told.")


def replace_case(outcome: Outcome, **fields: Any) -> Case:
    return Case(outcome=outcome, **fields)


# -- a claim whose answer makes no sense ---------------------------------------------------------------------------


async def outcome_of(api: FakeApi, *, within: float = 5.0, unknown: Callable[[], None] = lambda: None) -> Outcome:
    return await ClaimFlow(api, answer_within_s=within).claim("h1", ME.id, unknown)


async def test_answers_that_nobody_foresaw() -> None:
    for error, kind in (
        (NotAServerError("a router"), Failed),
        (RefusedError(418, "teapot", "no"), Failed),
        (RefusedError(409, "reserved", "It is kept for Lee."), Failed),
        (RefusedError(404, "not_found", "no"), Gone),
        (RefusedError(409, "not_pending", "no"), Gone),
    ):
        away = fail(UnreachableError("away", sent=False))
        found = await outcome_of(FakeApi([fail(error)], [away]))  # type: ignore[list-item] # it only fails
        assert type(found) is kind


async def test_not_pending_because_somebody_holds_it_is_lost() -> None:
    theirs = handoff(row("h1", status="claimed", holder=LEE, claimed_at=T0))
    found = await outcome_of(FakeApi([fail(RefusedError(409, "not_pending", ""))], [read(theirs)]))
    assert found == Lost(LEE, T0)


async def test_the_truth_is_read_back_until_it_is_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "READ_BACK_FIRST_S", 0.01)
    broke = fail(UnreachableError("broke", sent=True))
    waits, mine = handoff(row("h1")), handoff(row("h1", status="claimed", holder=DANA))
    reads: list[tuple[Any, type]] = [
        ([fail(RefusedError(503, "x", "")), fail(NotAServerError("a router")), read(waits)], Failed),
        ([read(handoff(row("h1", status="claimed", holder=LEE)))], Lost),
        ([fail(SignedOutError())], SignedOut),
        ([fail(RefusedError(404, "not_found", ""))], Gone),
    ]
    for script, kind in reads:
        unknown: list[bool] = []
        found = await outcome_of(FakeApi([broke], script), unknown=partial(unknown.append, True))
        assert type(found) is kind
        assert unknown == [True]
    held = await outcome_of(FakeApi([broke, fail(UnreachableError("away", sent=False))], [read(mine)]))
    assert isinstance(held, Won)
    assert held.open_url is None


def read(of: Any) -> Any:
    async def give() -> Any:
        return of

    return give


async def test_an_answer_that_comes_while_the_truth_is_read_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "READ_BACK_FIRST_S", 0.05)
    gate = asyncio.Event()

    async def late() -> Any:
        await gate.wait()
        return claimed(row("h1", status="claimed", holder=DANA))

    async def look() -> Any:
        gate.set()
        return handoff(row("h1"))

    assert isinstance(await outcome_of(FakeApi([late], [look]), within=0.01), Won)


# -- what a server may say of a holder -----------------------------------------------------------------------------


@pytest.mark.parametrize("extra", [{}, {"claimed_by": "Lee", "claimed_at": 5}, {"claimed_at": "yesterday"}])
def test_a_holder_that_cannot_be_read_is_nobody(extra: dict[str, Any]) -> None:
    refused = RefusedError(409, "already_claimed", "", extra)
    assert (refused.claimed_by, refused.claimed_at) == (None, None)


# -- small things --------------------------------------------------------------------------------------------------


async def test_toasts_that_are_not_there() -> None:
    class Slow:
        def __init__(self) -> None:
            self.gate = asyncio.Event()
            self.log: list[str] = []

        async def show(self, view: Any) -> str:
            await self.gate.wait()
            self.log.append(view.title)
            return "system"

        async def withdraw(self, toast_id: str) -> None:
            self.log.append(f"no {toast_id}")

    class Silent:
        def mark(self, name: str, **fields: object) -> None: ...

    told: list[Receipt] = []
    slow = Slow()
    deck = Deck(slow, told.append, Silent())
    deck.renew("h1")
    deck.came_up("h1")
    deck.withdraw("h1")
    deck.show(toasts.new(row("h1", title="one")), ())
    await asyncio.sleep(0)
    deck.show(toasts.new(row("h1", title="two")), ())
    deck.show(toasts.new(row("h1", title="three")), ())
    slow.gate.set()
    async with asyncio.timeout(30):
        while len(slow.log) < 2:  # noqa: ASYNC110 - a plain list
            await asyncio.sleep(0.01)
    assert slow.log == ["one", "three"]
    deck.withdraw("h1")
    deck.closed("h1")
    await deck.stop()


def test_a_feed_that_was_never_asked_says_nothing_of_a_place() -> None:
    feed = Feed()
    feed.opened(0)
    feed.received(hello(epoch="e1", head=5), 0)
    assert feed.queue_loaded(5, 0)
    assert feed.on_time(1) == []
    feed.received(json.dumps({"type": "heartbeat", "head": 9}), 1)
    assert feed.on_time(2) == []
    assert len(feed.on_time(7)) == 1


def test_receipts_and_rows_are_bounded() -> None:
    receipts = Receipts(most=2)
    for number in range(4):
        receipts.add(Receipt(handoff_id=f"h{number}", state="shown", rung=0))
        receipts.beat()
        receipts.beat()
    assert receipts.add(Receipt(handoff_id="h0", state="shown", rung=0)), "long forgotten, so it is sent again"
    roster = Roster()
    for number in range(PAST_MOST + 1):
        roster.remember(row(f"h{number}"))
    assert roster.row("h0") is None
    assert roster.row(None) is None
    assert roster.row(f"h{PAST_MOST}") is not None


async def test_work_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        raise ValueError("no")

    tasks = Tasks()
    tasks.start(fails())
    await asyncio.sleep(0.01)
    await tasks.stop()
    assert "background work failed" in caplog.text


def test_before_anything_was_seen_there_is_nothing_to_tell() -> None:
    vitals = Vitals(lambda: 0.0, lambda: T0, lambda: None)
    assert vitals.connection == "None"
    vitals.state("connected")
    assert vitals.connection == "Live for 0 s"
    vitals.round_trip_s = 0.0004
    assert vitals.connection == "Live for 0 s, 1 ms"
    vitals.by_requests = True
    assert vitals.connection.endswith("by requests: something on the way refuses the event stream")
    assert words.first_name(" ") == " "


def test_an_icon_in_each_state_has_its_words() -> None:
    def said(state: Any, *, since: Any = None, waiting: Any = (), dnd: bool = False) -> str:
        view = ConnectionView(state=state, server="https://x", since=since, last_update=T0, retry_at=None)
        return tray_view(view, waiting, wall=LATER, next_row=None, dnd_on=dnd, dnd_until=None).tooltip

    assert said("offline") == "FlowPilot: offline. Will not claim while offline"
    assert said("offline", since=T0).startswith("FlowPilot: offline since")
    assert said("connected", dnd=True) == "FlowPilot: do not disturb. Nothing waiting"
    urgent = [row("h1", priority="urgent", customer=None)]
    assert said("connected", waiting=urgent) == "FlowPilot: 1 waiting, 1 urgent"


def test_a_system_notification_of_the_app_itself_has_no_priority() -> None:
    assert toasts.system_text(toasts.notice("A title", "A body")) == ("A title", "A body")
    bare = replace(toasts.new(row("h1")), priority=None, customer=None, from_name=None)
    assert toasts.system_text(bare)[0] == row("h1").title


def test_an_event_of_a_kind_without_a_row_changes_no_row() -> None:
    event = Event(seq=1, prev=0, kind="handoff.delivery", at=T0, replay=False, data={"handoff_id": "h1"})
    assert Roster().inbox.apply(event, 0.0).incomplete is False
