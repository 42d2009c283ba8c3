"""The sign-in window: the server's address, then the browser. One note at a time: waiting, or what went wrong."""

import time
from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QFont, QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from desktop.ui.brand import app_icon, version_text
from desktop.ui.buttons import Button
from desktop.ui.link import LinkButton
from desktop.ui.panel import Box, Hairline, IconLabel, column, filled, row
from desktop.ui.text import Prose, label
from desktop.ui.tokens import CONTROL_HEIGHT

CONTINUE: Final = "Continue in browser"


class SignInWindow(QWidget):
    """460 by 608. `submitted` carries the server's address as typed, trimmed; `stopped` ends a try under way."""

    submitted = Signal(str)
    open_again = Signal()
    stopped = Signal()
    cancelled = Signal()
    network_requested = Signal()

    def __init__(self, server: str) -> None:
        super().__init__()
        self.setObjectName("signInWindow")
        self.setWindowTitle("FlowPilot Escalations")
        self.setWindowIcon(app_icon())
        filled(self, "surface")
        self.setFixedSize(460, 608)
        self._done = False
        self.server = _field("serverEdit", "Server", server, "flowpilot.example.com")
        self.button = Button(CONTINUE, name="continueButton", variant="primary", height=36)
        self.button.clicked.connect(self.submit)
        self.waiting = WaitingNote()
        self.waiting.open_again.clicked.connect(self.open_again)
        self.waiting.cancel.clicked.connect(self.stop_waiting)
        self.waiting.hide()
        self._build()
        (self.button if server else self.server).setFocus()

    def _build(self) -> None:
        body = column(spacing=0, margins=(24, 28, 24, 24))
        body.addWidget(IconLabel("arrow", "accent", 32), 0, Qt.AlignmentFlag.AlignLeft)
        body.addSpacing(18)
        body.addWidget(label("Sign in", scale="title"))
        body.addSpacing(2)
        body.addWidget(Prose("Your browser opens to sign in. This window continues by itself afterwards.", tone="2"))
        body.addSpacing(14)
        body.addWidget(self._set_up_box())
        _add_field(body, "Server", self.server, "From your invitation, or from Escalations, Get the desktop app.")
        body.addSpacing(18)
        body.addWidget(self.button)
        body.addSpacing(14)
        body.addWidget(self.waiting)
        body.addWidget(self._error_box())
        body.addStretch()
        foot = row(spacing=8, margins=(16, 0, 16, 0))
        foot.addWidget(label(version_text(), scale="caption", tone="3"))
        foot.addStretch()
        network = Button("Network settings", name="networkSettingsButton")
        network.clicked.connect(self.network_requested)
        foot.addWidget(network)
        bar = QWidget()
        bar.setFixedHeight(52)
        bar.setLayout(foot)
        layout = column(self)
        layout.addLayout(body, 1)
        layout.addWidget(Hairline())
        layout.addWidget(bar)

    def _set_up_box(self) -> QWidget:
        self._set_up = QWidget()
        self.set_up = Prose(name="signInSetUpFor")
        line = row(self._set_up, spacing=10, margins=(0, 0, 0, 14))
        line.addWidget(IconLabel("info", "text_2", 16), 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(self.set_up, 1)
        self._set_up.hide()
        return self._set_up

    def show_set_up_for(self, text: str) -> None:
        """Whom this computer is set up for; empty for nobody in particular."""
        self.set_up.setText(text)
        self.set_up.setAccessibleName(text)
        self._set_up.setVisible(bool(text))

    def _error_box(self) -> QWidget:
        self._error = Box(fill="danger_bg", radius=6)
        self.error = Prose(scale="strong", tone="danger", name="signInError")
        self.error_rest = Prose(tone="danger", name="signInErrorRest")
        words = column(spacing=1)
        words.addWidget(self.error)
        words.addWidget(self.error_rest)
        line = row(self._error, spacing=10, margins=(12, 10, 12, 10))
        line.addWidget(IconLabel("warn", "danger", 16), 0, Qt.AlignmentFlag.AlignTop)
        line.addLayout(words, 1)
        self._error.hide()
        return self._error

    def show_busy(self) -> None:
        """The server is being asked; nothing can be typed or sent."""
        self._settle(busy=True)

    def show_waiting(self, url: str, code: str, seconds: float) -> None:
        """The browser has the page: its code, how long it holds, and what can be done meanwhile."""
        self._settle(busy=True)
        self.waiting.begin(url, code, seconds)

    def show_error(self, text: str) -> None:
        """Say what went wrong, then what to do, and let the user try again; an empty text takes the error away."""
        self._settle(busy=False)
        what, _, rest = text.partition(". ")
        self.error.setText(what if rest else text)
        self.error.setAccessibleName(text)
        self.error_rest.setText(rest)
        self.error_rest.setVisible(bool(rest))
        self._error.setVisible(bool(text))
        if text:
            self.server.setFocus()
            self.server.selectAll()

    def submit(self) -> None:
        """Send what was typed, if it is there."""
        if not self.button.isEnabled():
            return
        server = self.server.text().strip()
        if not server:
            self.show_error("Enter the address of your server.")
            return
        self.submitted.emit(server)

    def stop_waiting(self) -> None:
        """*Cancel*: back to the address."""
        self._settle(busy=False)
        self.button.setFocus()
        self.stopped.emit()

    def finish(self) -> None:
        """Close it after success, without `cancelled`."""
        self._done = True
        self.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter submits, Esc ends the try under way, then the window (Qt)."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.submit()
        elif event.key() == Qt.Key.Key_Escape and self.waiting.isVisible():
            self.stop_waiting()
        elif event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """The user closes it (Qt)."""
        super().closeEvent(event)
        self.waiting.end()
        if not self._done:
            self._done = True
            self.stopped.emit()
            self.cancelled.emit()

    def _settle(self, *, busy: bool) -> None:
        self.waiting.end()
        self._error.hide()
        self.server.setEnabled(not busy)
        self.button.setEnabled(not busy)


class WaitingNote(Box):
    """The pairing code and its expiry; *Open again*, *Copy link*, *Cancel*."""

    def __init__(self) -> None:
        super().__init__(border="border", radius=6)
        self._url = ""
        self._ends = 0.0
        self._tick = QTimer(self)
        self._tick.setInterval(1000)
        self._tick.timeout.connect(self._show_left)
        self.code = label(scale="mono", name="pairingCodeLabel")
        strong = self.code.font()
        strong.setWeight(QFont.Weight.DemiBold)
        self.code.setFont(strong)
        self.expires = label(tone="2", tabular=True, name="pairingExpiresLabel")
        self.open_again = LinkButton("openAgainButton", "Open again")
        self.copy_link = LinkButton("copyLinkButton", "Copy link")
        self.cancel = LinkButton("cancelSignInButton", "Cancel")
        self.copy_link.clicked.connect(self._copy)
        line = row(self, spacing=10, margins=(12, 10, 12, 10))
        line.addWidget(IconLabel("sync", "text", 16), 0, Qt.AlignmentFlag.AlignTop)
        words = column(spacing=2)
        words.addWidget(label("Waiting for the browser", scale="strong"))
        words.addLayout(_code_line(self.code))
        words.addWidget(self.expires)
        words.addSpacing(4)
        links = row(spacing=16)
        for link in (self.open_again, self.copy_link, self.cancel):
            links.addWidget(link)
        links.addStretch()
        words.addLayout(links)
        line.addLayout(words, 1)

    def begin(self, url: str, code: str, seconds: float) -> None:
        """Show it for this page."""
        self._url, self._ends = url, time.monotonic() + seconds
        self.code.setText(code)
        self.code.setAccessibleName(f"Code {', '.join(code.replace('-', ''))}")
        self.copy_link.set_words("Copy link")
        self._show_left()
        self._tick.start()
        self.show()
        self.open_again.setFocus()

    def end(self) -> None:
        """No page any more."""
        self._tick.stop()
        self._url = ""
        self.hide()

    def _show_left(self) -> None:
        left = max(0, round(self._ends - time.monotonic()))
        self.expires.setText(f"Expires in {left // 60}:{left % 60:02}.")

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._url)
        self.copy_link.set_words("Copied")


def _code_line(code: QLabel) -> QHBoxLayout:
    line = row(spacing=4)
    line.addWidget(label("Code", tone="2"))
    line.addWidget(code)
    line.addWidget(label("should match the one on the page.", tone="2"))
    line.addStretch()
    return line


def _add_field(body: QVBoxLayout, words: str, field: QLineEdit, hint: str) -> None:
    body.addWidget(label(words, scale="strong"))
    body.addSpacing(6)
    body.addWidget(field)
    body.addSpacing(6)
    body.addWidget(label(hint, scale="caption", tone="3"))


def _field(name: str, accessible: str, text: str, hint: str) -> QLineEdit:
    field = QLineEdit(text)
    field.setObjectName(name)
    field.setAccessibleName(accessible)
    field.setProperty("field", "true")
    field.setPlaceholderText(hint)
    field.setFixedHeight(CONTROL_HEIGHT)
    field.setTextMargins(8, 0, 8, 0)
    field.setMaxLength(2048)
    return field
