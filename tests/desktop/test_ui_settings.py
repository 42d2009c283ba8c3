"""The settings window: what it shows is in force, what is pressed is kept at once, what is locked says why."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from desktop.settings.schema import COLUMNS, PRIORITIES
from desktop.settings.store import Store
from desktop.ui import theme
from desktop.ui.queue_window import QueueWindow
from desktop.ui.settings_parts import Check, Choice, Clock
from desktop.ui.settings_window import APPLY, SettingsWindow
from tests.support import desktop_samples
from tests.support import settings_samples as samples

pytestmark = pytest.mark.usefixtures("themed")
NAMES = [
    "settingsNav",
    *(f"page{page}" for page in ("Account", "Notifications", "QuietHours", "General", "Connection")),
    *(f"notify_{priority}_{column}" for priority in PRIORITIES for column in COLUMNS),
    *("notifyScopeCombo", "soundCombo", "soundPlayButton", "testNotificationButton", "lockNotice", "quietEnabled"),
    *("quietFrom", "quietTo", "startAtLogin", "keepInTray", "themeCombo", "hotkeyEdit", "proxyCombo", "signOutButton"),
]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return samples.store(tmp_path)


@pytest.fixture
def window(qtbot: QtBot, store: Store) -> Iterator[SettingsWindow]:
    shown = SettingsWindow(store, samples.FACTS)
    qtbot.addWidget(shown)
    shown.show()
    yield shown
    shown.close()


def part(window: QWidget, name: str) -> QWidget:
    found = window.findChild(QWidget, name)
    assert found is not None, name
    return found


def check(window: QWidget, name: str) -> Check:
    found = part(window, name)
    assert isinstance(found, Check)
    return found


def policy(tmp_path: Path, store: Store, **values: object) -> None:
    (tmp_path / "policy.d" / "it.json").write_text(json.dumps({key.replace("__", "."): v for key, v in values.items()}))
    store.reload()


def test_every_part_has_its_name_and_every_control_is_spoken(window: SettingsWindow) -> None:
    assert window.objectName() == "settingsWindow"
    for name in NAMES:
        part(window, name)
    ours = [each for each in window.findChildren(QWidget) if each.window() is window]
    focusable = [each for each in ours if each.focusPolicy() & Qt.FocusPolicy.TabFocus]
    inner = [each for each in focusable if isinstance(each.parent(), Clock | Choice)]
    silent = [each for each in focusable if each not in inner and not each.accessibleName()]
    assert silent == []
    assert part(window, "notify_urgent_quiet").accessibleName() == "Urgent, in quiet hours"


def test_a_press_is_kept_at_once_and_a_push_from_outside_is_shown(
    window: SettingsWindow, store: Store, tmp_path: Path
) -> None:
    box = check(window, "notify_high_repeat")
    assert not box.isChecked()
    box.click()
    assert json.loads((tmp_path / "home" / "settings.json").read_text()) == {"notify.high.repeat": True}
    policy(tmp_path, store, notify__low__toast=False)
    assert not check(window, "notify_low_toast").isChecked()


def test_what_is_locked_keeps_its_value_says_who_set_it_and_is_told_once(
    window: SettingsWindow, store: Store, tmp_path: Path
) -> None:
    notice = window.notifications.notice
    assert not notice.isVisible()
    policy(tmp_path, store, organisation="Northbeam IT", notify__urgent__toast=True, lock_screen__text="none")
    box = check(window, "notify_urgent_toast")
    assert (box.isEnabled(), box.isChecked(), box.toolTip()) == (False, True, "Set by Northbeam IT")
    assert box.accessibleName() == "Urgent, toast, set by Northbeam IT"
    combo = part(window, "lockScreenCombo")
    assert isinstance(combo, Choice)
    assert (combo.isEnabled(), combo.locked, combo.currentData()) == (False, True, "none")
    assert notice.isVisible()
    assert notice.accessibleName() == "Grey boxes are set by Northbeam IT and cannot be changed here."
    policy(tmp_path, store)
    assert box.isEnabled()
    assert box.accessibleName() == "Urgent, toast"
    assert not notice.isVisible()


def test_a_change_that_cannot_be_kept_is_said_and_taken_back(window: SettingsWindow, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("in the way")
    box = check(window, "notify_low_sound")
    box.click()
    assert not box.isChecked()
    assert window.foot.text() == "Not saved: file exists. The former setting stays."
    (tmp_path / "home").unlink()
    box.click()
    assert (box.isChecked(), window.foot.text()) == (True, APPLY)


def test_the_whole_window_by_keyboard(window: SettingsWindow, store: Store, qtbot: QtBot) -> None:
    qtbot.waitUntil(window.nav.hasFocus)
    QTest.keyClick(window.nav, Qt.Key.Key_Down)
    assert window._stack.currentWidget() is window.quiet
    QTest.keyClick(window.nav, Qt.Key.Key_Tab)
    assert check(window, "quietEnabled").hasFocus()
    QTest.keyClick(check(window, "quietEnabled"), Qt.Key.Key_Return)
    assert store.flag("quiet.enabled")
    reached: list[str] = []
    for _ in range(16):
        focus = QApplication.focusWidget()
        assert focus is not None
        if focus.objectName() not in reached:  # hours and minutes are two stops of one field
            reached.append(focus.objectName())
        QTest.keyClick(focus, Qt.Key.Key_Tab)
    assert [name for name in reached if name.startswith("quiet")] == [
        "quietEnabled",
        *(f"quietDay_{day}" for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")),
        "quietFrom",
        "quietTo",
        "quietUrgent",
    ]
    assert "settingsCloseButton" in reached
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isVisible()


def test_times_and_days_of_quiet_hours_are_kept_and_told_in_words(window: SettingsWindow, store: Store) -> None:
    window.open_section(2)
    start = window.quiet.start
    start.setFocus()
    start.selectAll()
    QTest.keyClick(start, Qt.Key.Key_Up)
    QTest.keyClick(start, Qt.Key.Key_Return)
    assert store.words("quiet.from") == start.words() != "18:00"
    check(window, "quietDay_mon").click()
    assert store.days("quiet.days") == ("tue", "wed", "thu", "fri", "sat", "sun")
    assert window.quiet.span.text() == f"From {start.words()} to 08:00 of the next day."
    for day in store.days("quiet.days"):
        check(window, f"quietDay_{day}").click()
    assert window.quiet.span.text() == "No day is chosen: there are no quiet hours."


def test_start_at_login_shows_what_is_really_so(window: SettingsWindow) -> None:
    spy = QSignalSpy(window.autostart_requested)
    box = check(window, "startAtLogin")
    assert box.isChecked()
    box.click()
    assert spy.at(0) == [False]
    window.show_facts(replace(samples.FACTS, autostart=False, autostart_held="Turned off in the Task Manager"))
    assert (box.isChecked(), box.isEnabled(), box.toolTip()) == (False, False, "Turned off in the Task Manager")


def test_without_a_tray_or_a_player_the_reason_stands_there(window: SettingsWindow) -> None:
    window.open_section(3)
    assert not window.general.tray_hint.isVisible()
    window.show_facts(replace(samples.FACTS, tray=False, sound="No sound player on this computer."))
    assert window.general.tray_hint.isVisible()
    assert window.general.tray_hint.text() == "This desktop has no tray. FlowPilot keeps its window instead."
    assert not check(window, "keepInTray").isEnabled()
    assert not window.notifications.play.isEnabled()
    assert window.notifications.silent.text() == "No sound player on this computer."
    assert not window.general.hotkey.isEnabled()
    assert window.general.hotkey.toolTip() == samples.FACTS.hotkey


def test_a_manual_proxy_has_an_address(window: SettingsWindow, store: Store) -> None:
    window.open_section(4)
    address = window.connection.address
    assert not address.isEnabled()
    window.connection.proxy.picked.emit("manual")
    assert (store.words("proxy.mode"), address.isEnabled()) == ("manual", True)
    QTest.keyClicks(address, "http://proxy:3128")
    QTest.keyClick(address, Qt.Key.Key_Return)
    assert store.words("proxy.url") == "http://proxy:3128"


def test_a_number_of_seconds_that_only_a_policy_would_say_is_shown(
    window: SettingsWindow, store: Store, tmp_path: Path
) -> None:
    policy(tmp_path, store, sound__repeat_s=45)
    assert (window.notifications.repeat.currentText(), window.notifications.repeat.isEnabled()) == ("45 s", False)


def test_about_in_the_list_opens_its_own_window_and_the_page_stays(window: SettingsWindow) -> None:
    spy = QSignalSpy(window.about_requested)
    window.nav.setFocus()
    QTest.keyClick(window.nav, Qt.Key.Key_End)
    assert spy.count() == 0, "walking over it opens nothing"
    QTest.keyClick(window.nav, Qt.Key.Key_Return)
    assert spy.count() == 1
    assert window._stack.currentWidget() is window.notifications


def test_sign_out_says_what_it_means_and_signed_out_offers_the_way_back(window: SettingsWindow) -> None:
    window.open_section(0)
    out, back = QSignalSpy(window.sign_out_requested), QSignalSpy(window.sign_in_requested)
    assert window.account.told.text() == "You will not be notified on this computer."
    window.account.sign_out.click()
    window.show_facts(replace(samples.FACTS, signed_in=False))
    assert window.account.sign_out.words() == "Sign in"
    window.account.sign_out.click()
    assert (out.count(), back.count()) == (1, 1)


def test_high_contrast_draws_every_page_with_the_systems_colours(
    window: SettingsWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Access:
        @staticmethod
        def contrastPreference() -> Qt.ContrastPreference:  # noqa: N802 - Qt's name
            return Qt.ContrastPreference.HighContrast

    monkeypatch.setattr(theme._theme, "_access", Access())
    theme._theme._apply()
    try:
        for place in range(5):
            window.open_section(place)
            assert not window.grab().isNull()
    finally:
        monkeypatch.undo()
        theme._theme._apply()


def test_screen_readers_hear_boxes_as_boxes(window: SettingsWindow) -> None:
    heard = QAccessible.queryAccessibleInterface(check(window, "notify_urgent_sound"))
    assert heard.role() == QAccessible.Role.CheckBox
    assert heard.text(QAccessible.Text.Name) == "Urgent, sound"
    assert heard.state().checked
    field = QAccessible.queryAccessibleInterface(part(window, "hotkeyEdit"))
    assert isinstance(part(window, "hotkeyEdit"), QLineEdit)
    assert field.text(QAccessible.Text.Name).startswith("Global shortcut for the queue")


def test_a_closed_window_hears_no_more_of_the_settings(qtbot: QtBot, store: Store, tmp_path: Path) -> None:
    shown = SettingsWindow(store, samples.FACTS)
    shown.deleteLater()
    qtbot.wait(10)
    policy(tmp_path, store, notify__low__toast=False)
    assert store._listeners == []


def test_single_letter_keys_can_be_turned_off_and_arrows_still_walk(qtbot: QtBot) -> None:
    queue = QueueWindow()
    qtbot.addWidget(queue)
    queue.show()
    queue.show_queue(desktop_samples.queue())
    queue.show_detail(desktop_samples.detail())
    claims, views, walks = (QSignalSpy(each) for each in (queue.claim_requested, queue.view_requested, queue.selected))
    queue.set_letter_keys(False)
    for key in (Qt.Key.Key_C, Qt.Key.Key_V, Qt.Key.Key_J, Qt.Key.Key_Slash):
        QTest.keyClick(queue.column.list, key)
    assert (claims.count(), views.count(), walks.count()) == (0, 0, 0)
    assert not queue.toolbar.search.hasFocus()
    QTest.keyClick(queue.column.list, Qt.Key.Key_Down)
    assert walks.count() == 1
    QTest.keyClick(queue.column.list, Qt.Key.Key_Return)
    assert views.count() == 1
    queue.set_letter_keys(True)
    QTest.keyClick(queue.column.list, Qt.Key.Key_V)
    assert views.count() == 2


def test_whoever_keeps_nothing_in_the_tray_quits_by_closing_the_window(qtbot: QtBot) -> None:
    queue = QueueWindow()
    qtbot.addWidget(queue)
    quits = QSignalSpy(queue.quit_requested)
    queue.show()
    queue.close()
    assert quits.count() == 0
    queue.set_keep_in_tray(False)
    queue.show()
    queue.close()
    assert quits.count() == 1


def test_each_window_comes_back_where_it_was_and_only_onto_a_screen_that_is_there(qtbot: QtBot, store: Store) -> None:
    shown = SettingsWindow(store, samples.FACTS)
    qtbot.addWidget(shown)
    shown.show()
    shown.setGeometry(33, 44, 700, 500)
    shown.close()
    again = SettingsWindow(store, samples.FACTS)
    qtbot.addWidget(again)
    assert (again.x(), again.y(), again.width(), again.height()) == (33, 44, 700, 500)
    queue = QueueWindow()
    qtbot.addWidget(queue)
    assert queue.width() == 1000, "each window has a place of its own"
    again.show()
    again.setGeometry(90_000, 90_000, 700, 500)
    again.close()
    third = SettingsWindow(store, samples.FACTS)
    qtbot.addWidget(third)
    assert (third.width(), third.x() < 90_000) == (760, True)
