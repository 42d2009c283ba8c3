"""The settings window: sections on the left, one page on the right, every change kept at once."""

from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import QStackedWidget, QWidget

from desktop.settings.store import Store
from desktop.ui import placement
from desktop.ui.brand import app_icon
from desktop.ui.buttons import Button
from desktop.ui.panel import Hairline, column, filled, row
from desktop.ui.settings_account import AccountPage
from desktop.ui.settings_bind import Binder
from desktop.ui.settings_connection import ConnectionPage
from desktop.ui.settings_general import GeneralPage
from desktop.ui.settings_nav import SettingsNav
from desktop.ui.settings_notifications import NotificationsPage
from desktop.ui.settings_page import Facts, Page
from desktop.ui.settings_quiet import QuietHoursPage
from desktop.ui.text import label, set_tone

SIZE: Final = (760, 608)
APPLY: Final = "Changes apply at once."
_TROUBLE_MS: Final = 10_000


class SettingsWindow(QWidget):
    """See the module. It keeps nothing: `store` does, and everything else is asked for by signal."""

    sign_out_requested = Signal()
    sign_in_requested = Signal()
    test_requested = Signal()
    sound_requested = Signal()
    autostart_requested = Signal(bool)
    connection_test_requested = Signal()
    about_requested = Signal()

    def __init__(self, store: Store, facts: Facts) -> None:
        super().__init__()
        self.setObjectName("settingsWindow")
        self.setWindowTitle("Settings")
        self.setWindowIcon(app_icon())
        filled(self, "canvas")
        self.setMinimumSize(640, 420)
        self.resize(*SIZE)
        self.binder = Binder(store, self)
        self.nav = SettingsNav()
        self.account = AccountPage(self.binder)
        self.notifications = NotificationsPage(self.binder)
        self.quiet = QuietHoursPage(self.binder)
        self.general = GeneralPage(self.binder)
        self.connection = ConnectionPage(self.binder)
        self.pages: tuple[Page, ...] = (
            self.account,
            self.notifications,
            self.quiet,
            self.general,
            self.connection,
        )
        self._stack = QStackedWidget()
        for page in self.pages:
            self._stack.addWidget(page)
        self.foot = label(APPLY, scale="caption", tone="3", name="settingsFoot")
        self._calm = QTimer(self, singleShot=True, interval=_TROUBLE_MS)
        self._calm.timeout.connect(self._settle)
        self._build()
        self._connect()
        self.show_facts(facts)
        self.open_section(1)
        placement.restore(self, None, "settings")

    def open_section(self, place: int) -> None:
        """Turn to a section: 0 Account, 1 Notifications, 2 Quiet hours, 3 General, 4 Connection."""
        self.nav.open(place)
        self.nav.setFocus()

    def show_facts(self, facts: Facts) -> None:
        """What the pages show that is no setting."""
        for page in self.pages:
            page.show_facts(facts)

    def _build(self) -> None:
        close = Button("Close", name="settingsCloseButton", accessible="Close settings")
        close.clicked.connect(self.close)
        foot = row(spacing=8, margins=(16, 0, 16, 0))
        foot.addWidget(self.foot, 1)
        foot.addWidget(close)
        bar = QWidget()
        filled(bar, "surface")
        bar.setFixedHeight(52)
        bar.setLayout(foot)
        edge = Hairline()
        edge.setFixedSize(1, 16_777_215)
        edge.setMinimumHeight(0)
        middle = row()
        middle.addWidget(self.nav)
        middle.addWidget(edge)
        middle.addWidget(self._stack, 1)
        layout = column(self)
        layout.addLayout(middle, 1)
        layout.addWidget(Hairline())
        layout.addWidget(bar)

    def _connect(self) -> None:
        self.nav.chosen.connect(self._stack.setCurrentIndex)
        self.nav.about_requested.connect(self.about_requested)
        self.account.sign_out_requested.connect(self.sign_out_requested)
        self.account.sign_in_requested.connect(self.sign_in_requested)
        self.notifications.test_requested.connect(self.test_requested)
        self.notifications.sound_requested.connect(self.sound_requested)
        self.general.autostart_requested.connect(self.autostart_requested)
        self.connection.test_requested.connect(self.connection_test_requested)
        self.binder.failed.connect(self.say)
        self.binder.kept.connect(self._settle)

    def say(self, trouble: str) -> None:
        """One sentence at the foot, for ten seconds."""
        self.foot.setText(trouble)
        set_tone(self.foot, "danger")
        self._calm.start()

    def _settle(self) -> None:
        self._calm.stop()
        self.foot.setText(APPLY)
        set_tone(self.foot, "3")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes it (Qt)."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """It is no longer seen (Qt)."""
        placement.remember(self, None, "settings")
        super().hideEvent(event)
