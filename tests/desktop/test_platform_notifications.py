"""Toasts through a real session bus: buttons, replacement in place, withdrawal, and a service that comes and goes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dbus_fast import Message

from desktop.core import toasts
from desktop.core.ports import ToastFailedError
from desktop.core.views import ToastAction, ToastView
from desktop.platform import notifications
from desktop.platform.notifications import SystemToasts
from desktop.platform.toast_router import ToastRouter
from tests.desktop.session_bus import session_bus
from tests.support.fake_desktop import FakeDesktop
from tests.unit.desktop.samples import T0, row


class Hand:
    """Keeps what a person did, and what the desktop saw."""

    def __init__(self) -> None:
        self.pressed: list[tuple[str, ToastAction]] = []
        self.closed: list[str] = []
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self._news = asyncio.Condition()

    def toast_pressed(self, toast_id: str, action: ToastAction) -> None:
        self.pressed.append((toast_id, action))
        self._tell()

    def toast_came_up(self, toast_id: str) -> None:
        raise AssertionError(f"{toast_id}: the system's notifications never wait")

    def toast_failed(self, toast_id: str, reason: str) -> None:
        raise AssertionError(f"{toast_id}: {reason}")

    def toast_closed(self, toast_id: str) -> None:
        self.closed.append(toast_id)
        self._tell()

    def say(self, event: str, **fields: Any) -> None:
        self.seen.append((event, fields))
        self._tell()

    def events(self, name: str) -> list[dict[str, Any]]:
        return [fields for event, fields in self.seen if event == name]

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(30), self._news:
            await self._news.wait_for(condition)

    def _tell(self) -> None:
        async def notify() -> None:
            async with self._news:
                self._news.notify_all()

        asyncio.get_running_loop().create_task(notify())


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[str]:
    with session_bus(tmp_path) as address:
        yield address


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
async def desktop(bus: str, hand: Hand) -> AsyncIterator[FakeDesktop]:
    fake = FakeDesktop(hand.say, tray=False)
    await fake.start(bus)
    yield fake
    fake.stop()


@pytest.fixture
async def system(bus: str, hand: Hand) -> AsyncIterator[SystemToasts]:
    client = SystemToasts(hand, bus)
    yield client
    await client.stop()


async def started(system: SystemToasts) -> SystemToasts:
    await system.start()
    assert system.usable
    return system


async def test_claim_and_view_are_buttons_and_the_body_only_looks(
    desktop: FakeDesktop, system: SystemToasts, hand: Hand
) -> None:
    await (await started(system)).show(toasts.new(row(priority="high")))
    [shown] = hand.events("notify")
    assert shown["summary"] == "High: VPN to Leeds clinic drops every hour"
    assert list(shown["actions"].items())[1:] == [("claim", "Claim"), ("view", "View")]
    assert shown["hints"]["desktop-entry"] == "flowpilot-tray"
    assert (shown["hints"]["urgency"], shown["timeout"]) == (1, 20_000)
    desktop.notifications.press(shown["id"], "default")
    desktop.notifications.press(shown["id"], "claim")
    await hand.until(lambda: hand.pressed == [("h1", "view"), ("h1", "claim")])


async def test_urgent_stays_and_is_critical(desktop: FakeDesktop, system: SystemToasts, hand: Hand) -> None:
    await (await started(system)).show(toasts.new(row(priority="urgent")))
    [shown] = hand.events("notify")
    assert (shown["hints"]["urgency"], shown["timeout"]) == (2, 0)


async def test_text_of_a_customer_is_never_read_as_markup(
    desktop: FakeDesktop, system: SystemToasts, hand: Hand
) -> None:
    evil = row(title="<b>Win</b>", customer='<a href="https://evil.test">&')
    await (await started(system)).show(toasts.new(evil))
    [shown] = hand.events("notify")
    assert shown["summary"] == "Normal: <b>Win</b>"
    assert shown["body"].startswith('&lt;a href="https://evil.test"&gt;&amp;, from Mina Okafor')


async def test_the_outcome_takes_the_toasts_place(desktop: FakeDesktop, system: SystemToasts, hand: Hand) -> None:
    await started(system)
    await system.show(toasts.new(row()))
    await system.show(toasts.outcome(row(), "lost", "Already claimed by Lee Park 4 s ago."))
    assert [event for event, _ in hand.seen] == ["notify", "replaced"]
    assert len(desktop.notifications.shown) == 1


async def test_withdrawn_means_gone(desktop: FakeDesktop, system: SystemToasts, hand: Hand) -> None:
    await started(system)
    await system.show(toasts.new(row("h1")))
    await system.show(toasts.new(row("h2")))
    await system.withdraw("h1")
    await system.withdraw("never shown")
    assert [shown["summary"] for shown in desktop.notifications.shown.values()] == [
        "Normal: VPN to Leeds clinic drops every hour"
    ]
    assert len(hand.events("closed-by-app")) == 1


async def test_a_toast_that_the_user_closed_is_told_and_comes_anew_the_next_time(
    desktop: FakeDesktop, system: SystemToasts, hand: Hand
) -> None:
    await started(system)
    await system.show(toasts.new(row()))
    desktop.notifications.dismiss(1)
    await hand.until(lambda: hand.closed == ["h1"])
    await system.show(toasts.reminder(row(), T0))
    assert [event for event, _ in hand.seen] == ["notify", "notify"]


async def test_a_press_in_the_moment_of_withdrawal_is_still_a_press(
    desktop: FakeDesktop, system: SystemToasts, hand: Hand
) -> None:
    await (await started(system)).show(toasts.new(row()))
    await system.withdraw("h1")
    desktop.notifications.ActionInvoked(1, "claim")
    await hand.until(lambda: hand.pressed == [("h1", "claim")])


async def test_a_press_in_the_desktops_history_is_still_a_press(
    desktop: FakeDesktop, system: SystemToasts, hand: Hand
) -> None:
    await (await started(system)).show(toasts.new(row()))
    desktop.notifications.dismiss(1)
    await hand.until(lambda: hand.closed == ["h1"])
    desktop.notifications.ActionInvoked(1, "claim")
    await hand.until(lambda: hand.pressed == [("h1", "claim")])


async def test_signals_of_other_programs_toasts_are_nothing(
    desktop: FakeDesktop, system: SystemToasts, hand: Hand
) -> None:
    await (await started(system)).show(toasts.new(row()))
    desktop.notifications.ActionInvoked(777, "claim")
    desktop.notifications.NotificationClosed(777, 2)
    desktop.notifications.ActionInvoked(1, "no-such-action")
    desktop.notifications.press(1, "view")
    await hand.until(lambda: hand.pressed)
    assert (hand.pressed, hand.closed) == ([("h1", "view")], [])


async def test_a_service_that_refuses_makes_the_receipt_failed(bus: str, hand: Hand, system: SystemToasts) -> None:
    fake = FakeDesktop(hand.say, fail=True, tray=False)
    await fake.start(bus)
    await started(system)
    with pytest.raises(ToastFailedError, match="ExcessNotificationGeneration"):
        await system.show(toasts.new(row()))
    fake.stop()


async def test_a_restarted_service_is_noticed_and_used_again(bus: str, hand: Hand, system: SystemToasts) -> None:
    first = FakeDesktop(hand.say, tray=False)
    await first.start(bus)
    await started(system)
    await system.show(toasts.new(row()))
    first.stop()
    await hand.until(lambda: hand.closed == ["h1"] and not system.usable)
    second = FakeDesktop(hand.say, tray=False)
    await second.start(bus)
    async with asyncio.timeout(30):
        while not system.usable:  # noqa: ASYNC110 - nothing announces it to the outside
            await asyncio.sleep(0.01)
    await system.show(toasts.new(row()))
    assert len(second.notifications.shown) == 1
    second.stop()


async def test_what_a_service_took_along_comes_up_again_without_a_sound_where_the_next_one_is(
    bus: str, hand: Hand, system: SystemToasts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "SUCCESSOR_S", 30)  # however long the next one takes to come up here
    first = FakeDesktop(hand.say, tray=False)
    await first.start(bus)
    window = Window()
    router = ToastRouter(system, lambda: window, hand.toast_closed)
    await router.start()
    await router.show(replace(toasts.new(row("h1", title="urgent one")), sound=True))
    await router.show(toasts.new(row("h2", title="another")))
    await router.show(toasts.new(row("h3", title="claimed meanwhile")))
    first.stop()
    async with asyncio.timeout(30):
        while system.usable:  # noqa: ASYNC110 - nothing announces it to the outside
            await asyncio.sleep(0.01)
    await router.withdraw("h3")
    second = FakeDesktop(hand.say, tray=False)
    await second.start(bus)
    await hand.until(lambda: len(hand.events("notify")) == 5)
    again = hand.events("notify")[3:]
    assert [each["summary"] for each in again] == ["Normal: urgent one", "Normal: another"]
    assert all(each["hints"]["suppress-sound"] for each in again)
    assert hand.closed == [], "nobody has closed them"
    assert len(second.notifications.shown) == 2
    second.stop()


async def test_a_service_that_falls_before_its_answer_is_read_took_the_toast_along_too(
    bus: str, hand: Hand, system: SystemToasts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy computer the answer and the end of who gave it are read together: the alert must come up again."""
    monkeypatch.setattr(notifications, "SUCCESSOR_S", 30)
    first, second = FakeDesktop(hand.say, tray=False), FakeDesktop(hand.say, tray=False)
    await first.start(bus)
    router = ToastRouter(system, Window, hand.toast_closed)
    await router.start()
    asked = system._asked

    async def read_late(member: str, signature: str, body: list[Any]) -> Message:
        reply = await asked(member, signature, body)
        if member == "Notify" and first.notifications.shown:
            first.notifications.shown.clear()
            first.stop()
            await second.start(bus)
            while not system._owner:  # noqa: ASYNC110 - nothing announces it to the outside
                await asyncio.sleep(0.01)
        return reply

    monkeypatch.setattr(system, "_asked", read_late)
    assert await router.show(toasts.new(row("h1"))) == "system"
    await hand.until(lambda: second.notifications.shown)
    assert [each["summary"] for each in second.notifications.shown.values()] == [
        "Normal: VPN to Leeds clinic drops every hour"
    ]
    await router.withdraw("h1")
    await hand.until(lambda: not second.notifications.shown)
    assert hand.closed == [], "nobody has closed it"
    second.stop()


