"""The corners of the desk: twice the same, too late, too many, and nobody there to hear."""

import asyncio
import json
from functools import partial
from typing import Any

import pytest

from backend.contract.events import Receipt
from desktop.core import trial
from desktop.core.feed import Feed
from desktop.core.inbox import Inbox
from desktop.core.notify import DND, Tell
from desktop.core.present import Case
from desktop.core.receipts import Receipts
from desktop.core.selection import MOST
from tests.support.fake_server import DANA, LEE
from tests.unit.desktop.memory_desk import Desk, claims, desk, hops, selected
from tests.unit.desktop.policy_desk import Desk as Policy
from tests.unit.desktop.samples import DANA as PERSON
from tests.unit.desktop.samples import ME, event, hello, person, row
from tests.unit.desktop.test_last_known import Memory


async def updated(one: Desk, made: str) -> None:
    """An event that lacks its row, from a server that is not quite right."""
    before = len([each for each in one.seen.marked("frame") if each["kind"] == "handoff.updated"])
    at = one.server.log[0]["at"]
    one.server.log.append({"kind": "handoff.updated", "at": at, "data": {"handoff_id": made}})
    one.server.wake()
    await one.seen.until(
        lambda: len([each for each in one.seen.marked("frame") if each["kind"] == "handoff.updated"]) > before
    )


async def test_an_event_that_lacks_its_row_has_the_queue_fetched_and_no_server_is_no_harm() -> None:
    async with desk() as one:
        await one.live()
        made = one.server.escalate()
        await one.seen.until(lambda: one.seen.rows() == [made])
        await updated(one, made)
        one.wire.away = True
        await updated(one, made)
        await asyncio.sleep(0.02)
        assert one.seen.rows() == [made]
        one.wire.away, one.wire.late = False, True
        one.server.handoffs[made]["status"] = "claimed"
        await updated(one, made)
        await asyncio.sleep(0.02)
        assert one.seen.rows() == [made], "an answer from before what is known already changes nothing"


async def test_a_queue_that_is_not_to_be_seen_is_not_kept() -> None:
    shelf = Memory()
    async with desk(shelf=shelf) as one:
        await one.live()
        one.server.users["dana"]["role"] = "technician"
        one.controller.woke_up()
        await one.seen.until(lambda: one.seen.state() == "role_changed")
        one.server.escalate()
        await one.seen.until(lambda: bool(one.seen.marked("frame")))
    assert shelf.kept is None


async def test_a_desk_that_nobody_watches_works_the_same() -> None:
    async with desk(watched=False) as one:
        await one.live()
        await one.wire.cut()
        one.controller.retry()
        await one.live(2)
        await one.wire.cut(4401)
        await one.seen.until(lambda: one.seen.state() == "signed_out")
        one.controller._following.link_signed_out()
        assert one.seen.marked("signed_out") == [{}]


async def test_a_stream_that_cannot_be_had_is_asked_for_again_and_again() -> None:
    async with desk() as one:
        one.wire.away = True
        await one.until(lambda: one.watcher.heard.count("unreachable") >= 1)
        for _ in range(3):
            one.controller.retry()
            await asyncio.sleep(0.01)
        one.wire.away = False
        one.controller.retry()
        await one.live()


async def test_what_was_claimed_on_another_computer_opens_here_and_goes_back_unseen() -> None:
    async with desk() as one:
        await one.live()
        assert one.controller.on_call
        first, second = one.server.escalate("First"), one.server.escalate("Second")
        await one.seen.until(lambda: len(one.seen.rows()) == 2)
        one.server.claim(first, DANA)
        await one.seen.until(lambda: len(one.seen.queue.claimed_recently) == 1)
        one.controller.open_session(first)
        await one.seen.until(lambda: len(one.seen.opened) == 1)
        await selected(one, second)
        one.controller.select(second)
        one.controller.hand_back(first, "Not mine")
        await one.until(lambda: one.server.handoffs[first]["status"] == "pending")
        one.controller.do_not_disturb("on")
        assert not one.controller.on_call


@pytest.mark.parametrize("what", ["withdrawn", "resolved", "reassigned"])
async def test_gone_under_the_users_eyes(what: str) -> None:
    async with desk() as one:
        await one.live()
        made = one.server.escalate()
        await one.seen.until(lambda: one.seen.rows() == [made])
        await selected(one, made)
        if what == "withdrawn":
            one.server.withdraw(made, "Found it.")
        elif what == "resolved":
            one.server.handoffs[made].update(status="resolved")
            one.server.append("handoff.resolved", made, actor=LEE)
        else:
            one.server.claim(made, LEE)
        await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.banner is not None)
        assert one.seen.detail is not None
        assert one.seen.detail.primary == "next"
        one.controller._claims.changed(_released(made), ME, selected=True)


