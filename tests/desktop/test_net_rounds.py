"""Rounds over real sockets: each is shown and receipted as what it is, on every device, across restarts and covers."""

from desktop.core import words
from tests.desktop.rig import app, serving
from tests.support.fake_server import DANA, LEE, now

DND = "do not disturb"


async def test_a_reminder_comes_though_the_first_toast_was_closed_and_has_a_receipt_of_its_own() -> None:
    async with serving() as server, app(server) as (seen, controller):
        await seen.until(lambda: seen.state() == "connected")
        handoff_id = server.escalate()
        await server.until(lambda: server.rounds(handoff_id) == [(0, "shown", None)])
        controller.toast_closed(handoff_id)
        server.realert(handoff_id, DANA, LEE)
        await server.until(lambda: server.rounds(handoff_id)[1:] == [(1, "shown", None)])
        assert seen.toast_log == [(handoff_id, "new"), (handoff_id, "reminder")]
        server.realert(handoff_id, LEE)
        server.realert(handoff_id, DANA, LEE, cause="repeat")
        await server.until(lambda: server.rounds(handoff_id)[2:] == [(3, "shown", None)])
        assert len(seen.toast_log) == 3, "round 2 was for others"


async def test_both_devices_of_one_person_show_each_round_once() -> None:
    async with serving() as server, app(server) as (desk, _), app(server) as (laptop, _):
        await desk.until(lambda: desk.state() == "connected")
        await laptop.until(lambda: laptop.state() == "connected")
        handoff_id = server.escalate()
        await desk.until(lambda: desk.toast_log == [(handoff_id, "new")])
        await laptop.until(lambda: laptop.toast_log == [(handoff_id, "new")])
        server.realert(handoff_id)
        await desk.until(lambda: len(desk.toast_log) == 2)
        await laptop.until(lambda: len(laptop.toast_log) == 2)
        await server.drop()
        await desk.until(lambda: len(desk.marked("live")) == 2)
        await laptop.until(lambda: len(laptop.marked("live")) == 2)
        for device in (desk, laptop):
            assert device.toast_log == [(handoff_id, "new"), (handoff_id, "reminder")]
        assert {rung for rung, state, _ in server.rounds(handoff_id) if state == "shown"} == {0, 1}


async def test_rounds_that_came_while_the_link_was_down_are_told_in_one_digest_each_as_its_own() -> None:
    async with serving() as server, app(server) as (_, controller):
        first, second = server.escalate("first"), server.escalate("second")
        await server.until(lambda: len(server.receipts()) == 2)
        await server.stop()
        server.realert(first)
        server.realert(second)
        server.realert(second)
        server.min_seq = server.head
        await server.start()
        controller.retry()
        await server.until(lambda: (1, "shown", "digest") in server.rounds(first))
        await server.until(lambda: (2, "shown", "digest") in server.rounds(second))
        assert server.rounds(second).count((2, "shown", "digest")) == 1


async def test_behind_a_locked_screen_an_alert_is_not_told_as_shown_until_somebody_is_back() -> None:
    async with serving() as server, app(server) as (seen, controller):
        await seen.until(lambda: seen.state() == "connected")
        controller.cover("locked")
        stays, goes = server.escalate("stays"), server.escalate("goes")
        await server.until(lambda: server.rounds(stays) == server.rounds(goes) == [(0, "suppressed", "locked")])
        assert {stays, goes} <= set(seen.toasts), "put up all the same: it lights up the lock screen"
        server.claim(goes, LEE)
        await seen.until(lambda: goes not in seen.toasts)
        controller.cover(None)
        await server.until(lambda: server.rounds(stays)[1:] == [(0, "shown", None)])
        assert len(server.rounds(goes)) == 1


async def test_what_the_account_lets_through_do_not_disturb_is_shown_and_the_rest_waits_for_its_end() -> None:
    async with serving() as server, app(server) as (seen, controller):
        await seen.until(lambda: seen.state() == "connected")
        controller.do_not_disturb("on")
        quiet = server.escalate("quiet")
        loud = server.escalate("loud", priority="urgent", breaks_dnd=True)
        await server.until(lambda: server.rounds(quiet) == [(0, "suppressed", DND)])
        await server.until(lambda: server.rounds(loud) == [(0, "shown", None)])
        assert [(toast.id, toast.sound) for toast in seen.toasts.values()] == [(loud, True)]
        controller.do_not_disturb("off")
        await server.until(lambda: server.rounds(quiet)[1:] == [(0, "shown", None)])


async def test_a_nudge_opens_the_session_and_goes_with_the_first_step() -> None:
    async with serving() as server, app(server) as (seen, controller):
        await seen.until(lambda: seen.state() == "connected")
        handoff_id = server.escalate()
        await seen.until(lambda: handoff_id in seen.toasts)
        server.claim(handoff_id, DANA)
        await seen.until(lambda: handoff_id not in seen.toasts)
        server.nudge(handoff_id, now())
        await seen.until(lambda: handoff_id in seen.toasts)
        at = words.clock(controller._time.wall())
        assert seen.toasts[handoff_id].body.startswith("Mina Okafor is waiting in the session. It goes back to the")
        assert at[:2] in seen.toasts[handoff_id].body
        await server.until(lambda: (1, "shown", None) in server.rounds(handoff_id))
        claims = server.requests.count(f"POST /handoffs/{handoff_id}/claim")
        controller.toast_pressed(handoff_id, "open_session")
        await seen.until(lambda: seen.opened)
        assert seen.opened == [f"{server.url}/pilot/{server.handoffs[handoff_id]['session_id']}"]
        assert server.requests.count(f"POST /handoffs/{handoff_id}/claim") == claims, "viewing never claims"
        server.nudge(handoff_id, now())
        await seen.until(lambda: handoff_id in seen.toasts)
        server.first_step(handoff_id)
        await seen.until(lambda: handoff_id not in seen.toasts)


async def test_what_the_policy_took_back_is_toasted_with_its_reason_to_its_former_holder_too() -> None:
    async with serving() as server, app(server) as (seen, _):
        await seen.until(lambda: seen.state() == "connected")
        handoff_id = server.escalate()
        server.claim(handoff_id, DANA)
        server.nudge(handoff_id, now())
        await seen.until(lambda: (handoff_id, "nudge") in seen.toast_log)
        server.release(handoff_id, None, "No first action in 30 min")
        await seen.until(lambda: (handoff_id, "handed_back") in seen.toast_log)
        assert seen.toasts[handoff_id].body == "Handed back: “No first action in 30 min”"
        await server.until(lambda: (2, "shown", None) in server.rounds(handoff_id))
