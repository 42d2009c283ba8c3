"""One app for each profile and user. A second start asks the first to show its window, and ends.

The lock comes first, then the socket: a lock of a killed app is taken over, and the loser waits until the winner
listens. Connecting is the whole request (socket mode 0700, so only the same user can): nothing is read from it.
"""

import hashlib
import logging
import os
import stat
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QLockFile, QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

_ANSWER_MS: Final = 500
_TRY_FOR_S: Final = 5.0
# A socket's path holds 107 bytes, and Qt makes its own longer for a moment.
_PATH_MOST: Final = 90
_LOG: Final = logging.getLogger(__name__)


class SingleInstance(QObject):
    """Take it with `claim`; keep the object as long as the app runs."""

    raised = Signal()

    def __init__(self, profile: str) -> None:
        super().__init__()
        uid = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
        folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
        digest = hashlib.sha256(f"{uid}:{folder}:{profile}".encode()).hexdigest()[:16]
        name = f"flowpilot-tray-{digest}"
        self._name = str(_socket_path(folder, name)) if os.name == "posix" else name
        self._lock = QLockFile(str(folder / f"{name}.lock"))
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
        if not self._server.listen(self._name):
            # The app works all the same; only a second start cannot ask for its window.
            _LOG.warning("a second start cannot reach this one: %s", self._server.errorString())
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


def _socket_path(folder: Path, name: str) -> Path:
    """In `folder`, or where that is too deep for a socket in a folder of this user's own under `/tmp`."""
    path = folder / f"{name}.sock"
    if len(os.fsencode(path)) <= _PATH_MOST:
        return path
    own = Path("/tmp") / f"flowpilot-{os.getuid()}"  # noqa: S108 - checked below to be this user's alone
    own.mkdir(mode=0o700, exist_ok=True)
    found = own.lstat()
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return own / f"{name}.sock" if ours else path