async def test_with_no_successor_they_come_up_in_the_own_window(
    bus: str, hand: Hand, system: SystemToasts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "SUCCESSOR_S", 0.1)
    only = FakeDesktop(hand.say, tray=False)
    await only.start(bus)
    window = Window()
    router = ToastRouter(system, lambda: window, hand.toast_closed)
    await router.start()
    await router.show(toasts.new(row("h1")))
    only.stop()
    async with asyncio.timeout(30):
        while not window.views:  # noqa: ASYNC110 - the window is a plain list here
            await asyncio.sleep(0.01)
    assert [view.id for view in window.views] == ["h1"]
    await router.withdraw("h1")
    assert window.views == []
    assert hand.closed == []


async def test_a_press_that_comes_before_the_services_own_answer_is_not_lost(bus: str, hand: Hand) -> None:
    def press_at_once(event: str, **fields: Any) -> None:
        if event == "notify":
            quick.notifications.press(fields["id"], "claim")

    quick = FakeDesktop(press_at_once, tray=False)
    await quick.start(bus)
    client = SystemToasts(hand, bus)
    await client.start()
    await client.show(toasts.new(row("h1")))
    await hand.until(lambda: hand.pressed == [("h1", "claim")])
    await client.stop()
    quick.stop()


async def test_without_a_bus_or_a_service_it_is_just_not_usable(bus: str, hand: Hand, tmp_path: Path) -> None:
    for address in (bus, f"unix:path={tmp_path}/nothing-here"):
        client = SystemToasts(hand, address)
        await client.start()
        assert not client.usable
        with pytest.raises(ToastFailedError):
            await client.show(toasts.new(row()))
        await client.stop()


