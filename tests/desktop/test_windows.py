"""Settings, about and the first run as the app opens them: what is asked of the system is what is shown afterwards."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from desktop.applied import Applied
from desktop.core.alerting import Alerting
from desktop.core.views import ProbeStep
from desktop.core.vitals import Vitals
from desktop.net.proxy import ProxyChoice
from desktop.platform.autostart import XdgAutostart
from desktop.platform.scheme import XdgLinkHandler
from desktop.platform.sound import Player
from desktop.settings import Settings, load
from desktop.settings.store import Store
from desktop.ui.first_run import FINISH, LOOK
from desktop.ui.theme import ThemeChoice
from desktop.windows import Around, Windows
from tests.support import settings_samples
from tests.support.desktop_samples import NOW
from tests.unit.desktop.samples import ME

pytestmark = pytest.mark.usefixtures("themed")


class Fake:
    """The app around the windows."""

    def __init__(self, folder: Path, store: Store | None = None) -> None:
        settings = load(server=None, profile="default", data_dir=str(folder / "data"))
        self.settings: Settings = settings if store is None else replace(settings, store=store)
        self.autostart = XdgAutostart(("flowpilot-tray",), folder / "autostart", (folder / "system",))
        self.vitals = Vitals(lambda: 0.0, lambda: NOW, lambda: None)
        self.sent = 0
        self.hops: list[tuple[ProbeStep, ...]] = []
        self.cover: str | None = None
        self.by_system = True
        self.signed_out = 0
        self.started: list[Coroutine[Any, Any, None]] = []
        self.trial = SimpleNamespace(listener=None, shown_at=None, steps=())
        self.private: list[str] = []
        controller = SimpleNamespace(
            me=None,
            vitals=self.vitals,
            trial=self.trial,
            test_notification=self._send,
            check_up=lambda: None,
        )
        controller.private = self.private
        self.desk = SimpleNamespace(controller=controller)
        router = SimpleNamespace(words="System service, buttons supported", by_system=True)
        self.windows = Windows(
            Around(
                settings=self.settings,
                player=Player(folder / "sounds", ()),
                autostart=lambda: self.autostart,
                links=lambda: XdgLinkHandler(("flowpilot-tray",), folder / "applications"),
                desk=lambda: cast("Any", self.desk),
                router=lambda: cast("Any", router),
                daemon_sounds=lambda: False,
                cover=lambda: self.cover,
                tray=lambda: True,
                server=lambda: "https://flow.example",
                kept=lambda: "In the system keyring",
                start=self.started.append,
                updates=lambda: None,
                ask_sign_in=lambda: None,
                sign_out=self._sign_out,
                show_test=self.hops.append,
                hotkey_trouble=lambda: "",
            )
        )

    def _send(self) -> None:
        self.sent += 1

    def _sign_out(self) -> None:
        self.signed_out += 1


def test_start_at_login_is_asked_of_the_system_and_shown_as_it_then_is(tmp_path: Path, qtbot: QtBot) -> None:
    fake = Fake(tmp_path)
    fake.windows.open_settings()
    window = fake.windows._settings
    assert window is not None
    qtbot.addWidget(window)
    assert not window.general.start.isChecked()
    window.general.start.click()
    assert window.general.start.isChecked()
    assert fake.autostart.state().on
    (tmp_path / "autostart" / "flowpilot-tray.desktop").unlink()
    (tmp_path / "autostart").rmdir()
    (tmp_path / "autostart").write_text("in the way")
    window.general.start.click()
    window.general.start.click()
    assert not window.general.start.isChecked(), "a system that refuses is not painted over"
    assert window.foot.text().startswith("Not changed: ")
    assert window.notifications.silent.text().startswith("No sound player on this computer, and the notification")
    window.account.sign_out.click()
    window.nav.about_requested.emit()
    assert fake.windows._about is not None
    qtbot.addWidget(fake.windows._about)
    fake.windows.close()


@pytest.mark.parametrize(
    ("trouble", "cover", "title"),
    [
        (None, None, "Notifications are allowed"),
        (None, "do not disturb", "Do not disturb"),
        ("no session bus", None, "The notification did not come up"),
    ],
)
def test_the_first_run_tells_what_became_of_the_test_notification(
    tmp_path: Path, qtbot: QtBot, trouble: str | None, cover: str | None, title: str
) -> None:
    fake = Fake(tmp_path)
    fake.cover = cover
    fake.windows.entered()
    qtbot.waitUntil(lambda: fake.windows._first is not None)
    first = fake.windows._first
    assert first is not None
    qtbot.addWidget(first)
    assert (first.step, fake.sent) == (LOOK, 1)
    assert not fake.autostart.state().on, "nothing is done before the user has seen the box"
    shown = ProbeStep("Notification", "bad", trouble) if trouble else ProbeStep("Notification", "good", "On the screen")
    fake.trial.listener((ProbeStep("Server", "good"), ProbeStep("Live link", "good"), shown), False)
    assert first.result.accessibleName().startswith(f"{title}. ")
    first.yes.click()
    assert first.step == FINISH
    first.finish.click()
    assert fake.settings.store.flag("set_up")
    assert fake.autostart.state().on, "the machine's default, left as it was"
    fake.windows.entered()
    qtbot.wait(20)
    assert fake.windows._first is None, "once in the life of a computer"


def test_a_computer_that_was_set_up_by_its_administrators_has_no_first_run(tmp_path: Path, qtbot: QtBot) -> None:
    fake = Fake(tmp_path, settings_samples.store(tmp_path, {"set_up": True}))
    fake.windows.entered()
    qtbot.wait(20)
    assert fake.windows._first is None
    assert not fake.autostart.state().on


def test_about_names_who_manages_it_and_copies_the_settings_with_their_origins(tmp_path: Path, qtbot: QtBot) -> None:
    store = settings_samples.store(tmp_path, settings_samples.POLICY)
    fake = Fake(tmp_path, store)
    fake.windows.open_about()
    window = fake.windows._about
    assert window is not None
    qtbot.addWidget(window)
    assert window.update_line.text() == "Managed by Northbeam IT"
    assert not window.updates_button.isVisible()
    window.copy_button.click()
    copied = QGuiApplication.clipboard().text()
    assert "organisation         = Northbeam IT  (policy: " in copied
    assert "Credentials: In the system keyring" in copied
    assert fake.windows._fresh.isActive()
    window.close()
    fake.windows._tick()
    assert not fake.windows._fresh.isActive(), "nothing is made anew while nobody looks"


def test_open_settings_follow_a_sign_in_that_ends(tmp_path: Path, qtbot: QtBot) -> None:
    fake = Fake(tmp_path)
    fake.desk.controller.me = ME
    fake.windows.open_settings()
    window = fake.windows._settings
    assert window is not None
    qtbot.addWidget(window)
    assert window.account.sign_out.text() == "Sign out"
    fake.desk.controller.me = None
    fake.windows._tick()
    assert window.account.sign_out.text() == "Sign in"
    assert window.account.values["name"].text() == "None"
    window.close()
    fake.windows._tick()
    assert not fake.windows._fresh.isActive(), "nothing is made anew while nobody looks"


async def test_a_version_that_the_server_does_not_take_is_said(tmp_path: Path, qtbot: QtBot) -> None:
    fake = Fake(tmp_path)
    answers = iter(["1.2", None])

    async def newer() -> str | None:
        await asyncio.sleep(0)
        return next(answers)

    fake.desk.newer_version = newer
    fake.windows.open_about()
    window = fake.windows._about
    assert window is not None
    qtbot.addWidget(window)
    await fake.windows._check_version()
    assert window.update_line.text() == "Your server needs version 1.2. Ask whoever runs FlowPilot"
    await fake.windows._check_version()
    assert window.update_line.text().startswith("Works with your server, checked today ")
    fake.windows.close()


def test_the_hops_of_a_test_notification_stand_in_whatever_window_is_open(tmp_path: Path, qtbot: QtBot) -> None:
    fake = Fake(tmp_path)
    fake.windows.open_about()
    fake.windows.open_settings()
    about, settings = fake.windows._about, fake.windows._settings
    assert about is not None
    assert settings is not None
    qtbot.addWidget(about)
    qtbot.addWidget(settings)
    about.send_button.click()
    assert fake.sent == 1
    steps = (ProbeStep("Server", "good", "Took the request, 10:46:02, 34 ms"), ProbeStep("Live link", "running"))
    fake.trial.listener(steps, True)
    assert (about.send_button.text(), settings.notifications.test.text()) == ("Sending", "Sending")
    fake.trial.listener(steps, False)
    assert about.hops.steps == settings.notifications.steps.steps == steps
    assert fake.hops[-1] == steps, "and where the queue is empty"
    assert about.hops.isVisibleTo(about)
    assert settings.notifications.steps.isVisibleTo(settings)
    fake.windows.close()


class Follower:
    """What was carried where."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def wear(self, theme: ThemeChoice) -> None:
        self.told.append(theme)

    def alert_as(self, alerting: Alerting) -> None:
        self.told.append(alerting)

    def use_proxy(self, proxy: ProxyChoice) -> None:
        self.told.append(proxy)

    def set_hotkey(self, keys: str) -> None:
        self.told.append(keys)

    def set_window(self, *, letter_keys: bool, keep_in_tray: bool) -> None:
        self.told.append((letter_keys, keep_in_tray))


def test_each_setting_reaches_what_follows_it_and_nothing_else(tmp_path: Path) -> None:
    store = settings_samples.store(tmp_path)
    follower = Follower()
    autostart = XdgAutostart(("x",), tmp_path / "autostart", (tmp_path / "system",))
    Applied(store, follower, lambda: autostart).begin()
    assert follower.told == ["system", (True, True)]
    follower.told.clear()
    store.set("theme", "dark")
    store.set("proxy.mode", "none")
    store.set("single_letter_keys", value=False)
    store.set("sound.repeat_s", 120)
    store.set("hotkey", "Ctrl+Shift+E")
    assert follower.told == ["dark", ProxyChoice("none"), (False, True), Alerting(repeat_s=120), "Ctrl+Shift+E"]
    assert not autostart.state().on, "the user's own is asked of the system when it is pressed"
    (tmp_path / "policy.d" / "it.json").write_text('{"start_at_login": true}')
    store.reload()
    assert autostart.state().on
    (tmp_path / "policy.d" / "it.json").write_text('{"start_at_login": false}')
    store.reload()
    assert not autostart.state().on
