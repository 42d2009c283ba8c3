"""About and the first run: rows that stay selectable, steps that come one by one, a notification that is seen."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from desktop.core.views import ProbeStep
from desktop.settings.store import Store
from desktop.ui.about import AboutWindow
from desktop.ui.first_run import FINISH, LOOK, SIGN_IN, FirstRunWindow
from desktop.ui.first_run_help import steps, system_key, where_the_icon_is
from desktop.ui.text import Prose
from tests.support import settings_samples

pytestmark = pytest.mark.usefixtures("themed")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return settings_samples.store(tmp_path)


@pytest.fixture
def first(qtbot: QtBot, store: Store) -> FirstRunWindow:
    window = FirstRunWindow(store, "gnome", tray=True, autostart=False)
    qtbot.addWidget(window)
    window.show()
    return window


def test_the_first_run_by_keyboard_from_the_sign_in_to_the_end(first: FirstRunWindow, store: Store) -> None:
    asked, looks, ended = (QSignalSpy(each) for each in (first.sign_in_requested, first.look_requested, first.finished))
    first.show_person("")
    first.show_step(SIGN_IN)
    QTest.keyClick(first.go_on, Qt.Key.Key_Return)
    assert asked.count() == 1
    first.show_person("https://flow.example")
    QTest.keyClick(first.go_on, Qt.Key.Key_Return)
    assert (first.step, looks.count()) == (LOOK, 1)
    first.show_result("Notifications are allowed", "The system took the notification at 09:13:02.", good=True)
    assert first.result.accessibleName() == "Notifications are allowed. The system took the notification at 09:13:02."
    assert first.yes.hasFocus()
    QTest.keyClick(first.yes, Qt.Key.Key_Return)
    assert first.step == FINISH
    first.keep.click()
    assert not store.flag("keep_in_tray")
    wishes = QSignalSpy(first.autostart_requested)
    first.start.click()
    assert wishes.count() == 0
    QTest.keyClick(first.finish, Qt.Key.Key_Return)
    assert wishes.at(0) == [True]
    assert ended.count() == 1
    assert not first.isVisible()


def test_when_nothing_appeared_it_says_what_to_check_and_sends_again(first: FirstRunWindow) -> None:
    looks = QSignalSpy(first.look_requested)
    first.show_step(LOOK)
    shown = first.findChild(QWidget, "firstRunHelp")
    assert shown is not None
    assert not shown.isVisible()
    first.no.click()
    assert shown.isVisible()
    first.again.click()
    assert looks.count() == 2
    first.skip.click()
    assert first.step == FINISH
    first.back.click()
    assert first.step == LOOK
    assert not shown.isVisible()


def test_closed_half_way_it_ends_once_and_does_not_come_back(first: FirstRunWindow) -> None:
    ended, wishes = QSignalSpy(first.finished), QSignalSpy(first.autostart_requested)
    first.show_step(LOOK)
    QTest.keyClick(first, Qt.Key.Key_Escape)
    first.close()
    assert ended.count() == 1
    assert wishes.count() == 0, "who has not seen the box has not agreed to it"


def test_every_system_has_its_own_checks_and_knows_where_its_icon_is() -> None:
    keys = {
        system_key("win32", ""),
        system_key("darwin", ""),
        system_key("linux", "ubuntu:GNOME"),
        system_key("linux", "KDE"),
        system_key("linux", "sway"),
    }
    assert keys == {"windows", "macos", "gnome", "kde", "linux"}
    assert len({steps(key) for key in keys}) == 5
    assert len({where_the_icon_is(key, tray=True) for key in keys}) == 5
    assert where_the_icon_is("kde", tray=False).startswith("This desktop has no tray.")


def test_a_row_that_grows_older_keeps_what_the_user_has_selected(qtbot: QtBot) -> None:
    window = AboutWindow([])
    qtbot.addWidget(window)
    window.show()
    window.show_rows([("Connection", "Live for 1 min"), ("Server", "flow.example")], live=True)
    server = window.findChildren(Prose)[1]
    qtbot.waitUntil(lambda: server.isVisible() and bool(server._heights))
    server.selectAll()
    window.show_rows([("Connection", "Live for 2 min"), ("Server", "flow.example")], live=True)
    assert server.textCursor().selectedText() == "flow.example"
    assert window.text().startswith("Connection: Live for 2 min")


def test_the_connection_test_is_drawn_and_copied_with_the_rest(qtbot: QtBot) -> None:
    window = AboutWindow([("Server", "x")], lambda steps: f"{len(steps)} steps")
    qtbot.addWidget(window)
    window.show()
    spy = QSignalSpy(window.connection_test_requested)
    window.test_button.click()
    assert spy.count() == 1
    window.show_steps((ProbeStep("DNS", "good", "192.0.2.7, 3 ms"), ProbeStep("TLS", "running")), running=True)
    assert window.test_button.words() == "Testing"
    window.show_steps((ProbeStep("DNS", "bad", "The name is not known."),), running=False)

    def drawn() -> list[str]:
        return [each.accessibleName() for each in window.test.findChildren(QWidget) if each.isVisible()]

    qtbot.waitUntil(lambda: "DNS: failed. The name is not known." in drawn())
    assert window.test_button.words() == "Run connection test"
    window.copy_button.click()
    assert QGuiApplication.clipboard().text() == "1 steps"


def test_who_manages_the_updates_is_said_and_then_nothing_is_offered(qtbot: QtBot) -> None:
    window = AboutWindow([])
    qtbot.addWidget(window)
    window.show()
    window.show_update("Managed by Northbeam IT", can_check=False)
    assert (window.update_line.text(), window.updates_button.isVisible()) == ("Managed by Northbeam IT", False)
