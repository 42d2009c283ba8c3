"""Who is not looking is not said to have seen it: the lock, the screen saver, and the desktop's own do not disturb."""

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from desktop.core import toasts
from desktop.core.ports import ToastFailedError
from desktop.platform import covers
from desktop.platform.attention import Attention
from desktop.platform.covers import Banners, Cover, Login, Permission, Saver, Service
from desktop.platform.muted import Muted
from desktop.platform.notifications import SystemToasts
from tests.desktop.computer import screen
from tests.desktop.session_bus import session_bus
from tests.support.fake_desktop import FakeDesktop, LoginSession, ScreenSaver
from tests.support.fake_holding import Mako, Xfconf
from tests.unit.desktop.samples import row


class Heard:
    """What the app is told, and a way to wait for it."""

    def __init__(self) -> None:
        self.reasons: list[str | None] = []
        self._news = asyncio.Condition()

    def changed(self, reason: str | None) -> None:
        self.reasons.append(reason)
        asyncio.get_running_loop().create_task(self._tell())

    async def until(self, *reasons: str | None) -> None:
        async with asyncio.timeout(30), self._news:
            await self._news.wait_for(lambda: self.reasons == [*reasons])

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[str]:
    with session_bus(tmp_path) as address:
        yield address


@pytest.fixture
def heard() -> Heard:
    return Heard()


@contextlib.asynccontextmanager
async def watching(bus: str, heard: Heard, *covers: Cover) -> AsyncIterator[Attention]:
    """One private bus plays both the user's and the system's."""
    one = Attention(heard.changed, covers=covers, addresses={BusType.SESSION: bus, BusType.SYSTEM: bus})
    await one.start()
    try:
        yield one
    finally:
        await one.stop()


