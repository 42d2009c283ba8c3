"""Account: who is signed in where, and signing out."""

from PySide6.QtCore import Qt, Signal

from desktop.ui.buttons import Button
from desktop.ui.panel import row
from desktop.ui.settings_bind import Binder
from desktop.ui.settings_page import Facts, Page, add_row, hint
from desktop.ui.text import Prose


class AccountPage(Page):
    """See the module."""

    sign_out_requested = Signal()
    sign_in_requested = Signal()

    def __init__(self, binder: Binder) -> None:
        super().__init__("Account", "Account", binder, frozenset())
        grid = self.rows()
        self.values = {
            key: Prose(name=f"account{key.capitalize()}") for key in ("name", "role", "server", "device", "kept")
        }
        words = {"name": "Name", "role": "Role", "server": "Server", "device": "This device", "kept": "Sign-in kept"}
        for key, value in self.values.items():
            add_row(grid, words[key], value)
        self.sign_out = Button("Sign out", name="signOutButton")
        self.sign_out.clicked.connect(self._pressed)
        self.told = hint("You will not be notified on this computer.")
        line = row(spacing=12)
        line.addWidget(self.sign_out)
        line.addWidget(self.told, 1, Qt.AlignmentFlag.AlignVCenter)
        self.body.addLayout(line)
        self.notice.hide()
        self._signed_in = False

    def show_facts(self, facts: Facts) -> None:
        """What is no setting has changed."""
        self._signed_in = facts.signed_in
        shown = (facts.name, facts.role, facts.server, facts.device, facts.kept)
        for value, words in zip(self.values.values(), shown, strict=True):
            value.setText(words or "None")
        self.sign_out.set_label("Sign out" if facts.signed_in else "Sign in")
        self.told.setVisible(facts.signed_in)

    def _pressed(self) -> None:
        (self.sign_out_requested if self._signed_in else self.sign_in_requested).emit()
