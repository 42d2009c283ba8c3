"""Watches for a tray that comes up after the app.

Qt chooses how an icon is shown when the icon is made; one made before the panel's StatusNotifier service exists never
reaches it. So when that service (or its first host) appears later, the icon has to be made anew. An icon that began
with the service follows its restarts by itself.
"""

from collections.abc import Callable
from typing import Any, Final

from PySide6.QtCore import SLOT, QObject, QTimer, Slot
from PySide6.QtDBus import QDBusConnection, QDBusInterface, QDBusServiceWatcher

WATCHER: Final = "org.kde.StatusNotifierWatcher"
PATH: Final = "/StatusNotifierWatcher"
SETTLE_MS: Final = 300


class TrayHost(QObject):
    """Calls `recreate` once, when a host that was missing at the start appears. Without a session bus: nothing."""

    def __init__(self, recreate: Callable[[], None]) -> None:
        super().__init__()
        self._recreate = recreate
        self._bus = QDBusConnection.sessionBus()
        self._missing = self._bus.isConnected() and not self._host_present()
        self._services = QDBusServiceWatcher(WATCHER, self._bus, parent=self)
        if self._missing:
            self._services.serviceRegistered.connect(self.appeared)
            slot: Any = SLOT("appeared()")  # the stub asks for bytes, the program takes text only
            self._bus.connect(WATCHER, PATH, WATCHER, "StatusNotifierHostRegistered", self, slot)

    @Slot()
    def appeared(self) -> None:
        """The service, or its host, came up; give it a moment to be complete."""
        if self._missing:
            QTimer.singleShot(SETTLE_MS, self, self._check)

    def _check(self) -> None:
        if self._missing and self._host_present():
            self._missing = False
            self._recreate()

    def _host_present(self) -> bool:
        if not self._bus.interface().isServiceRegistered(WATCHER).value():
            return False
        watcher = QDBusInterface(WATCHER, PATH, WATCHER, self._bus)
        return bool(watcher.property("IsStatusNotifierHostRegistered"))
