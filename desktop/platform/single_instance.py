"""One app for each profile and user. A second start asks the first to show its window, and ends.

The lock comes first, then the socket: a lock of a killed app is taken over, and the loser waits until the winner
listens. The peer is the same user (socket mode 0700), but what it sends is still checked and bounded.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QLockFile, QObject
from PySide6.QtNetwork import QLocalServer, QLocalSocket

RAISE: Final = b"flowpilot-tray/1 raise\n"
_MOST_BYTES: Final = 256
_ANSWER_MS: Final = 500
_TRY_FOR_S: Final = 2.0


class SingleInstance(QObject):
    """Take it with `claim`; keep the object as long as the app runs."""

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
        self._on_raise: Callable[[], None] | None = None

    def claim(self, on_raise: Callable[[], None]) -> bool:
        """Whether this is the first one; `on_raise` is called when another start asks for the window."""
        if not self._lock.tryLock(0):
            return False
        self._on_raise = on_raise
        QLocalServer.removeServer(self._name)
        self._server.newConnection.connect(self._accept)
        self._server.listen(self._name)
        return True

    def ask_first_to_raise(self) -> bool:
        """Whether the first one has taken the request. It may have started only just now, so this waits a little."""
        give_up = time.monotonic() + _TRY_FOR_S
        while time.monotonic() < give_up:
            peer = QLocalSocket()
            peer.connectToServer(self._name)
            if peer.waitForConnected(_ANSWER_MS):
                peer.write(RAISE)
                sent = peer.waitForBytesWritten(_ANSWER_MS)
                peer.disconnectFromServer()
                return sent
            # Before the Qt loop runs there is nothing to await; the first one needs a moment to listen.
            time.sleep(0.05)
        return False

    def release(self) -> None:
        """Let the next start be the first."""
        self._server.close()
        self._lock.unlock()

    def _accept(self) -> None:
        while (peer := self._server.nextPendingConnection()) is not None:
            peer.readyRead.connect(lambda peer=peer: self._read(peer))
            peer.disconnected.connect(peer.deleteLater)
            if peer.bytesAvailable():
                self._read(peer)

    def _read(self, peer: QLocalSocket) -> None:
        asked = bytes(peer.read(_MOST_BYTES).data())
        peer.disconnectFromServer()
        if asked.startswith(RAISE) and self._on_raise is not None:
            self._on_raise()
