"""Connection: the server, the proxy, the certificate, and a test of the whole way."""

from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit

from desktop.settings.layers import Resolved
from desktop.ui.about_test import ConnectionTest
from desktop.ui.settings_bind import Binder
from desktop.ui.settings_page import Facts, Page, add_row, hint
from desktop.ui.settings_parts import Choice
from desktop.ui.text import Prose
from desktop.ui.tokens import CONTROL_HEIGHT

PROXIES: Final = (("System", "system"), ("None", "none"), ("Manual", "manual"))
_NAMES: Final = frozenset({"proxy.mode", "proxy.url", "server", "ca_file"})


class ConnectionPage(Page):
    """See the module."""

    test_requested = Signal()

    def __init__(self, binder: Binder) -> None:
        super().__init__("Connection", "Connection", binder, _NAMES)
        self.server = Prose(name="serverLabel")
        self.proxy = binder.choice(Choice("proxyCombo", "Proxy", PROXIES, width=160), "proxy.mode")
        self.address = QLineEdit()
        self.address.setObjectName("proxyEdit")
        self.address.setAccessibleName("Address of the proxy")
        self.address.setProperty("field", "true")
        self.address.setPlaceholderText("http://proxy.example:3128")
        self.address.setFixedSize(280, CONTROL_HEIGHT)
        self.address.setTextMargins(8, 0, 8, 0)
        self.proxy_hint = hint(name="proxyHint")
        self.certificate = Prose(name="certificateLabel")
        grid = self.rows()
        add_row(grid, "Server", self.server)
        add_row(grid, "Proxy", self.proxy)
        add_row(grid, "Address", binder.line(self.address, "proxy.url"))
        grid.addWidget(self.proxy_hint, grid.rowCount(), 1)
        add_row(grid, "Certificate", self.certificate)
        self.body.addWidget(self.notice)
        self.test = ConnectionTest()
        self.test.requested.connect(self.test_requested)
        self.body.addWidget(self.test)
        self._facts = Facts()
        binder.follow("proxy.mode", self._show_proxy)

    def show_facts(self, facts: Facts) -> None:
        """What is no setting has changed."""
        self._facts = facts
        self.server.setText(facts.server or "None yet. Sign in to choose one.")
        self.certificate.setText(facts.certificate)
        self._show_proxy(self.binder.store.get("proxy.mode"))

    def _show_proxy(self, each: Resolved) -> None:
        manual = each.value == "manual"
        self.address.setEnabled(manual and not self.binder.store.get("proxy.url").locked)
        words = {"system": self._facts.proxy, "none": "The server is reached directly.", "manual": ""}[str(each.value)]
        self.proxy_hint.setText(words)
        self.proxy_hint.setVisible(bool(words))
