"""The app follows the server's log over real sockets: nothing lost, nothing twice, whatever happens to the link."""

import asyncio
import re

from tests.desktop.rig import app, serving
from tests.support.fake_server import DANA, LEE


async def test_an_escalation_is_a_toast_a_row_a_badge_and_a_receipt() -> None:
    async with serving() as server, app(server) as (seen, _):
        await seen.until(lambda: seen.state() == "connected")
        handoff_id = server.escalate(priority="high")
        await seen.until(lambda: handoff_id in seen.toasts and seen.rows() == [handoff_id])
        assert seen.tray is not None
        assert (seen.tray.state, seen.tray.count) == ("waiting", 1)
        await server.until(lambda: server.receipts() == [(handoff_id, "shown")])


async def test_what_waits_at_the_start_is_told_once() -> None:
    async with serving() as server:
        for number in range(3):
            server.escalate(f"Problem {number}")
        async with app(server) as (seen, _):
            await seen.until(lambda: "digest" in seen.toasts)
            assert seen.toasts["digest"].title == "3 waiting"
            await server.until(lambda: len(server.receipts()) == 3)
            assert seen.toast_log == [("digest", "digest")]


async def test_claimed_elsewhere_takes_the_toast_away() -> None:
    async with serving() as server, app(server) as (seen, _):
        await seen.until(lambda: seen.state() == "connected")
        handoff_id = server.escalate()
        await seen.until(lambda: handoff_id in seen.toasts)
        server.claim(handoff_id, LEE)
        await seen.until(lambda: not seen.toasts)
        await seen.until(lambda: any(row.outcome for row in seen.queue.rows))
        [row] = seen.queue.rows
        assert re.fullmatch(r"Claimed by Lee Park, \d+ s ago", row.outcome or "")
        await seen.until(lambda: seen.rows() == [])
        assert [view.claimer for view in seen.queue.claimed_recently] == ["Lee Park"]


async def test_a_server_restart_loses_and_repeats_nothing() -> None:
    async with serving() as server, app(server) as (seen, controller):
        await seen.until(lambda: seen.state() == "connected")
        first = server.escalate("before")
        await seen.until(lambda: first in seen.toasts)
        await server.stop()
        await seen.until(lambda: seen.state() == "reconnecting")
        second = server.escalate("while away")
        server.claim(server.escalate("gone again"), LEE)
        await server.start()
        controller.retry()
        await seen.until(lambda: second in seen.toasts and seen.rows() == [first, second])
        assert seen.toast_log == [(first, "new"), (second, "new")]
        frames = [fields["seq"] for fields in seen.marked("frame")]
        assert frames == list(range(1, server.head + 1))
        assert server.requests.count("GET /handoffs") == 1


async def test_a_log_that_was_trimmed_fetches_the_queue_and_compares() -> None:
    async with serving() as server, app(server) as (seen, controller):
        await seen.until(lambda: seen.state() == "connected")
        first = server.escalate("first")
        await seen.until(lambda: first in seen.toasts)
        await server.stop()
        server.claim(first, LEE)
        second = server.escalate("second")
        server.min_seq = server.head
        await server.start()
        controller.retry()
        await seen.until(lambda: set(seen.toasts) == {second} and seen.rows() == [second])
        third = server.escalate("third")
        await seen.until(lambda: third in seen.toasts)


async def test_another_epoch_starts_over_without_a_second_toast() -> None:
    async with serving() as server, app(server) as (seen, controller):
        first = server.escalate("first")
        await seen.until(lambda: first in seen.toasts)
        await server.stop()
        server.epoch = "epoch-2"
        await server.start()
        controller.retry()
        await seen.until(lambda: len(seen.marked("live")) == 2)
        await seen.until(lambda: seen.state() == "connected")
        assert seen.toast_log == [(first, "new")]


async def test_a_burst_of_200_is_three_toasts_and_one_digest() -> None:
    async with serving() as server, app(server) as (seen, _):
        await seen.until(lambda: seen.state() == "connected")
        for number in range(200):
            server.escalate(f"Problem {number}")
        await seen.until(lambda: seen.tray is not None and seen.tray.count == 200, 60)
        await seen.until(lambda: "digest" in seen.toasts and seen.toasts["digest"].title == "200 waiting", 60)
        assert [variant for _, variant in seen.toast_log].count("new") == 3
        await server.until(lambda: len(set(server.receipts())) == 200, 60)


async def test_a_dropped_socket_with_bye_comes_back_when_the_server_said() -> None:
    async with serving() as server, app(server) as (seen, _):
        await seen.until(lambda: seen.state() == "connected")
        await server.tell_all({"type": "bye", "retry_after_ms": 50})
        # No other reason to connect anew comes before a heartbeat is missed, after 25 s.
        await seen.until(lambda: len(seen.marked("live")) == 2, 15)


