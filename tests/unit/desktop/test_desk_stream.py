"""What arrives at the desk and on which way: drawn and told, whatever happens to the stream."""

import asyncio
import contextlib
import json
from datetime import timedelta
from typing import Any

import pytest

from desktop.core import link
from desktop.core.ports import (
    CertificateError,
    NotAServerError,
    RefusedError,
    SignedOutError,
    SocketClosedError,
    UnreachableError,
)
from tests.support.fake_server import LEE, MINA
from tests.unit.desktop.memory_desk import claims, desk
from tests.unit.desktop.test_last_known import KEPT, Memory


class Noise:
    """A player."""

    def __init__(self, *, plays: bool = True) -> None:
        self.plays = plays
        self.rung: list[int] = []

    def ring(self, notes: int) -> None:
        self.rung.append(notes)


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
        hangs = asyncio.Event()
        real = one.wire.connect

        async def connect() -> Any:
            if (gate := next(answers, None)) is not None:
                hangs.set()
                await gate.wait()
            return await real()

        one.wire.connect = connect  # type: ignore[method-assign] # the first attempt after the sleep never ends
        one.controller.woke_up()
        await hangs.wait()
        await asyncio.sleep(0.02)  # no longer fresh
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


async def test_of_two_resets_one_after_the_other_the_later_is_gone_by() -> None:
    async with desk() as one:
        await one.live()
        made = one.server.escalate()
        await one.seen.until(lambda: one.seen.rows() == [made])
        assert one.wire.open is not None
        reset = {"type": "reset", "epoch": one.server.epoch, "head": one.server.head, "reason": "trimmed"}
        for _ in range(2):
            await one.wire.open.send_text(json.dumps(reset))
        await one.live(times=2)
        assert one.seen.rows() == [made]
        assert one.seen.toast_log == [(made, "new")], "told once"


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
        assert one.controller.me is None, "nobody is named as signed in any more"


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


async def test_waking_up_and_a_network_in_the_same_moment_make_one_new_stream() -> None:
    async with desk() as one:
        await one.live()
        one.controller.woke_up()
        one.controller.woke_up()
        await one.live(2)
        await asyncio.sleep(0.02)
        assert len(one.seen.marked("live")) == 2


async def test_a_stream_that_opens_while_the_app_ends_is_closed_again() -> None:
    async with desk() as one:
        await one.live()
        real = one.wire.connect
        begun = asyncio.Event()

        async def connect() -> Any:
            opened = await real()
            begun.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            return opened

        one.wire.connect = connect  # type: ignore[method-assign] # too late to take back
        one.controller.woke_up()
        await begun.wait()
        late = one.wire.open
        assert late is not None
        await one.controller.stop()
        await one.until(lambda: late.over)
