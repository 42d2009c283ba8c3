"""One app for each profile and user. A second start asks the first to show its window, and ends.

The lock comes first, then the socket: a lock of a killed app is taken over, and the loser waits until the winner
listens. Connecting is the whole request (socket mode 0700, so only the same user can): nothing is read from it.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QLockFile, QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

_ANSWER_MS: Final = 500
_TRY_FOR_S: Final = 2.0


class SingleInstance(QObject):
    """Take it with `claim`; keep the object as long as the app runs."""

    raised = Signal()

    def __init__(self, profile: str) -> None:
        super().__init__()
        uid = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
        digest = hashlib.sha256(f"{uid}:{profile}".encode()).hexdigest()[:16]
        folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
        self._name = str(folder / f"flowpilot-tray-{digest}.sock") if os.name == "posix" else f"flowpilot-tray-{digest}"
        self._lock = QLockFile(str(folder / f"flowpilot-tray-{digest}.lock"))
        self._lock.setStaleLockTime(0)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)

    def claim(self, on_raise: Callable[[], None]) -> bool:
        """Whether this is the first one; `on_raise` is called when another start asks for the window."""
        if not self._lock.tryLock(0):
            return False
        self.raised.connect(on_raise)
        QLocalServer.removeServer(self._name)
        self._server.newConnection.connect(self._accept)
        self._server.listen(self._name)
        return True

    def ask_first_to_raise(self) -> bool:
        """Whether the first one was reached. It may have started only just now, so this waits a little."""
        give_up = time.monotonic() + _TRY_FOR_S
        while time.monotonic() < give_up:
            peer = QLocalSocket()
            peer.connectToServer(self._name)
            if peer.waitForConnected(_ANSWER_MS):
                peer.disconnectFromServer()
                return True
            # Before the Qt loop runs there is nothing to await; the first one needs a moment to listen.
            time.sleep(0.05)
        return False

    def release(self) -> None:
        """Let the next start be the first."""
        self._server.close()
        self._lock.unlock()

    def _accept(self) -> None:
        while (peer := self._server.nextPendingConnection()) is not None:
            peer.disconnectFromServer()
            peer.deleteLater()
            self.raised.emit()
