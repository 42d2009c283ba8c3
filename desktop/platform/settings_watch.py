"""Reads the settings anew when one of their files has changed: an administrator's push arrives without a restart."""

import sys
from pathlib import Path
from typing import Final

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer

from desktop.settings.store import Store

SETTLE_MS: Final = 200
# Registries tell of no change by way of a file.
ASK_EVERY_MS: Final = 5 * 60 * 1000


class SettingsWatch(QObject):
    """Watches for as long as it lives; `parent` is the application."""

    def __init__(self, store: Store, parent: QObject) -> None:
        super().__init__(parent)
        self._store = store
        self._watcher = QFileSystemWatcher(self)
        # Several writes of one change are read once.
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._read)
        self._watcher.fileChanged.connect(self._settle.start)
        self._watcher.directoryChanged.connect(self._settle.start)
        if sys.platform == "win32":
            again = QTimer(self, interval=ASK_EVERY_MS)
            again.timeout.connect(self._read)
            again.start()
        self._watch()

    def _read(self) -> None:
        self._store.reload()
        self._watch()

    def _watch(self) -> None:
        """A file that was replaced is a new one, and a folder may have come into being since."""
        wanted = {str(each) for path in self._store.watched() if (each := _nearest(path)) is not None}
        known = set(self._watcher.files()) | set(self._watcher.directories())
        if fresh := sorted(wanted - known):
            self._watcher.addPaths(fresh)
        if stale := sorted(known - wanted):
            self._watcher.removePaths(stale)


def _nearest(path: Path) -> Path | None:
    """The path, or the folder in which it would come into being."""
    return next((each for each in (path, *path.parents) if each.exists() and each != Path(path.anchor)), None)
