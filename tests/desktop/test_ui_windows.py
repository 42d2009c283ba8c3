"""Sign-in and about."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from desktop.ui.about import AboutWindow
from desktop.ui.sign_in import SignInWindow
from desktop.ui.text import Prose
from tests.support import desktop_samples as samples

pytestmark = pytest.mark.usefixtures("themed")


@pytest.fixture
def sign_in(qtbot: QtBot) -> SignInWindow:
    window = SignInWindow("flowpilot.northbeam.example")
    qtbot.addWidget(window)
    window.show()
    return window


def waiting(window: SignInWindow, seconds: float = 300) -> None:
    window.show_waiting("https://flowpilot.northbeam.example/oauth/authorize?x=1", "KQ7F-2MXR", seconds)


def test_the_address_is_sent_trimmed_once(sign_in: SignInWindow) -> None:
    spy = QSignalSpy(sign_in.submitted)
    sign_in.server.setText("  flowpilot.northbeam.example ")
    QTest.keyClick(sign_in.server, Qt.Key.Key_Return)
    sign_in.show_busy()
    sign_in.submit()
    assert spy.count() == 1
    assert spy.at(0) == ["flowpilot.northbeam.example"]


def test_without_an_address_nothing_is_sent(sign_in: SignInWindow) -> None:
    spy = QSignalSpy(sign_in.submitted)
    sign_in.server.clear()
    sign_in.button.click()
    assert spy.count() == 0
    assert sign_in.error.text() == "Enter the address of your server."


def test_while_the_browser_has_the_page_the_window_says_what_must_match_and_how_long(sign_in: SignInWindow) -> None:
    waiting(sign_in, 281)
    assert sign_in.waiting.isVisible()
    assert sign_in.waiting.code.text() == "KQ7F-2MXR"
    assert sign_in.waiting.code.accessibleName() == "Code K, Q, 7, F, 2, M, X, R"
    assert sign_in.waiting.expires.text() in {"Expires in 4:41.", "Expires in 4:40."}
    assert not sign_in.server.isEnabled()
    again = QSignalSpy(sign_in.open_again)
    sign_in.waiting.open_again.click()
    assert again.count() == 1
    sign_in.waiting.copy_link.click()
    assert QGuiApplication.clipboard().text() == "https://flowpilot.northbeam.example/oauth/authorize?x=1"


def test_one_note_at_a_time(sign_in: SignInWindow) -> None:
    waiting(sign_in)
    sign_in.show_error("The code expired. Continue again for a new one.")
    assert not sign_in.waiting.isVisible()
    assert sign_in.error.isVisible()
    waiting(sign_in)
    assert not sign_in.error.isVisible()


def test_cancel_and_escape_end_the_try_and_keep_the_window(sign_in: SignInWindow) -> None:
    stopped, closed = QSignalSpy(sign_in.stopped), QSignalSpy(sign_in.cancelled)
    waiting(sign_in)
    sign_in.waiting.cancel.click()
    waiting(sign_in)
    QTest.keyClick(sign_in, Qt.Key.Key_Escape)
    assert (stopped.count(), closed.count()) == (2, 0)
    assert sign_in.isVisible()
    assert sign_in.server.isEnabled()
    assert not sign_in.waiting.isVisible()


def test_a_bad_certificate_is_said_and_there_is_no_way_past_it(sign_in: SignInWindow) -> None:
    sign_in.show_error("The certificate could not be verified: self-signed certificate.")
    words = {button.accessibleName() for button in sign_in.findChildren(QAbstractButton) if button.isVisible()}
    assert words == {"Continue in browser", "Network settings"}


def test_an_error_is_shown_whole_and_gives_the_form_back(sign_in: SignInWindow) -> None:
    sign_in.show_busy()
    assert not sign_in.server.isEnabled()
    sign_in.show_error("That server did not answer. Check the address, or your network. Nothing was sent.")
    assert sign_in.server.isEnabled()
    assert sign_in.error.isVisible()
    sign_in.layout().activate()  # type: ignore[union-attr]  # it has one
    assert sign_in.error.text() == "That server did not answer"
    assert sign_in.error.accessibleName().endswith("Nothing was sent."), "heard whole"
    for words in (sign_in.error, sign_in.error_rest):
        assert words.heightForWidth(words.width()) <= words.height()


def test_escape_cancels_once_and_success_does_not(sign_in: SignInWindow, qtbot: QtBot) -> None:
    spy = QSignalSpy(sign_in.cancelled)
    QTest.keyClick(sign_in, Qt.Key.Key_Escape)
    assert spy.count() == 1
    second = SignInWindow("")
    qtbot.addWidget(second)
    quiet = QSignalSpy(second.cancelled)
    second.finish()
    assert quiet.count() == 0


def test_diagnostics_can_be_selected_and_copied(qtbot: QtBot) -> None:
    window = AboutWindow(samples.ABOUT)
    qtbot.addWidget(window)
    window.show()
    values = [each for each in window.findChildren(Prose) if each is not window.note]
    assert len(values) == len(samples.ABOUT)
    assert all(each.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse for each in values)
    window.copy_button.click()
    copied = QGuiApplication.clipboard().text()
    assert "Server: flowpilot.northbeam.example, 1.0.0" in copied
    spy = QSignalSpy(window.open_logs_requested)
    window.logs_button.click()
    assert spy.count() == 1


def test_where_the_diagnostics_were_saved_is_read_to_the_end_and_can_be_copied(qtbot: QtBot) -> None:
    """A label cannot break a long path, and nobody could take the path from it."""
    window = AboutWindow(samples.ABOUT)
    qtbot.addWidget(window)
    window.show()
    one_line = window.note.height()
    folder = "/home/dana/" + "a-folder-of-a-long-name/" * 6
    window.say(f"Saved as {folder}flowpilot-diagnostics.zip. It holds no tokens, customer names or conversation text.")
    qtbot.waitUntil(lambda: window.note.height() >= window.note.heightForWidth(window.note.width()) > one_line)
    assert window.rect().contains(window.note.geometry())
    assert window.note.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
