"""The rules together, on one desk: what the server and the user do, and what is drawn, told and claimed."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from desktop.core import claim, link, trial
from desktop.core.alerting import Alerting
from desktop.core.ports import (
    CertificateError,
    NotAServerError,
    RefusedError,
    SignedOutError,
    SocketClosedError,
    UnreachableError,
)
from desktop.core.views import ProbeStep
from tests.support.fake_server import DANA, LEE, MINA
from tests.unit.desktop.memory_desk import Desk, desk
from tests.unit.desktop.test_last_known import KEPT, Memory


class Noise:
    """A player."""

    def __init__(self, *, plays: bool = True) -> None:
        self.plays = plays
        self.rung: list[int] = []

    def ring(self, notes: int) -> None:
        self.rung.append(notes)


def claims(one: Desk) -> list[object]:
    return [mark["outcome"] for mark in one.seen.marked("claim")]


async def selected(one: Desk, handoff_id: str) -> None:
    one.controller.select(handoff_id)
    await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.handoff is not None)


# -- what arrives --------------------------------------------------------------------------------------------------


async def test_an_escalation_is_drawn_told_and_heard() -> None:
    noise = Noise()
    async with desk(sounds=noise) as one:
        await one.live()
        assert one.controller.me is not None
        assert one.watcher.heard == ["signed in"]
        made = one.server.escalate(priority="urgent", need="A second pair of eyes", reason="The firewall says no")
        await one.seen.until(lambda: made in one.seen.toasts)
        await one.until(lambda: one.server.receipts() == [(made, "shown")])
        assert noise.rung == [3]
        await one.seen.until(lambda: one.seen.state() == "connected")
        assert one.controller.connection_words == "Connected"
        assert "Live for" in one.controller.vitals.connection
        assert "shown" in one.controller.vitals.delivery
        assert one.controller.vitals.live
        assert one.controller.vitals.history[-1].endswith("Live")
        assert {"The firewall says no", "A second pair of eyes", MINA["name"]} <= set(one.controller.private)


async def test_a_row_that_was_shown_leaving_is_gone_after_a_moment() -> None:
    async with desk() as one:
        await one.live()
        made = one.server.escalate()
        await one.seen.until(lambda: one.seen.rows() == [made])
        one.server.claim(made, LEE)
        await one.seen.until(lambda: bool(one.seen.queue.rows) and one.seen.queue.rows[0].outcome is not None)
        assert one.seen.queue.rows[0].outcome_kind == "lost"
        await one.seen.until(lambda: one.seen.rows() == [])
        assert [each.claimer for each in one.seen.queue.claimed_recently] == ["Lee Park"]


async def test_an_event_that_lacks_its_row_fetches_the_queue() -> None:
    async with desk() as one:
        await one.live()
        made = one.server.escalate()
        await one.seen.until(lambda: one.seen.rows() == [made])
        one.server.log.append({"kind": "handoff.updated", "at": KEPT.as_of.isoformat(), "data": {"handoff_id": made}})
        one.server.wake()
        await one.seen.until(lambda: len(one.seen.marked("frame")) >= 2)
        one.wire.away = True
        one.server.log.append({"kind": "handoff.updated", "at": KEPT.as_of.isoformat(), "data": {"handoff_id": made}})
        one.server.wake()
        await one.seen.until(lambda: len(one.seen.marked("frame")) >= 3)
        await asyncio.sleep(0.01)
        assert one.seen.rows() == [made]


async def test_a_queue_that_cannot_be_fetched_is_asked_for_on_the_next_stream() -> None:
    async with desk() as one:
        one.wire.error = RefusedError(500, "internal_error", "no")
        made = one.server.escalate()
        await one.until(lambda: "unreachable" in one.watcher.heard)
        one.wire.error = None
        one.controller.retry()
        await one.seen.until(lambda: one.seen.rows() == [made])


# -- the way there -------------------------------------------------------------------------------------------------


async def test_one_attempt_at_once_when_the_computer_wakes_up_or_a_network_comes() -> None:
    async with desk() as one:
        await one.live()
        one.controller.network_changed()
        one.controller.retry()
        await asyncio.sleep(0.01)
        assert len(one.seen.marked("live")) == 1, "an open stream is left alone"
        one.controller.woke_up()
        await one.live(2)
        one.wire.away = True
        await one.wire.cut()
        await one.seen.until(lambda: one.seen.state() == "reconnecting")
        one.wire.away = False
        one.controller.network_changed()
        await one.live(3)


async def test_an_attempt_that_hangs_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "FRESH_S", 0.0)
    async with desk() as one:
        await one.live()
        answers = iter([asyncio.Event(), None])
        real = one.wire.connect

        async def connect() -> Any:
            if (gate := next(answers, None)) is not None:
                await gate.wait()
            return await real()

        one.wire.connect = connect  # type: ignore[method-assign] # the first attempt after the sleep never ends
        one.controller.woke_up()
        await asyncio.sleep(0.02)
        one.controller.network_changed()
        await one.live(2)


@pytest.mark.parametrize(
    "why",
    [
        UnreachableError("no way", sent=False),
        CertificateError("self-signed certificate"),
        NotAServerError("a router"),
        SocketClosedError(1012, "restarting", 0.01),
        SocketClosedError(4429, "too many"),
    ],
)
async def test_whatever_keeps_the_stream_away_it_is_tried_again(why: Any) -> None:
    async with desk() as one:
        await one.live()
        one.wire.lost = why
        await one.wire.cut()
        await one.seen.until(lambda: one.seen.state() == "reconnecting")
        one.wire.lost = None
        one.controller.retry()
        await one.live(2)


async def test_a_planned_restart_is_heard_and_a_silly_frame_ends_the_stream() -> None:
    async with desk() as one:
        await one.live()
        assert one.wire.open is not None
        await one.wire.open.send_text('{"type":"bye","retry_after_ms":5}')
        await one.live(2)
        assert one.wire.open is not None
        await one.wire.open.send_text("no frame at all")
        one.controller.retry()
        await one.seen.until(lambda: one.seen.state() != "connected")
        one.controller.retry()
        await one.live(3)


async def test_a_sign_in_that_ends_is_said_once_and_hides_all() -> None:
    shelf = Memory()
    async with desk(shelf=shelf) as one:
        await one.live()
        made = one.server.escalate()
        await one.seen.until(lambda: made in one.seen.toasts)
        await one.wire.cut(4401)
        await one.seen.until(lambda: one.seen.state() == "signed_out")
        assert one.watcher.heard.count("refused") == 1
        assert (one.seen.rows(), shelf.wiped) == ([], 1)
        await one.seen.until(lambda: not one.seen.toasts)
        one.controller.retry()
        one.controller.toast_pressed("notice", "open_queue")
        assert one.seen.sign_in_asked == 2
        one.controller.network_changed()
        one.controller.claim(made)
        assert one.seen.raised == 0 or not claims(one)


async def test_a_token_that_nobody_knows_and_no_token_at_all() -> None:
    async with desk(token="nobody") as one:
        await one.seen.until(lambda: hasattr(one.seen.queue, "connection") and one.seen.state() == "signed_out")
        assert one.watcher.heard == ["refused"]
    shelf = Memory(KEPT)
    async with desk(signed_in=False, shelf=shelf) as one:
        assert one.seen.state() == "signed_out"
        assert shelf.kept is None
        assert one.controller.me is None


@pytest.mark.parametrize("code", [4403, 4401])
async def test_a_call_that_finds_the_sign_in_ended_says_so_too(code: int) -> None:
    async with desk() as one:
        await one.live()
        made = one.server.escalate()
        await one.seen.until(lambda: one.seen.rows() == [made])
        one.wire.error = SignedOutError()
        if code == 4401:
            one.controller.select(made)
        else:
            one.controller.claim(made)
        await one.seen.until(lambda: one.seen.state() == "signed_out")


async def test_a_role_that_goes_and_comes_back() -> None:
    async with desk() as one:
        await one.live()
        made = one.server.escalate()
        await one.seen.until(lambda: made in one.seen.toasts)
        one.server.users["dana"]["role"] = "technician"
        one.controller.claim(made)
        await one.seen.until(lambda: one.seen.state() == "role_changed")
        one.controller.woke_up()
        await one.live(2)
        assert one.seen.state() == "role_changed"
        assert one.seen.rows() == []
        one.server.users["dana"]["role"] = "engineer"
        one.controller.woke_up()
        await one.live(3)
        await one.seen.until(lambda: one.seen.state() == "connected" and one.seen.rows() == [made])
        one.server.users["dana"]["role"] = "viewer"
        one.controller.woke_up()
        await one.seen.until(lambda: one.seen.state() == "role_changed")
    async with desk() as one:
        await one.live()
        await one.wire.cut(4403)
        await one.seen.until(lambda: one.seen.state() == "role_changed")


async def test_the_clock_on_the_wall_may_jump_and_nothing_else_does() -> None:
    async with desk() as one:
        await one.live()
        before = one.controller._time.wall()
        one.clock.now = lambda: KEPT.as_of  # type: ignore[method-assign] # somebody sets it back by days
        assert abs(one.controller._time.wall() - before) < timedelta(seconds=5)
        assert one.controller._time.offset > timedelta(days=1)
        one.clock.ahead += 3600
        assert one.controller._time.wall() - before > timedelta(minutes=59)


# -- what the user does --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["toast", "window", "menu"])
async def test_a_claim_that_wins_opens_the_session_and_can_be_handed_back(origin: Any) -> None:
    async with desk() as one:
        await one.live()
        made = one.server.escalate()
        await one.seen.until(lambda: made in one.seen.toasts)
        await selected(one, made)
        if origin == "toast":
            one.controller.toast_pressed(made, "claim")
            one.controller.toast_pressed(made, "claim")
        else:
            one.controller.claim(made, origin)
        await one.seen.until(lambda: one.seen.opened)
        assert claims(one) == ["claimed"]
        await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.can_hand_back)
        one.controller.open_session(made)
        await one.seen.until(lambda: len(one.seen.opened) == 2)
        one.controller.copy_link(made)
        assert one.seen.copied == [f"{one.server.url}/pilot/s-1"]
        one.wire.away = True
        one.controller.open_session(made)
        one.controller.hand_back(made, "Not mine")
        await one.seen.until(lambda: len(one.seen.opened) == 3)
        await one.seen.until(
            lambda: (
                one.seen.detail is not None
                and one.seen.detail.banner is not None
                and one.seen.detail.banner.kind == "error"
            )
        )
        one.wire.away = False
        one.controller.hand_back(made, "Not mine")
        await one.until(lambda: one.server.handoffs[made]["status"] == "pending")


async def test_no_browser_and_a_handing_back_of_what_is_not_ours() -> None:
    async with desk() as one:
        await one.live()
        one.seen.browser_works = False
        made = one.server.escalate()
        await one.seen.until(lambda: made in one.seen.toasts)
        await selected(one, made)
        one.controller.claim(made)
        await one.seen.until(lambda: claims(one) == ["claimed"])
        await one.seen.until(
            lambda: (
                one.seen.detail is not None
                and one.seen.detail.banner is not None
                and "No browser opened" in one.seen.detail.banner.text
            )
        )
        other = one.server.escalate()
        await one.seen.until(lambda: other in one.seen.rows())
        await selected(one, other)
        one.wire.error = RefusedError(409, "claim_lost", "no")
        one.controller.hand_back(other, "why")
        await one.seen.until(
            lambda: (
                one.seen.detail is not None
                and one.seen.detail.banner is not None
                and one.seen.detail.banner.kind == "error"
            )
        )


@pytest.mark.parametrize("origin", ["toast", "window"])
async def test_claims_that_are_lost_gone_or_not_for_us(origin: Any) -> None:
    async with desk() as one:
        await one.live()
        ids = [one.server.escalate(f"Number {n}") for n in range(3)]
        own = one.server.escalate("Mine", handed_off_by=DANA)
        await one.seen.until(lambda: set(one.seen.rows()) == {*ids, own})
        for made in ids:
            await selected(one, made)
        lost, withdrawn, resolved = ids
        one.server.handoffs[lost].update(status="claimed", claimed_by=LEE, claimed_at=KEPT.as_of.isoformat())
        one.server.handoffs[withdrawn].update(status="withdrawn")
        one.server.handoffs[resolved].update(status="resolved")
        one.server.handoffs[withdrawn]["timeline"].append(
            {"at": KEPT.as_of.isoformat(), "kind": "withdrawn", "actor": MINA, "detail": "Found it."}
        )
        for made in (lost, withdrawn, resolved, own):
            one.controller.claim(made, origin)
        await one.seen.until(lambda: len(claims(one)) == 4)
        assert sorted(map(str, claims(one))) == ["gone", "gone", "lost", "own"]
        if origin == "toast":
            await one.seen.until(lambda: one.seen.toasts[lost].variant == "lost")


async def test_claimed_withdrawn_or_resolved_elsewhere_under_the_users_eyes() -> None:
    async with desk() as one:
        await one.live()
        ids = [one.server.escalate(f"Number {n}") for n in range(3)]
        await one.seen.until(lambda: len(one.seen.rows()) == 3)
        for made, what in zip(ids, ("claim", "withdraw", "resolve"), strict=True):
            await selected(one, made)
            if what == "claim":
                one.server.claim(made, LEE)
            elif what == "withdraw":
                one.server.withdraw(made, "Found it.")
            else:
                one.server.handoffs[made].update(status="resolved")
                one.server.append("handoff.resolved", made, actor=LEE)
            await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.banner is not None)
        assert one.seen.detail is not None
        assert one.seen.detail.primary == "next"
        back = ids[0]
        one.server.release(back, LEE)
        await one.seen.until(lambda: back in one.seen.rows())


async def test_while_offline_nothing_is_claimed_and_nothing_is_kept_for_later() -> None:
    async with desk() as one:
        await one.live()
        made = one.server.escalate()
        await one.seen.until(lambda: made in one.seen.toasts)
        one.wire.away = True
        await one.wire.cut()
        await one.seen.until(lambda: one.seen.state() == "reconnecting")
        one.controller.toast_pressed(made, "claim")
        await one.seen.until(lambda: claims(one) == ["offline"])
        assert one.seen.toasts[made].variant == "offline"
        one.controller._connection._down_at -= 60
        one.controller.toast_pressed(made, "retry")
        await one.seen.until(lambda: claims(one) == ["offline", "offline"])
        one.wire.away = False
        one.controller.retry()
        await one.live(2)
        assert one.server.handoffs[made]["status"] == "pending"


async def test_no_answer_is_said_as_no_answer_until_the_truth_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "ANSWER_WITHIN_S", 0.05)
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
        await selected(one, made)
        one.controller.claim(made, "toast")
        await one.seen.until(lambda: one.seen.toasts[made].variant == "unknown")
        await one.seen.until(
            lambda: (
                one.seen.detail is not None
                and one.seen.detail.banner is not None
                and one.seen.detail.banner.kind == "unknown"
            )
        )
        gate.set()
        await one.seen.until(lambda: one.seen.opened)
        assert claims(one) == ["unknown", "claimed"]


async def test_the_window_and_the_toasts_are_for_looking_too() -> None:
    async with desk() as one:
        await one.live()
        made = one.server.escalate()
        await one.seen.until(lambda: made in one.seen.toasts)
        one.controller.toast_pressed(made, "view")
        assert one.seen.raised == 1
        await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.handoff is not None)
        one.controller.toast_pressed(made, "open_session")
        await one.seen.until(lambda: one.seen.opened == [f"{one.server.url}/pilot/s-1"])
        one.controller.toast_pressed("digest", "open_queue")
        one.controller.toast_pressed("digest", "dismiss")
        assert one.seen.raised == 2
        one.controller.toast_closed(made)
        one.controller.toast_came_up(made)
        one.controller.toast_failed(made, "no room")
        for nothing in (one.controller.select, one.controller.view, one.controller.open_session):
            nothing("h-99")
        one.controller.copy_link("h-99")
        one.controller.claim("h-99")
        assert one.seen.raised == 3
        one.controller.retry_detail("h-99")
        one.wire.error = RefusedError(502, "internal_error", "no")
        one.controller.retry_detail(made)
        await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.error is not None)
        one.wire.error = NotAServerError("a router")
        one.controller.retry_detail(made)
        await one.seen.until(lambda: one.seen.detail is not None and "as it should" in str(one.seen.detail.error))
        one.wire.error = None
        one.server.realert(made)
        await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.error is None)


async def test_what_does_not_load_without_a_server_loads_when_it_is_back() -> None:
    async with desk() as one:
        await one.live()
        made = one.server.escalate()
        await one.seen.until(lambda: one.seen.rows() == [made])
        one.wire.away = True
        one.controller.select(made)
        await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.error is not None)
        one.wire.away = False
        one.controller.woke_up()
        await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.handoff is not None)


async def test_a_link_shows_what_waits_what_does_not_and_says_what_is_not_there() -> None:
    async with desk() as one:
        made = one.server.escalate()
        one.controller.open_link(made)
        await one.live()
        await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.row.id == made)
        old = one.server.escalate("Long done")
        one.server.handoffs[old].update(status="resolved")
        one.server.log.clear()
        one.controller.open_link(old)
        await one.seen.until(lambda: one.seen.detail is not None and one.seen.detail.row.id == old)
        assert one.seen.detail is not None
        assert one.seen.detail.primary == "none"
        one.controller.open_link("h-99")
        await one.seen.until(lambda: "notice" in one.seen.toasts)
        assert one.seen.toasts["notice"].body == "It is not in your account, or not kept any more."
        one.wire.away = True
        one.controller.open_link("h-98")
        await one.seen.until(lambda: one.seen.toasts["notice"].body == "The server did not answer.")


# -- how it alerts -------------------------------------------------------------------------------------------------


async def test_do_not_disturb_holds_and_lets_go_and_a_cover_is_told_truly() -> None:
    async with desk() as one:
        await one.live()
        one.controller.do_not_disturb("on")
        held = one.server.escalate()
        await one.until(lambda: one.server.receipts() == [(held, "suppressed")])
        one.controller.do_not_disturb("off")
        await one.seen.until(lambda: held in one.seen.toasts)
        one.controller.cover("locked")
        unseen = one.server.escalate("Behind the lock")
        await one.until(lambda: (unseen, "suppressed") in one.server.receipts())
        one.controller.cover(None)
        await one.until(lambda: (unseen, "shown") in one.server.receipts())
        one.controller.alert_as(Alerting(toast=frozenset()))
        off = one.server.escalate("Nobody wants it")
        await one.until(lambda: (off, "suppressed") in one.server.receipts())
        one.controller.do_not_disturb(30)
        one.clock.ahead += 31 * 60
        one.controller.woke_up()
        await one.seen.until(lambda: not one.seen.queue.dnd_on)


async def test_a_loud_toast_without_a_player_is_shown_again_to_be_heard() -> None:
    async with desk(sounds=Noise(plays=False), alerting=Alerting(repeat_s=0.05)) as one:
        await one.live()
        made = one.server.escalate(priority="urgent")
        await one.seen.until(lambda: one.seen.toast_log.count((made, "new")) >= 2)


async def test_the_app_speaks_of_itself() -> None:
    async with desk() as one:
        one.controller.notice("A title", "A body", loud=True)
        await one.seen.until(lambda: "notice" in one.seen.toasts)
        one.controller.fell(KEPT.as_of, "It was killed")
        await one.seen.until(lambda: len(one.seen.toast_log) >= 2)
        assert one.controller.vitals.delivery == "No escalation has been shown since the start"


async def test_a_toast_that_fails_is_told() -> None:
    async with desk() as one:
        await one.live()
        one.seen.toast_error = "no room"
        made = one.server.escalate()
        await one.until(lambda: one.server.receipts() == [(made, "failed")])


# -- what is known without a server --------------------------------------------------------------------------------


async def test_the_last_queue_stands_until_the_server_speaks() -> None:
    shelf = Memory()
    async with desk(shelf=shelf) as one:
        await one.live()
        made = one.server.escalate()
        await one.seen.until(lambda: one.seen.rows() == [made])
        await selected(one, made)
        server = one.server
    assert shelf.kept is not None
    assert [row.id for row in shelf.kept.rows] == [made]
    async with desk(shelf=shelf, server=server) as one:
        assert one.seen.rows() == [made]
        assert one.seen.queue.connection.last_update == shelf.kept.as_of
        one.wire.away = True
        one.controller.claim(made)
        await one.seen.until(lambda: claims(one) == ["offline"])
    server.handoffs.clear()
    async with desk(shelf=shelf, server=server, token="lee") as one:
        await one.live()
        await one.seen.until(lambda: one.seen.rows() == [])
    assert shelf.wiped == 1, "another person's queue is nobody else's"


# -- the test notification -----------------------------------------------------------------------------------------


async def hops(one: Desk) -> list[tuple[str, str]]:
    empty: tuple[ProbeStep, ...] = ()
    one.controller.trial.steps = empty
    for _ in range(2):
        one.controller.test_notification()
    await one.until(lambda: one.controller.trial.steps and not one.controller.trial.running)
    return [(step.name, step.state) for step in one.controller.trial.steps]


@pytest.mark.parametrize("confirmed", [True, False])
async def test_a_test_notification_takes_the_way_of_an_escalation(
    confirmed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "HOP_S", 0.5)

    def spoil(frames: list[str]) -> list[str]:
        return [frame for frame in frames if confirmed or '"t-1"' not in frame or '"shown"' not in frame]

    async with desk(spoil=spoil) as one:
        await one.live()
        one.controller.do_not_disturb("on")
        told = await hops(one)
        assert told[:3] == [("Server", "good"), ("Live link", "good"), ("Notification", "good")]
        assert told[3] == ("Receipt", "good" if confirmed else "bad")
        assert one.controller.trial.shown_at is not None


@pytest.mark.parametrize(
    "why",
    [
        SignedOutError(),
        RefusedError(404, "not_found", "no"),
        RefusedError(429, "too_many_requests", "That is enough."),
        UnreachableError("away", sent=False),
    ],
)
async def test_without_the_server_it_is_shown_by_this_computer_alone(why: Any) -> None:
    async with desk() as one:
        await one.live()
        one.wire.error = why
        told = await hops(one)
        assert [state for _, state in told] == ["bad", "left_out", "good", "left_out"]


async def test_a_notification_that_nobody_brings_sees_or_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "HOP_S", 0.05)
    async with desk() as one:
        await one.live()
        one.wire.tests = False
        assert [state for _, state in await hops(one)] == ["good", "bad", "good", "left_out"]
        one.controller.cover("locked")
        assert [state for _, state in await hops(one)] == ["good", "bad", "bad", "left_out"]
        one.controller.cover(None)

        async def never(_view: object) -> str:
            await asyncio.sleep(60)
            return "system"

        one.seen.show = never  # type: ignore[method-assign, assignment] # a notification service that hangs
        assert [state for _, state in await hops(one)] == ["good", "bad", "bad"]
