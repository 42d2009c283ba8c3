"""How the desk alerts, what it knows without a server, and the test notification."""

import asyncio
from datetime import UTC, time
from typing import Any

import pytest

from desktop.core import trial
from desktop.core.alerting import Alerting
from desktop.core.ports import (
    RefusedError,
    SignedOutError,
    UnreachableError,
)
from desktop.core.quiet import QuietHours
from tests.support.fake_server import FakeServer
from tests.unit.desktop.memory_desk import claims, desk, hops, selected
from tests.unit.desktop.test_last_known import KEPT, Memory


class Noise:
    """A player."""

    def __init__(self, *, plays: bool = True) -> None:
        self.plays = plays
        self.rung: list[int] = []

    def ring(self, notes: int) -> None:
        self.rung.append(notes)


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


async def test_a_server_of_before_is_not_told_what_it_does_not_know() -> None:
    """Computers are brought up to date before their server is: an unknown frame would close their stream for good."""
    async with desk(server=FakeServer(takes=())) as one:
        one.controller.do_not_disturb("on")
        await one.live()
        one.controller.do_not_disturb(30)
        held = one.server.escalate()
        await one.until(lambda: one.server.receipts() == [(held, "suppressed")])
        assert not [frame for frame in one.server.received if frame["type"] == "holding"]


async def test_others_can_read_beforehand_that_alerts_are_held_back() -> None:
    """The server is told why and until when, on every stream anew, and nothing where nothing is held back."""
    all_day = QuietHours(enabled=True, start=time(0), end=time(0), zone=UTC)

    async with desk() as one:

        def told() -> list[tuple[str | None, bool]]:
            return [(f.get("reason"), "until" in f) for f in one.server.received if f["type"] == "holding"]

        one.controller.do_not_disturb("on")  # before there is anybody to tell
        await one.live()
        await one.until(lambda: told() == [("do_not_disturb", False)])
        one.controller.do_not_disturb(30)
        await one.until(lambda: told()[-1] == ("do_not_disturb", True))
        one.controller.do_not_disturb(30)
        one.controller.do_not_disturb("off")
        await one.until(lambda: told()[-1] == (None, False))
        one.controller.cover("locked")
        one.controller.cover("do not disturb")
        await one.until(lambda: told()[-1] == ("do_not_disturb", False))
        one.controller.cover(None)
        one.controller.alert_as(Alerting(quiet=all_day))
        await one.until(lambda: told()[-1][0] == "quiet_hours")
        before = len(told())
        one.controller.woke_up()
        await one.until(lambda: len(told()) > before)
        assert told()[-1][0] == "quiet_hours", "a new stream knows nothing of the one before"


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
    monkeypatch.setattr(trial, "HOP_S", 0.4)  # a hop that is well must not miss it on a busy machine
    async with desk() as one:
        await one.live()
        one.wire.tests = False
        assert [state for _, state in await hops(one)] == ["good", "bad", "good", "left_out"]
        one.controller.cover("locked")
        assert [state for _, state in await hops(one)] == ["good", "bad", "bad", "left_out"]
        one.controller.cover(None)

        async def never(_view: object) -> str:
            await asyncio.sleep(1)
            return "system"

        one.seen.show = never  # type: ignore[method-assign, assignment] # a notification service that hangs
        assert [state for _, state in await hops(one)] == ["good", "bad", "bad"]
