"""The tray's menu: what is offered when, and that claiming asks first."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.core.views import TrayView
from desktop.ui.dialogs import ClaimDialog
from desktop.ui.tray import Tray
from tests.support import desktop_samples as samples

pytestmark = pytest.mark.usefixtures("themed")
WAITING = TrayView(
    state="urgent",
    count=4,
    tooltip="FlowPilot: 4 waiting, 1 urgent (Kestrel Logistics)",
    status_line="4 waiting, 1 urgent",
    next_row=samples.rows()[0],
)


@pytest.fixture
def tray(qapp: QApplication) -> Iterator[Tray]:
    made = Tray(qapp)
    made.show_tray(WAITING)
    yield made
    made.hide()
    made.menu.deleteLater()
    made.deleteLater()


def entry(tray: Tray, name: str) -> QAction:
    found = tray.menu.findChild(QAction, name)
    assert isinstance(found, QAction), name
    return found


def test_state_and_tooltip_are_on_the_icon(tray: Tray) -> None:
    assert tray.icon.objectName() == "trayIcon"
    assert tray.icon.property("trayState") == "urgent"
    assert tray.icon.toolTip() == "FlowPilot: 4 waiting, 1 urgent (Kestrel Logistics)"
    assert not tray.icon.icon().isNull()


def test_the_status_line_is_read_and_not_pressed(tray: Tray) -> None:
    assert tray.menu.objectName() == "trayMenu"
    first = tray.menu.actions()[0]
    assert first.text() == "4 waiting, 1 urgent"
    assert not first.isEnabled()


def test_beside_open_queue_stands_its_shortcut_or_how_many_wait_behind_do_not_disturb(tray: Tray) -> None:
    opening = entry(tray, "actionOpenQueue")
    assert opening.text() == "Open queue"
    tray.set_keys("Ctrl+Shift+E")
    assert opening.text() == "Open queue\tCtrl+Shift+E"
    tray.show_tray(replace(WAITING, state="dnd", dnd_on=True))
    assert opening.text() == "Open queue\t4 waiting"
    tray.show_tray(WAITING)
    tray.set_keys("")
    assert opening.text() == "Open queue"


def test_claim_next_names_the_customer_and_asks_before_it_claims(tray: Tray, qapp: QApplication) -> None:
    spy = QSignalSpy(tray.claim_next)
    action = entry(tray, "actionClaimNext")
    assert action.text() == "Claim next\tKestrel Logistics"
    action.trigger()
    action.trigger()  # a second press must not stack a second question
    dialogs = [each for each in qapp.topLevelWidgets() if isinstance(each, ClaimDialog) and each.isVisible()]
    assert len(dialogs) == 1
    assert dialogs[0].title.text() == "Claim Domain controller down, 60 users locked out for Kestrel Logistics?"
    tray.show_tray(replace(WAITING, next_row=samples.rows()[1]))  # another came to the top meanwhile
    assert spy.count() == 0
    dialogs[0].claim_button.click()
    assert spy.count() == 1
    assert spy.at(0) == ["h1"]


def test_claim_next_can_be_declined(tray: Tray, qapp: QApplication) -> None:
    spy = QSignalSpy(tray.claim_next)
    entry(tray, "actionClaimNext").trigger()
    dialog = next(each for each in qapp.topLevelWidgets() if isinstance(each, ClaimDialog) and each.isVisible())
    dialog.cancel_button.setFocus()
    QTest.keyClick(dialog.cancel_button, Qt.Key.Key_Return)
    assert not dialog.isVisible()
    assert spy.count() == 0


@pytest.mark.parametrize("state", ["offline", "signedOut"])
def test_claim_next_is_hidden_where_it_could_not_work(tray: Tray, state: str) -> None:
    tray.show_tray(replace(WAITING, state=state))  # type: ignore[arg-type]  # from the parameter list
    assert not entry(tray, "actionClaimNext").isVisible()
    tray.show_tray(replace(WAITING, next_row=None))
    assert not entry(tray, "actionClaimNext").isVisible()


def test_do_not_disturb_offers_spans_or_its_end(tray: Tray) -> None:
    told: list[object] = []
    tray.dnd_requested.connect(told.append)
    for name in ("actionDnd30", "actionDnd60", "actionDndTomorrow", "actionDndOn"):
        entry(tray, name).trigger()
    assert not entry(tray, "actionDndOff").isVisible()
    tray.show_tray(replace(WAITING, state="dnd", dnd_on=True))
    assert entry(tray, "actionDndOff").isVisible()
    entry(tray, "actionDndOff").trigger()
    assert told == [30, 60, "tomorrow", "on", "off"]


def test_open_about_and_quit_are_told_once(tray: Tray) -> None:
    spies = [QSignalSpy(tray.toggle_queue), QSignalSpy(tray.about_requested), QSignalSpy(tray.quit_requested)]
    for name in ("actionOpenQueue", "actionAbout", "actionQuit"):
        entry(tray, name).trigger()
    assert [spy.count() for spy in spies] == [1, 1, 1]


def test_settings_stay_away_until_there_are_any(tray: Tray) -> None:
    assert not entry(tray, "actionSettings").isVisible()
    tray.set_settings_available(True)
    assert entry(tray, "actionSettings").isVisible()


def test_an_ampersand_in_a_name_is_no_mnemonic_and_a_tab_no_column(tray: Tray) -> None:
    odd = replace(samples.rows()[0], customer="Bold\t& Sons")
    tray.show_tray(replace(WAITING, next_row=odd))
    assert entry(tray, "actionClaimNext").text() == "Claim next\tBold && Sons"


def test_the_icon_moves_only_while_reconnecting(tray: Tray) -> None:
    tray.show_tray(replace(WAITING, state="reconnecting"))
    moving = tray._frames.isActive()
    tray.show_tray(replace(WAITING, state="idle", count=0))
    assert moving
    assert not tray._frames.isActive()


def test_a_burst_redraws_the_icon_at_most_once_a_second(tray: Tray, qtbot: QtBot) -> None:
    drawn = tray.icon.icon().cacheKey()
    tray._calm.start(40)
    tray.show_tray(replace(WAITING, count=5))
    assert tray.icon.icon().cacheKey() == drawn
    qtbot.waitUntil(lambda: tray.icon.icon().cacheKey() != drawn, timeout=20_000)


def test_a_panel_that_came_late_gets_a_new_icon_with_everything_on_it(tray: Tray) -> None:
    old = tray.icon
    tray.recreate()
    assert tray.icon is not old
    assert tray.icon.property("trayState") == "urgent"
    assert tray.icon.toolTip() == WAITING.tooltip
    assert tray.icon.contextMenu() is tray.menu
    assert not tray.icon.icon().isNull()