class Window:
    """Stands in for the app's own toast window."""

    def __init__(self) -> None:
        self.views: list[ToastView] = []

    def show_toast(self, view: ToastView) -> None:
        self.views.append(view)

    def withdraw(self, toast_id: str) -> None:
        self.views = [view for view in self.views if view.id != toast_id]


async def test_without_buttons_the_own_window_shows_it(bus: str, hand: Hand, system: SystemToasts) -> None:
    plain = FakeDesktop(hand.say, actions=False, tray=False)
    await plain.start(bus)
    window = Window()
    router = ToastRouter(system, lambda: window)
    await router.start()
    # Until a window has been painted nobody may say that it was shown.
    assert await router.show(toasts.new(row("h1"))) == "queued"
    assert await router.show(toasts.new(row("h2"))) == "queued"
    await router.withdraw("h1")
    assert [view.id for view in window.views] == ["h2"]
    assert router.why_unseen("h2") == "the toast window did not come up"
    assert hand.events("notify") == []
    plain.stop()


async def test_a_service_that_fails_is_replaced_by_the_own_window_and_named_if_that_fails_too(
    bus: str, hand: Hand, system: SystemToasts
) -> None:
    failing = FakeDesktop(hand.say, fail=True, tray=False)
    await failing.start(bus)
    window = Window()
    router = ToastRouter(system, lambda: window)
    await router.start()
    assert await router.show(toasts.new(row())) == "queued"
    assert [view.id for view in window.views] == ["h1"]
    assert router.why_unseen("h1") == (
        "the notification service refused: org.freedesktop.Notifications.Error.ExcessNotificationGeneration; "
        "the toast window did not come up"
    )
    failing.stop()


async def test_where_there_is_nothing_at_all_the_reason_says_so(hand: Hand, tmp_path: Path) -> None:
    system = SystemToasts(hand, f"unix:path={tmp_path}/nothing-here")
    router = ToastRouter(system, None)
    await router.start()
    with pytest.raises(ToastFailedError, match="no notification service"):
        await router.show(toasts.new(row()))
