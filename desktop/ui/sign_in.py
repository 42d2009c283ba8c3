"""The sign-in window: server address and personal access token."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from desktop.ui.brand import app_icon, version_text
from desktop.ui.buttons import Button
from desktop.ui.panel import Box, Hairline, IconLabel, column, filled, row
from desktop.ui.text import Prose, label
from desktop.ui.tokens import CONTROL_HEIGHT


class SignInWindow(QWidget):
    """460 by 608. `submitted` carries server and token, both trimmed; only their presence is checked."""

    submitted = Signal(str, str)
    cancelled = Signal()

    def __init__(self, server: str) -> None:
        super().__init__()
        self.setObjectName("signInWindow")
        self.setWindowTitle("FlowPilot Escalations")
        self.setWindowIcon(app_icon())
        filled(self, "surface")
        self.setFixedSize(460, 608)
        self._done = False
        self.server = _field("serverEdit", "Server", server, "flowpilot.example.com")
        self.token = _field("tokenEdit", "Personal access token", "", "")
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.button = Button("Sign in", name="continueButton", variant="primary", height=36)
        self.button.clicked.connect(self.submit)
        self.cancel_button = Button("Cancel", name="cancelSignInButton")
        self.cancel_button.clicked.connect(self.close)
        self._build()
        (self.token if server else self.server).setFocus()

    def _build(self) -> None:
        body = column(spacing=0, margins=(24, 28, 24, 24))
        body.addWidget(IconLabel("arrow", "accent", 32), 0, Qt.AlignmentFlag.AlignLeft)
        body.addSpacing(18)
        body.addWidget(label("Sign in", scale="title"))
        body.addSpacing(2)
        body.addWidget(
            Prose("With a personal access token. It is kept in the system's keychain where there is one.", tone="2")
        )
        body.addSpacing(14)
        _add_field(body, "Server", self.server, "From your invitation, or from whoever runs FlowPilot.")
        body.addSpacing(14)
        _add_field(body, "Personal access token", self.token, "From whoever runs FlowPilot. It is never shown again.")
        body.addSpacing(18)
        body.addWidget(self.button)
        body.addSpacing(14)
        body.addWidget(self._error_box())
        body.addStretch()
        foot = row(spacing=8, margins=(16, 0, 16, 0))
        foot.addWidget(label(version_text(), scale="caption", tone="3"))
        foot.addStretch()
        foot.addWidget(self.cancel_button)
        bar = QWidget()
        bar.setFixedHeight(52)
        bar.setLayout(foot)
        layout = column(self)
        layout.addLayout(body, 1)
        layout.addWidget(Hairline())
        layout.addWidget(bar)

    def _error_box(self) -> QWidget:
        self._error = Box(fill="danger_bg", radius=6)
        self.error = Prose(tone="danger", name="signInError")
        line = row(self._error, spacing=10, margins=(12, 10, 12, 10))
        line.addWidget(IconLabel("warn", "danger", 16), 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(self.error, 1)
        self._error.hide()
        return self._error

    def show_error(self, text: str) -> None:
        """Say what went wrong and let the user try again; an empty text takes the error away."""
        self.set_busy(False)
        self.error.setText(text)
        self.error.setAccessibleName(text)
        self._error.setVisible(bool(text))
        if text:
            self.token.setFocus()
            self.token.selectAll()

    def set_busy(self, busy: bool) -> None:
        """While busy nothing can be typed or sent."""
        for field in (self.server, self.token):
            field.setEnabled(not busy)
        self.button.setEnabled(not busy)
        self.button.set_label("Signing in" if busy else "Sign in")
        if busy:
            self._error.hide()

    def submit(self) -> None:
        """Send what was typed, if both are there."""
        server, token = self.server.text().strip(), self.token.text().strip()
        if not self.button.isEnabled():
            return
        if not server or not token:
            missing = self.token if server else self.server
            self.show_error("Enter your personal access token." if server else "Enter the address of your server.")
            missing.setFocus()
            return
        self.submitted.emit(server, token)

    def finish(self) -> None:
        """Close it after success, without `cancelled`."""
        self._done = True
        self.token.clear()
        self.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter submits, Esc cancels (Qt)."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.submit()
        elif event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """The user closes it (Qt)."""
        super().closeEvent(event)
        if not self._done:
            self._done = True
            self.cancelled.emit()


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