@pytest.mark.parametrize("session_id", ["1", None])
async def test_the_locked_session_of_logind_is_known(
    bus: str, heard: Heard, session_id: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_SESSION_ID", raising=False)
    if session_id is not None:
        monkeypatch.setenv("XDG_SESSION_ID", session_id)
    login = LoginSession()
    login.locked = True
    served = await login.serve(bus)
    async with watching(bus, heard, Login()) as attention:
        assert attention.reason == "locked", "at the start, before anything can be shown"
        login.lock(on=False)
        await heard.until("locked", None)
        login.lock(on=True)
        await heard.until("locked", None, "locked")
        served.disconnect()
        await heard.until("locked", None, "locked", None)


@pytest.mark.parametrize("vendor", ["org.freedesktop", "org.gnome"])
async def test_a_screen_saver_that_comes_and_goes_is_known(bus: str, heard: Heard, vendor: str) -> None:
    async with watching(bus, heard, Saver("org.freedesktop"), Saver("org.gnome")) as attention:
        assert attention.reason is None
        saver = ScreenSaver(vendor)
        served = await saver.serve(bus)
        saver.turn(on=True)
        await heard.until("locked")
        saver.turn(on=False)
        await heard.until("locked", None)
        saver.turn(on=True)
        await heard.until("locked", None, "locked")
        served.disconnect()
        await heard.until("locked", None, "locked", None)


async def test_a_service_that_says_it_is_inhibited_is_believed(bus: str, heard: Heard) -> None:
    kde = FakeDesktop(lambda *_, **__: None, tray=False, inhibitions=True)
    await kde.start(bus)
    async with watching(bus, heard, Service()):
        kde.notifications.inhibit(on=True)
        await heard.until("do not disturb")
        kde.stop()
        await heard.until("do not disturb", None)


async def test_xfces_do_not_disturb_is_known_while_xfces_service_shows_notifications(bus: str, heard: Heard) -> None:
    """Its service takes an alert and shows it to nobody; told as shown, no e-mail would follow."""
    xfce = FakeDesktop(lambda *_, **__: None, tray=False)
    xfce.notifications.service = "Xfce Notify Daemon"
    await xfce.start(bus)
    settings = Xfconf()
    served = await settings.serve(bus)
    async with watching(bus, heard, Service()) as attention:
        assert attention.reason is None, "never set, never on"
        settings.set("xfce4-notifyd", "/do-not-disturb", True)
        await heard.until("do not disturb")
        settings.set("xfce4-notifyd", "/do-not-disturb", False)
        await heard.until("do not disturb", None)
        settings.set("xfce4-notifyd", "/do-not-disturb", True)
        await heard.until("do not disturb", None, "do not disturb")
        xfce.stop()
        await heard.until("do not disturb", None, "do not disturb", None)
    served.disconnect()
    other = Message.new_signal("/org/xfce/Xfconf", Xfconf.NAME, "PropertyChanged", "ssv")
    other.body = ["xfce4-notifyd", "/theme", None]
    assert not Service().concerns(other), "each change of a setting would ask the service anew"


async def test_an_app_that_xfce_mutes_is_shown_to_nobody(bus: str, heard: Heard) -> None:
    xfce = FakeDesktop(lambda *_, **__: None, tray=False)
    xfce.notifications.service = "Xfce Notify Daemon"
    await xfce.start(bus)
    settings = Xfconf()
    served = await settings.serve(bus)
    async with watching(bus, heard, Muted()) as attention:
        assert attention.reason is None, "never set, never muted"
        settings.set("xfce4-notifyd", "/applications/muted_applications", ["slack", "FlowPilot-Tray"])
        await heard.until("notifications off")
        settings.set("xfce4-notifyd", "/applications/muted_applications", ["slack"])
        await heard.until("notifications off", None)
    served.disconnect()
    xfce.stop()


async def test_an_app_whose_popups_kde_does_not_show_is_shown_to_nobody(
    bus: str, heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    settings = tmp_path / "plasmanotifyrc"
    settings.write_text("[Applications][@other]\nShowPopups=false\n")
    kde = FakeDesktop(lambda *_, **__: None, tray=False)
    kde.notifications.service = "Plasma"
    await kde.start(bus)
    assert kde.bus is not None
    written = Message.new_signal("/plasmanotifyrc", "org.kde.kconfig.notify", "ConfigChanged", "s", [""])
    async with watching(bus, heard, Muted()) as attention:
        assert attention.reason is None
        settings.write_text("[Applications][flowpilot-tray]\nSeen=true\nShowPopups=false\n")
        kde.bus.send(written)
        await heard.until("notifications off")
        settings.write_text("what is this")
        kde.bus.send(written)
        await heard.until("notifications off", None)
    kde.stop()


async def test_makos_do_not_disturb_is_known_with_and_without_a_word_of_it(
    bus: str, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(covers, "MAKO_AGAIN_S", 0.05)
    desktop = FakeDesktop(lambda *_, **__: None, tray=False)
    desktop.notifications.service = "mako"
    await desktop.start(bus)
    assert desktop.bus is not None
    mako = Mako()
    desktop.bus.export(Mako.PATH, mako)
    async with watching(bus, heard, Service()):
        mako.modes = ["default", "do-not-disturb"]
        await heard.until("do not disturb")
        mako.modes = ["default", "focus"]
        await heard.until("do not disturb", None)
    monkeypatch.setattr(covers, "MAKO_AGAIN_S", 600.0)
    heard.reasons.clear()
    async with watching(bus, heard, Service()):
        mako.modes = ["do-not-disturb"]
        mako.tell(desktop.bus)
        await heard.until("do not disturb")
    desktop.stop()


async def test_the_lock_is_named_before_do_not_disturb(bus: str, heard: Heard) -> None:
    kde = FakeDesktop(lambda *_, **__: None, tray=False, inhibitions=True)
    await kde.start(bus)
    async with watching(bus, heard, Service(), Saver("org.freedesktop")):
        kde.notifications.inhibit(on=True)
        await heard.until("do not disturb")
        kde.saver.turn(on=True)
        await heard.until("do not disturb", "locked")
        kde.saver.turn(on=False)
        await heard.until("do not disturb", "locked", "do not disturb")
    kde.stop()


@pytest.mark.skipif(shutil.which("gsettings") is None, reason="no gsettings here")
async def test_gnome_without_banners_is_do_not_disturb(
    bus: str, heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real gsettings with a settings file; dconf's note of the change is played."""
    monkeypatch.setenv("GSETTINGS_BACKEND", "keyfile")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    dconf = await MessageBus(bus_address=bus, bus_type=BusType.SESSION).connect()

    async def set_banners(value: str) -> None:
        done = await asyncio.create_subprocess_exec(
            "gsettings", "set", "org.gnome.desktop.notifications", "show-banners", value
        )
        assert await done.wait() == 0
        body = ["/org/gnome/desktop/notifications/show-banners", [""], "tag"]
        where = ("/ca/desrt/dconf/Writer/user", "ca.desrt.dconf.Writer", "Notify")
        await dconf.send(Message.new_signal(*where, "sass", body))

    async with watching(bus, heard, Banners()):
        await set_banners("false")
        await heard.until("do not disturb")
        await set_banners("true")
        await heard.until("do not disturb", None)
    dconf.disconnect()


async def test_gnomes_switch_for_this_app_is_notifications_off(
    bus: str, heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gsettings is played, since its schema of one app's switches comes with GNOME alone; it is asked for this app."""
    answer = tmp_path / "enable"
    answer.write_text("false")
    tool = tmp_path / "gsettings"
    tool.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/asked"\ncat "{answer}"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    dconf = await MessageBus(bus_address=bus, bus_type=BusType.SESSION).connect()
    async with watching(bus, heard, Permission()):
        await heard.until("notifications off")
        answer.write_text("true")
        body = ["/org/gnome/desktop/notifications/application/flowpilot-tray/", ["enable"], "tag"]
        where = ("/ca/desrt/dconf/Writer/user", "ca.desrt.dconf.Writer", "Notify")
        await dconf.send(Message.new_signal(*where, "sass", body))
        await heard.until("notifications off", None)
    asked = (tmp_path / "asked").read_text().splitlines()[0]
    assert asked == (
        "get org.gnome.desktop.notifications.application:"
        "/org/gnome/desktop/notifications/application/flowpilot-tray/ enable"
    )
    dconf.disconnect()


async def test_without_any_bus_nothing_covers_the_screen(tmp_path: Path, heard: Heard) -> None:
    async with watching(f"unix:path={tmp_path}/nothing-here", heard, Login(), Service()) as attention:
        assert attention.reason is None


# -- a real notification daemon --------------------------------------------------------------------------------------


class Nobody:
    """Hears of presses and closings."""

    def __init__(self) -> None:
        self.closed: asyncio.Queue[str] = asyncio.Queue()

    def toast_pressed(self, toast_id: str, action: str) -> None: ...
    def toast_came_up(self, toast_id: str) -> None: ...
    def toast_failed(self, toast_id: str, reason: str) -> None: ...

    def toast_closed(self, toast_id: str) -> None:
        self.closed.put_nowait(toast_id)


class Dunst:
    """A real dunst on a screen of its own."""

    def __init__(self, display: str, bus: str, folder: Path) -> None:
        self._environment = {**os.environ, "DISPLAY": display, "DBUS_SESSION_BUS_ADDRESS": bus, "HOME": str(folder)}
        (folder / "dunstrc").write_text("[global]\n")
        self.process = subprocess.Popen(
            ["dunst", "-conf", str(folder / "dunstrc")],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    async def ctl(self, *arguments: str) -> str | None:
        done = await asyncio.create_subprocess_exec(
            "dunstctl", *arguments, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        answer, _ = await done.communicate()
        return answer.decode().strip() if done.returncode == 0 else None

    async def until(self, ready: Callable[[], Any]) -> None:
        async with asyncio.timeout(30):
            while not await ready():  # noqa: ASYNC110 - another process, watched from outside
                await asyncio.sleep(0.02)

    async def counts(self, what: str, number: int) -> None:
        async def same() -> bool:
            return await self.ctl("count", what) == str(number)

        await self.until(same)

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture
async def dunst(bus: str, tmp_path: Path) -> AsyncIterator[Dunst]:
    with screen() as display:
        daemon = Dunst(display, bus, tmp_path)
        try:
            await daemon.counts("displayed", 0)
            yield daemon
        finally:
            daemon.end()


@pytest.mark.skipif(shutil.which("dunst") is None, reason="no dunst here")
async def test_a_paused_dunst_takes_an_alert_and_shows_it_to_nobody(dunst: Dunst, bus: str, heard: Heard) -> None:
    system = SystemToasts(Nobody(), bus)
    await system.start()
    async with watching(bus, heard, Service()):
        assert await system.show(toasts.new(row("h1"))) == "system"
        await dunst.counts("displayed", 1)
        assert heard.reasons == []
        await dunst.ctl("set-paused", "true")
        await heard.until("do not disturb")
        assert await system.show(toasts.new(row("h2", title="Another"))) == "system", "taken, and yet"
        await dunst.counts("waiting", 2)
        await dunst.ctl("set-paused", "false")
        await heard.until("do not disturb", None)
        await dunst.counts("displayed", 2)
    await system.stop()


@pytest.mark.skipif(shutil.which("dunst") is None, reason="no dunst here")
async def test_a_dunst_that_ends_takes_its_toasts_along_and_the_next_alert_fails(dunst: Dunst, bus: str) -> None:
    nobody = Nobody()
    system = SystemToasts(nobody, bus)
    await system.start()
    await system.show(toasts.new(row("h1")))
    dunst.end()
    async with asyncio.timeout(30):
        assert await nobody.closed.get() == "h1"
    assert not system.usable
    with pytest.raises(ToastFailedError, match="the notification service"):
        await system.show(toasts.new(row("h2")))
    await system.stop()


def test_the_signal_of_another_program_is_no_hint() -> None:
    foreign = Message(
        message_type=MessageType.SIGNAL,
        path="/ca/desrt/dconf/Writer/user",
        interface="ca.desrt.dconf.Writer",
        member="Notify",
        signature="sass",
        body=["/org/gnome/desktop/interface/", ["color-scheme"], "tag"],
    )
    assert not Banners().concerns(foreign)
