"""The bar at the top: search, priority filter, connection, do not disturb, settings."""

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QMenu, QWidget

from desktop.core.views import QueueView
from desktop.ui.badges import ConnectionLabel
from desktop.ui.buttons import IconButton
from desktop.ui.dnd_menu import TURN_OFF, DndChoice, action, fill_dnd_menu
from desktop.ui.fields import PriorityCombo, SearchEdit
from desktop.ui.panel import Hairline, column, filled, row
from desktop.ui.times import clock_text, utc_now


class Toolbar(QWidget):
    """48 px, never scrolls. Settings stay hidden until there is a settings window."""

    dnd_requested = Signal(object)
    settings_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        filled(self, "surface")
        self.setFixedHeight(48)
        self.search = SearchEdit()
        self.search.setMaximumWidth(320)
        self.search.setMinimumWidth(160)
        self.filter = PriorityCombo()
        self.connection = ConnectionLabel()
        self.dnd = IconButton("moon", name="dndButton", accessible="Do not disturb")
        self.settings = IconButton("settings", name="settingsButton", accessible="Settings")
        self.settings.hide()
        self.settings.clicked.connect(self.settings_requested)
        self.dnd.clicked.connect(self._open_dnd)
        self._dnd_on = False
        line = row(spacing=12, margins=(12, 8, 12, 7))
        line.addWidget(self.search, 4)
        line.addWidget(self.filter)
        line.addStretch(1)
        line.addWidget(self.connection)
        buttons = row(spacing=4)
        buttons.addWidget(self.dnd)
        buttons.addWidget(self.settings)
        line.addLayout(buttons)
        layout = column(self)
        layout.addLayout(line, 1)
        layout.addWidget(Hairline())

    def show_queue(self, view: QueueView) -> None:
        """Show link and do not disturb."""
        self.connection.set_state(view.connection.state)
        self._dnd_on = view.dnd_on
        self.dnd.set_lit(view.dnd_on)
        words = "Do not disturb"
        if view.dnd_on:
            until = f" until {clock_text(view.dnd_until, utc_now())}" if view.dnd_until else ""
            words = f"Do not disturb is on{until}"
        self.dnd.setToolTip(words)
        self.dnd.setAccessibleName(words)

    def dnd_menu(self) -> QMenu:
        """The menu as it would open now."""
        menu = QMenu(self)
        menu.setObjectName("dndMenu")
        if self._dnd_on:
            menu.addAction(action(menu, "actionDndOff", TURN_OFF, lambda: self._choose("off")))
            menu.addSeparator()
        fill_dnd_menu(menu, self._choose)
        menu.aboutToHide.connect(menu.deleteLater)
        return menu

    def _choose(self, choice: DndChoice) -> None:
        self.dnd_requested.emit(choice)

    def _open_dnd(self) -> None:
        menu = self.dnd_menu()
        corner = self.dnd.mapToGlobal(QPoint(self.dnd.width() - menu.sizeHint().width(), self.dnd.height() + 4))
        menu.popup(corner)