def _released(made: str) -> Any:
    return Inbox().apply(event("handoff.delivery", row(made)), 0.0)


async def test_no_answer_for_a_press_in_the_window_is_said_there() -> None:
    async with desk() as one:
        one.controller._claims._flow._answer_within_s = 0.02
        await one.live()
        made = one.server.escalate()
        await one.seen.until(lambda: made in one.seen.toasts)
        gate = asyncio.Event()
        real = one.wire.claim

        async def slow(handoff_id: str) -> Any:
            await gate.wait()
            return await real(handoff_id)

        one.wire.claim = slow  # type: ignore[method-assign] # the answer takes its time
        one.controller.claim(made)
        await one.seen.until(lambda: claims(one) == ["unknown"])
        assert one.seen.toasts[made].variant == "new"
        assert one.controller.claiming
        gate.set()
        await one.seen.until(lambda: one.seen.opened)


async def test_what_is_remembered_of_claims_and_hand_offs_is_bounded() -> None:
    async with desk() as one:
        cases = one.controller._claims.cases
        cases["busy"] = Case(claiming=True)
        for number in range(150):
            one.controller._claims.failed(f"h{number}", "No.")
        assert "busy" in cases
        assert len(cases) == 101
        await one.live()
        for number in range(MOST + 2):
            made = one.server.escalate(f"Number {number}")
            await one.seen.until(partial(_draws, one, made))
            one.controller.select(made)
            await one.until(partial(_read, one, made))
        assert len(one.controller._selection.known) == MOST
        one.wire.away = True
        one.controller.retry_detail(made)
        await asyncio.sleep(0.02)
        assert one.controller._selection.error is None, "what is known stays to be read"
    one.controller.woke_up()


def _draws(one: Desk, made: str) -> bool:
    return made in one.seen.rows()


def _read(one: Desk, made: str) -> bool:
    found = one.controller._selection.handoff
    return found is not None and found.id == made


async def test_a_service_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "HOP_S", 0.3)
    async with desk() as one:
        await one.live()
        gate = asyncio.Event()

        async def never(_view: object) -> str:
            await gate.wait()
            return "system"

        one.seen.show = never  # type: ignore[method-assign, assignment] # a notification service that hangs
        assert [state for _, state in await hops(one)] == ["good", "good", "bad"]
        gate.set()


def test_a_place_in_the_log_that_stays_behind_asks_less_and_less_often() -> None:
    feed = Feed()
    assert feed.deadline is None
    feed.opened(0)
    feed.received(hello(epoch="e1", head=5), 0)
    feed.queue_loaded(5, 0)
    for at in (1, 2):
        feed.received(json.dumps({"type": "heartbeat", "head": 9}), at)
    assert feed.on_time(5.9) == []
    assert len(feed.on_time(6)) == 1
    feed.closed()
    assert feed.deadline is None


def test_a_receipt_that_was_confirmed_as_shown_stays_shown() -> None:
    receipts = Receipts()
    for state in ("shown", "suppressed"):
        receipts.heard(event("handoff.delivery", row("h1"), user=_me(), channel="desktop", state=state, rung=0), ME.id)
    assert not receipts.add(Receipt(handoff_id="h1", state="shown", rung=0))


def _me() -> dict[str, str]:
    return person(ME)  # type: ignore[arg-type] # a user is a person


def test_do_not_disturb_in_a_burst_holds_what_it_may_and_leaves_the_rest() -> None:
    policy = Policy()
    for number in range(4):
        policy.happens("handoff.created", row(f"h{number}"))
    policy.happens("handoff.created", row("h4", breaks_dnd=True))
    policy.happens("handoff.created", row("h5"))
    assert [alert.round.handoff_id for alert in policy.mute(DND) if isinstance(alert, Tell)] == ["h5"]
    policy.mute(None)
    mine = row("h9", status="claimed", holder=PERSON, to=[ME.id])
    policy.mute(DND)
    for _ in range(2):
        policy.happens("handoff.realerted", mine, cause="nudge")
    policy.settle(1)
    policy.settle(2)


def test_a_digest_of_what_nobody_may_claim_any_more_is_none() -> None:
    policy = Policy()
    for number in range(5):
        policy.happens("handoff.created", row(f"h{number}"))
    policy.notifier.me = type(ME)(id=ME.id, name=ME.name, email=ME.email, role="viewer")
    assert policy.on_time(10) == []