async def test_silence_reconnects() -> None:
    async with serving(heartbeat_s=1) as server, app(server) as (seen, _):
        await seen.until(lambda: len(seen.marked("live")) == 2)


async def test_a_revoked_token_signs_out_and_takes_everything_away() -> None:
    async with serving() as server, app(server) as (seen, controller):
        handoff_id = server.escalate()
        await seen.until(lambda: handoff_id in seen.toasts)
        server.users.pop("dana")
        await server.drop(4401)
        await seen.until(lambda: seen.state() == "signed_out" and not seen.toasts)
        assert seen.rows() == []
        assert seen.tray is not None
        assert seen.tray.tooltip == "FlowPilot: signed out. Open to sign in"
        controller.retry()
        assert seen.sign_in_asked == 1


async def test_a_role_that_was_taken_away_hides_the_queue() -> None:
    async with serving() as server, app(server) as (seen, _):
        handoff_id = server.escalate()
        await seen.until(lambda: handoff_id in seen.toasts)
        await server.drop(4403)
        await seen.until(lambda: seen.state() == "role_changed" and not seen.toasts)
        assert seen.rows() == []


async def test_a_toast_that_failed_is_reported_as_failed() -> None:
    async with serving() as server, app(server) as (seen, _):
        await seen.until(lambda: seen.state() == "connected")
        seen.toast_error = "the notification service is gone"
        handoff_id = server.escalate()
        reason = "the notification service is gone"
        await server.until(lambda: server.rounds(handoff_id) == [(0, "failed", reason)])


async def test_do_not_disturb_is_told_to_the_server_and_ends_in_a_digest() -> None:
    async with serving() as server, app(server) as (seen, controller):
        await seen.until(lambda: seen.state() == "connected")
        controller.do_not_disturb("on")
        held = [server.escalate(), server.escalate()]
        await server.until(lambda: server.receipts() == [(each, "suppressed") for each in held])
        assert seen.toasts == {}
        await seen.until(lambda: seen.tray is not None and seen.tray.tooltip == "FlowPilot: do not disturb. 2 waiting")
        controller.do_not_disturb("off")
        await seen.until(lambda: "digest" in seen.toasts)


async def test_the_selected_handoff_loads_and_keeps_its_content_when_claimed_elsewhere() -> None:
    async with serving() as server, app(server) as (seen, controller):
        handoff_id = server.escalate()
        await seen.until(lambda: seen.rows() == [handoff_id])
        controller.select(handoff_id)
        await seen.until(lambda: seen.detail is not None and seen.detail.handoff is not None)
        server.claim(handoff_id, LEE)
        await seen.until(lambda: seen.rows() == [])
        assert seen.detail is not None
        assert seen.detail.handoff is not None
        assert seen.detail.banner is not None
        assert seen.detail.banner.title.startswith("Already claimed by Lee Park")
        assert seen.detail.banner.text == "Lee is opening the session. You do not need to do anything."
        assert seen.detail.primary == "next"


async def test_a_context_that_does_not_load_still_lets_claim() -> None:
    async with serving() as server, app(server) as (seen, controller):
        handoff_id = server.escalate()
        await seen.until(lambda: seen.rows() == [handoff_id])
        server.faults.handoff_status = 502
        controller.select(handoff_id)
        await seen.until(lambda: seen.detail is not None and seen.detail.error is not None)
        assert seen.detail is not None
        assert "(502)" in (seen.detail.error or "")
        assert seen.detail.primary == "claim"


async def test_receipts_kept_while_away_are_sent_after_the_reconnect() -> None:
    async with serving() as server, app(server) as (seen, controller):
        await seen.until(lambda: seen.state() == "connected")
        gate = asyncio.Event()
        real = seen.show

        async def slow(view: object) -> str:
            await gate.wait()
            return await real(view)  # type: ignore[arg-type] # passed through

        seen.show = slow  # type: ignore[method-assign] # the daemon is slow
        handoff_id = server.escalate()
        await seen.until(lambda: seen.marked("toast_called"))
        await server.stop()
        await seen.until(lambda: seen.state() == "reconnecting")
        gate.set()
        await seen.until(lambda: handoff_id in seen.toasts)
        await server.start()
        controller.retry()
        await server.until(lambda: server.receipts() == [(handoff_id, "shown")])


async def test_a_junior_sees_the_queue_but_is_not_alerted() -> None:
    async with serving() as server, app(server, "mina") as (seen, _):
        handoff_id = server.escalate(handed_off_by=DANA)
        await seen.until(lambda: seen.rows() == [handoff_id])
        assert not seen.queue.rows[0].claimable
        assert seen.toast_log == []
