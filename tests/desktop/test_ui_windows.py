"""Sign-in and about."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QLineEdit
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


def test_the_token_is_hidden_and_sent_trimmed_once(sign_in: SignInWindow) -> None:
    spy = QSignalSpy(sign_in.submitted)
    assert sign_in.token.echoMode() == QLineEdit.EchoMode.Password
    QTest.keyClicks(sign_in.token, "  fp_secret ")
    QTest.keyClick(sign_in.token, Qt.Key.Key_Return)
    sign_in.set_busy(True)
    sign_in.submit()
    assert spy.count() == 1
    assert spy.at(0) == ["flowpilot.northbeam.example", "fp_secret"]


def test_an_empty_token_is_not_sent(sign_in: SignInWindow) -> None:
    spy = QSignalSpy(sign_in.submitted)
    sign_in.button.click()
    assert spy.count() == 0
    assert sign_in.error.text() == "Enter your personal access token."


def test_an_error_is_shown_whole_and_gives_the_form_back(sign_in: SignInWindow) -> None:
    sign_in.set_busy(True)
    assert not sign_in.token.isEnabled()
    sign_in.show_error("That server did not answer. Check the address, or your network. Nothing was sent.")
    assert sign_in.token.isEnabled()
    assert sign_in.error.isVisible()
    sign_in.layout().activate()  # type: ignore[union-attr]  # it has one
    assert sign_in.error.heightForWidth(sign_in.error.width()) <= sign_in.error.height()


def test_escape_cancels_once_and_success_does_not(sign_in: SignInWindow, qtbot: QtBot) -> None:
    spy = QSignalSpy(sign_in.cancelled)
    QTest.keyClick(sign_in, Qt.Key.Key_Escape)
    assert spy.count() == 1
    second = SignInWindow("")
    qtbot.addWidget(second)
    quiet = QSignalSpy(second.cancelled)
    second.token.setText("fp_secret")
    second.finish()
    assert quiet.count() == 0
    assert second.token.text() == ""


def test_diagnostics_can_be_selected_and_copied(qtbot: QtBot) -> None:
    window = AboutWindow(samples.ABOUT)
    qtbot.addWidget(window)
    window.show()
    values = window.findChildren(Prose)
    assert len(values) == len(samples.ABOUT)
    assert all(each.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse for each in values)
    window.copy_button.click()
    copied = QGuiApplication.clipboard().text()
    assert "Server: flowpilot.northbeam.example, 1.0.0" in copied
    spy = QSignalSpy(window.open_logs_requested)
    window.logs_button.click()
    assert spy.count() == 1
