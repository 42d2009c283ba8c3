"""Quitting: whoever is on call hears what it means first; nobody else is asked."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from desktop.screen import QtScreen, Wishes
from desktop.ui.dialogs import KeysDialog, QuitDialog
from desktop.ui.sign_in import SignInWindow
from desktop.ui.text import Prose
from tests.desktop.rig import app, serving

pytestmark = pytest.mark.usefixtures("themed")


class Quitting:
    """A screen whose controller is on call or not, and what it asked the app for."""

    def __init__(self, qapp: QApplication, *, on_call: bool) -> None:
        self.told: list[str] = []
        wishes: dict[str, Any] = {
            name: (lambda *_given, name=name: self.told.append(name)) for name in Wishes.__dataclass_fields__
        }
        self.screen = QtScreen(qapp, Wishes(**wishes))
        self.screen.controller = cast("Any", SimpleNamespace(on_call=on_call))


def question() -> QuitDialog | None:
    return next((each for each in QApplication.topLevelWidgets() if isinstance(each, QuitDialog)), None)


def test_on_call_the_question_says_what_follows_and_cancel_stays(qapp: QApplication, qtbot: QtBot) -> None:
    desk = Quitting(qapp, on_call=True)
    desk.screen.ask_quit()
    desk.screen.ask_quit()
    asked = question()
    assert asked is not None
    words = asked.findChild(Prose, "quitText")
    assert words is not None
    assert words.text() == "You will not be notified on this computer until you start it again."
    asked.cancel_button.click()
    assert desk.told == []
    qtbot.waitUntil(lambda: question() is None)
    desk.screen.ask_quit()
    asked = question()
    assert asked is not None
    asked.quit_button.click()
    assert desk.told == ["quit"]
    desk.screen.close()


def test_off_call_nobody_is_asked(qapp: QApplication) -> None:
    desk = Quitting(qapp, on_call=False)
    desk.screen.ask_quit()
    assert desk.told == ["quit"]
    assert question() is None
    desk.screen.close()


async def test_on_call_is_who_would_be_told_of_an_escalation_now() -> None:
    async with serving() as server, app(server) as (seen, controller), app(server, "mina") as (other, junior):
        found = [controller.on_call]
        await seen.until(lambda: seen.state() == "connected")
        await other.until(lambda: other.state() == "connected")
        assert not junior.on_call, "a technician is told of none"
        found.append(controller.on_call)
        for choice in ("on", "off"):
            controller.do_not_disturb(choice)
            found.append(controller.on_call)
        server.users.pop("dana")
        await server.drop(4401)
        await seen.until(lambda: seen.state() == "signed_out")
        assert [*found, controller.on_call] == [False, True, False, True, False]


def test_the_sign_in_window_leads_to_the_proxy_that_may_be_in_its_way(qtbot: QtBot) -> None:
    window = SignInWindow("flow.example")
    qtbot.addWidget(window)
    button = window.findChild(QPushButton, "networkSettingsButton")
    assert button is not None
    with qtbot.waitSignal(window.network_requested):
        button.click()


def test_the_list_of_keys_says_when_letters_are_off(qtbot: QtBot) -> None:
    for letters in (True, False):
        dialog = KeysDialog(None, letters=letters)
        qtbot.addWidget(dialog)
        assert (dialog.findChild(Prose, "keysOff") is None) is letters
