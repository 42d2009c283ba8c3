"""What a senior sees and can do in the queue window, state by state."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from desktop.core.views import ConnectionState, DetailView
from desktop.ui.buttons import Button
from desktop.ui.dialogs import HandBackDialog, KeysDialog
from desktop.ui.queue_window import QueueWindow
from tests.support import desktop_samples as samples

pytestmark = pytest.mark.usefixtures("themed")


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[QueueWindow]:
    shown = QueueWindow()
    shown.clock = lambda: samples.NOW
    qtbot.addWidget(shown)
    shown.show()
    yield shown
    shown.close()


def fill(window: QueueWindow, detail: DetailView | None = None) -> None:
    window.show_queue(samples.queue())
    window.show_detail(detail or samples.detail())


def primary(window: QueueWindow) -> Button:
    return window.detail.bar.claim_button


def page_words(window: QueueWindow) -> str:
    return f"{window.page.title.text()} {window.page.text.text()}" if window.page.isVisible() else ""


def test_a_waiting_row_is_shown_in_the_order_the_senior_reads(window: QueueWindow) -> None:
    fill(window)
    assert window.column.state() == "list"
    assert window.column.count.text() == "5 waiting"
    assert window.detail.head.title.text() == "VPN to Leeds clinic drops every hour"
    assert window.detail.head.wait.text() == "4:12"
    tops = [section.mapTo(window, section.rect().topLeft()).y() for section in window.detail._sections()]
    assert tops == sorted(tops)
    assert window.detail.need.heading.text() == "What Mina needs"
    assert primary(window).words() == "Claim & open session"
    assert primary(window).accessibleName() == "Claim and open session"


def test_first_rows_open_by_themselves_so_that_no_click_is_lost(window: QueueWindow, qtbot: QtBot) -> None:
    with qtbot.waitSignal(window.selected) as told:
        window.show_queue(samples.queue())
    assert told.args == ["h1"]


def test_empty_queue_says_the_last_fact_and_offers_a_test(window: QueueWindow) -> None:
    spy = QSignalSpy(window.test_notification_requested)
    window.show_queue(samples.queue(rows=()))
    assert page_words(window).startswith(
        "Nothing is waiting The last escalation was claimed by Lee Park at 10:31, after 1:06."
    )
    window.page.button.click()
    assert spy.count() == 1


def test_claiming_the_last_one_keeps_its_session_button_on_screen(window: QueueWindow) -> None:
    _queue, detail = samples.after("claimed")
    fill(window, detail)
    window.show_queue(samples.queue(rows=()))
    assert not window.page.isVisible()
    assert primary(window).isVisible()
    assert primary(window).words() == "Open session"


def test_no_match_names_the_search_and_clears_it(window: QueueWindow) -> None:
    fill(window)
    QTest.keyClicks(window.toolbar.search, "leeds castle")
    assert window.column.state() == "noMatch"
    assert window.column.no_match.title.text() == "Nothing matches “leeds castle”"
    window.column.no_match.button.click()
    assert window.column.state() == "list"


def test_first_load_shows_still_blocks_only_after_a_moment(window: QueueWindow, qtbot: QtBot) -> None:
    window.show_queue(samples.queue(state="connecting", loaded=False))
    assert window.column.state() == "skeleton"
    assert window.detail.blank.text.text() == "Connecting to flowpilot.northbeam.example"
    skeleton = window.column._skeleton
    assert not skeleton.shown
    qtbot.waitUntil(lambda: skeleton.shown, timeout=20_000)
    assert not window.offline.isVisible()


def test_first_load_that_takes_long_shows_the_offline_banner(window: QueueWindow, qtbot: QtBot) -> None:
    window._late.setInterval(20)
    window.show_queue(samples.queue(state="connecting", loaded=False))
    qtbot.waitUntil(window.offline.isVisible, timeout=20_000)


def test_what_is_kept_for_somebody_else_is_said_in_the_button_and_no_key_claims_it(window: QueueWindow) -> None:
    queue, detail = samples.reserved()
    window.show_queue(queue)
    window.show_detail(detail)
    assert (primary(window).words(), primary(window).isEnabled()) == ("For Lee Park until 10:49", False)
    spy = QSignalSpy(window.claim_requested)
    QTest.keyClick(window, Qt.Key.Key_C)
    assert spy.count() == 0
    sentence = window.column.list.model().index(1, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert sentence.endswith("For Lee Park until 10:49.")
    window.show_detail(samples.detail())
    assert primary(window).isEnabled(), "the time is over"


def test_offline_stops_clocks_and_says_why_nothing_can_be_claimed(window: QueueWindow, qtbot: QtBot) -> None:
    window.show_queue(samples.queue(state="offline"))
    window.show_detail(samples.detail(stale=True))
    assert window.offline.isVisible()
    assert window.offline._since.text() == "Offline since 10:46:02."
    assert window.offline.text.text() == "Trying again in 8 s. You cannot claim while offline."
    assert window.column._order.text() == "as of 10:46:02"
    assert not primary(window).isEnabled()
    assert primary(window).words() == "Will not claim while offline"
    before = window.detail.head.wait.text()
    window.clock = lambda: samples.NOW + timedelta(minutes=3)
    window._tick()
    assert window.detail.head.wait.text() == before
    with qtbot.waitSignal(window.retry_requested):
        window.offline.button.click()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("signed_out", "Your sign-in has ended Sign in to see the queue."),
        ("role_changed", "Your role no longer includes escalations Ask your administrator."),
    ],
)
def test_list_is_hidden_when_there_is_no_right_to_see_it(
    window: QueueWindow, state: ConnectionState, words: str
) -> None:
    fill(window)
    spy = QSignalSpy(window.sign_in_requested)
    window.show_queue(samples.queue(state=state))
    assert page_words(window) == words
    assert not window.column.isVisible()
    assert window.page.button.isVisible() == (state == "signed_out")
    window.page.button.click()
    assert spy.count() == (1 if state == "signed_out" else 0)


@pytest.mark.parametrize(
    ("state", "button"),
    [
        ("lost", "Next in queue"),
        ("withdrawn", "Next in queue"),
        ("claimed", "Open session"),
        ("error", "Claim & open session"),
    ],
)
def test_the_outcome_stands_in_place_with_the_next_step(window: QueueWindow, state: str, button: str) -> None:
    queue, detail = samples.after(state)
    window.show_queue(queue)
    window.show_detail(detail)
    assert detail.banner is not None
    assert window.detail.banner.isVisible()
    assert window.detail.banner.property("outcome") == detail.banner.kind
    assert window.detail.banner.title.text() == detail.banner.title
    assert primary(window).words() == button
    assert window.detail.bar.hand_back_button.isVisible() == (state == "claimed")
    assert window.announcer.said.startswith(detail.banner.title)


def test_a_handoff_that_did_not_load_can_still_be_claimed(window: QueueWindow, qtbot: QtBot) -> None:
    fill(window, samples.broken())
    assert window.detail.state() == "contextError"
    assert primary(window).isEnabled()
    with qtbot.waitSignal(window.detail_retry_requested) as told:
        window.detail.error.button.click()
    assert told.args == ["h2"]


def test_c_claims_once_even_while_held_down(window: QueueWindow, qtbot: QtBot) -> None:
    fill(window)
    spy = QSignalSpy(window.claim_requested)
    window.column.list.setFocus()
    for _ in range(4):
        QTest.keyClick(window.column.list, Qt.Key.Key_C)
    primary(window).click()
    assert spy.count() == 1
    assert spy.at(0) == ["h2"]
    assert not primary(window).isEnabled()
    assert primary(window).words() == "Claim & open session"
    qtbot.waitUntil(lambda: primary(window).words() == "Claiming", timeout=20_000)


def test_the_claim_button_comes_back_when_the_claim_failed(window: QueueWindow) -> None:
    fill(window)
    primary(window).click()
    window.show_detail(samples.after("error")[1])
    assert primary(window).isEnabled()
    assert primary(window).words() == "Claim & open session"


def test_everything_can_be_done_by_keyboard(window: QueueWindow) -> None:
    window.show_queue(samples.queue())
    moved, viewed, opened = (
        QSignalSpy(window.selected),
        QSignalSpy(window.view_requested),
        QSignalSpy(window.open_requested),
    )
    window.show_detail(replace(samples.detail(), row=samples.rows()[0]))
    keys = window.column.list
    keys.setFocus()
    QTest.keyClick(keys, Qt.Key.Key_J)
    assert moved.at(moved.count() - 1) == ["h2"]
    QTest.keyClick(keys, Qt.Key.Key_Down)
    assert moved.at(moved.count() - 1) == ["h3"]
    QTest.keyClick(keys, Qt.Key.Key_K)
    assert moved.at(moved.count() - 1) == ["h2"]
    window.show_detail(samples.detail())
    QTest.keyClick(keys, Qt.Key.Key_V)
    QTest.keyClick(keys, Qt.Key.Key_Return)
    assert viewed.count() == 2
    window.show_detail(samples.after("claimed")[1])
    QTest.keyClick(keys, Qt.Key.Key_Return)
    assert opened.count() == 1
    QTest.keyClick(keys, Qt.Key.Key_F)
    assert window.toolbar.filter.currentText() == "Urgent"
    assert window.column.count.text() == "1 of 5 waiting"
    QTest.keyClick(keys, Qt.Key.Key_Slash)
    assert window.toolbar.search.hasFocus()


def test_enter_presses_the_button_that_has_the_focus_and_no_other(window: QueueWindow) -> None:
    fill(window)
    claimed, viewed = QSignalSpy(window.claim_requested), QSignalSpy(window.view_requested)
    primary(window).setFocus()
    QTest.keyClick(primary(window), Qt.Key.Key_Return)
    assert (claimed.count(), viewed.count()) == (1, 0)


def test_keys_of_a_foreign_layout_are_harmless(window: QueueWindow, qapp: QApplication) -> None:
    fill(window)
    event = QKeyEvent(QEvent.Type.KeyPress, 0x0426, Qt.KeyboardModifier.NoModifier, "ц")
    qapp.sendEvent(window, event)
    assert window.isVisible()


def test_letters_typed_into_the_search_are_letters(window: QueueWindow) -> None:
    fill(window)
    spy = QSignalSpy(window.claim_requested)
    window.toolbar.search.setFocus()
    QTest.keyClicks(window.toolbar.search, "cvjk")
    assert window.toolbar.search.text() == "cvjk"
    assert spy.count() == 0


def test_escape_clears_the_search_before_it_closes_the_window(window: QueueWindow) -> None:
    fill(window)
    window.toolbar.search.setFocus()
    QTest.keyClicks(window.toolbar.search, "vpn")
    QTest.keyClick(window.toolbar.search, Qt.Key.Key_Escape)
    assert window.toolbar.search.text() == ""
    assert window.isVisible()
    QTest.keyClick(window.column.list, Qt.Key.Key_Escape)
    QTest.keyClick(window.column.list, Qt.Key.Key_Escape)
    assert not window.isVisible()


def test_closing_without_a_tray_keeps_the_window_findable(window: QueueWindow) -> None:
    window.set_tray_available(False)
    window.close()
    assert window.isMinimized()


def test_question_mark_lists_the_keys(window: QueueWindow) -> None:
    fill(window)
    QTest.keyClick(window.column.list, Qt.Key.Key_Question, Qt.KeyboardModifier.ShiftModifier)
    dialog = window.findChild(KeysDialog)
    assert dialog is not None
    assert dialog.isVisible()
    dialog.accept()


def test_handing_back_needs_a_reason_of_five_characters(window: QueueWindow) -> None:
    fill(window, samples.after("claimed")[1])
    spy = QSignalSpy(window.hand_back_requested)
    window.detail.bar.hand_back_button.click()
    dialog = window.findChild(HandBackDialog)
    assert dialog is not None
    field = dialog.findChild(QPlainTextEdit, "handBackReason")
    assert isinstance(field, QPlainTextEdit)
    field.setPlainText("   no ")
    dialog.submit_button.click()
    assert spy.count() == 0
    assert dialog.error.text() == "Say why you hand it back, at least 5 characters."
    field.setPlainText("Called out\nto a site")
    dialog.submit_button.click()
    assert spy.count() == 1
    assert spy.at(0) == ["h2", "Called out to a site"]


def test_next_in_queue_moves_on_after_the_claimed_row_has_left(window: QueueWindow) -> None:
    fill(window)
    queue, detail = samples.after("lost")
    window.show_queue(queue)
    window.show_detail(detail)
    window.show_queue(samples.queue(rows=tuple(row for row in samples.rows() if row.id != "h2")))
    assert window.detail.head.title.text() == detail.row.title  # what was being read stays
    spy = QSignalSpy(window.selected)
    primary(window).click()
    assert spy.at(0) == ["h3"]


def test_do_not_disturb_offers_four_spans_and_off(window: QueueWindow) -> None:
    fill(window)
    told: list[object] = []
    window.dnd_requested.connect(told.append)
    menu = window.toolbar.dnd_menu()
    assert [entry.text() for entry in menu.actions()] == [
        "30 min",
        "1 h",
        "Until tomorrow 08:00",
        "Until I turn it off",
    ]
    for entry in menu.actions():
        entry.trigger()
    window.show_queue(samples.queue(dnd=True))
    window.toolbar.dnd_menu().actions()[0].trigger()
    assert told == [30, 60, "tomorrow", "on", "off"]


def test_settings_are_not_offered_before_they_exist(window: QueueWindow) -> None:
    assert not window.toolbar.settings.isVisible()
    window.set_settings_available(True)
    assert window.toolbar.settings.isVisible()


def test_the_second_hand_rests_while_nobody_looks(window: QueueWindow) -> None:
    fill(window)
    assert window._second.isActive()
    window.hide()
    assert not window._second.isActive()
    window.show()
    assert window._second.isActive()


def test_arrivals_in_a_burst_are_announced_together(window: QueueWindow, qtbot: QtBot) -> None:
    rows = samples.rows()
    window.show_queue(samples.queue(rows=rows[3:]))
    window.announcer._timer.setInterval(30)
    window.show_queue(samples.queue(rows=rows[2:]))
    assert (
        window.announcer.said
        == "High, Outlook asks for a password after MFA reset, Brightwater Accounting, from Priya Nair"
    )
    window.show_queue(samples.queue(rows=rows[1:]))
    window.show_queue(samples.queue(rows=rows))
    qtbot.waitUntil(lambda: window.announcer.said == "2 new, 1 urgent", timeout=20_000)


def test_every_control_has_a_name_for_screen_readers(window: QueueWindow) -> None:
    fill(window, samples.after("claimed")[1])
    for button in window.findChildren(QPushButton):
        assert button.objectName(), button
        if button.isVisible():
            assert button.accessibleName(), button.objectName()
    named = {
        "searchEdit",
        "priorityFilter",
        "connectionLabel",
        "dndButton",
        "settingsButton",
        "queueList",
        "claimButton",
    }
    named |= {
        "queueCountLabel",
        "claimedSection",
        "detailScroll",
        "detailTitle",
        "detailMeta",
        "waitLabel",
        "ticketLink",
    }
    named |= {"needSection", "assessmentSection", "confidenceMeter", "stepsSection", "factsSection", "excerptSection"}
    named |= {"timelineSection", "presenceLabel", "viewButton", "outcomeBanner", "offlineBanner", "retryButton"}
    assert {name for name in named if window.findChild(QWidget, name) is None} == set()


def test_a_narrow_window_does_not_narrow_the_list_for_good(window: QueueWindow) -> None:
    window.resize(1000, 660)
    window.splitter.setSizes([400, 600])
    wide = window.splitter.sizes()[0]
    window.resize(740, 660)
    assert window.splitter.sizes()[0] == 288
    window.resize(1000, 660)
    assert window.splitter.sizes()[0] == wide


def test_the_window_comes_back_where_it_was(qtbot: QtBot) -> None:
    first = QueueWindow()
    qtbot.addWidget(first)
    first.show()
    first.setGeometry(60, 40, 780, 500)
    first.splitter.setSizes([420, 360])
    first.hide()
    second = QueueWindow()
    qtbot.addWidget(second)
    assert second.geometry() == first.geometry()
    second.show()
    assert second.splitter.sizes()[0] == first.splitter.sizes()[0]
