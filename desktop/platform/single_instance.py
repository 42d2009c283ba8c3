"""One app for each profile and user session. A later start hands its errand to the first, and ends.

The lock comes first, then the socket: a lock of a killed app is taken over, and the loser waits until the winner
listens. Where and how they talk stands in `meeting`.
"""

import logging
import os
import time
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QLockFile, QObject, QTimer, Slot
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from desktop.platform.meeting import MOST_BYTES, OK, Errand, Place, hand_over

_TRY_FOR_S: Final = 5.0
_PATIENCE_MS: Final = 3_000
_LOG: Final = logging.getLogger(__name__)


class SingleInstance(QObject):
    """Take it with `claim`; keep the object as long as the app runs."""

    def __init__(self, profile: str) -> None:
        super().__init__()
        self._place = Place.of(profile)
        self._lock = QLockFile(str(self._place.lock))
        self._lock.setStaleLockTime(0)
        self._on_errand: Callable[[Errand], None] = lambda _errand: None
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)

    def claim(self, on_errand: Callable[[Errand], None]) -> bool:
        """Whether this is the first one; `on_errand` is called with what each later start wants."""
        if not self._lock.tryLock(0) and not self._left_by_a_killed_one():
            return False
        self._on_errand = on_errand
        QLocalServer.removeServer(self._place.name)
        self._server.newConnection.connect(self._accept)
        if not self._server.listen(self._place.name):
            # The app works all the same; only a later start cannot reach it.
            _LOG.warning("a second start cannot reach this one: %s", self._server.errorString())
        return True

    def _left_by_a_killed_one(self) -> bool:
        """A killed app's lock names a process; another of our programs may have got its number since.

        Windows refuses to delete the file while its holder lives. Elsewhere the lock is the system's, and ends with it.
        """
        if os.name != "nt":
            return False
        try:
            self._place.lock.unlink(missing_ok=True)
        except OSError:
            return False
        return self._lock.tryLock(0)

    def hand_over(self, errand: Errand) -> bool:
        """Whether the first one took it. It may have started only just now, so this waits a little."""
        give_up = time.monotonic() + _TRY_FOR_S
        while time.monotonic() < give_up:
            if hand_over(self._place, errand):
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
            _Visit(peer, self._on_errand).listen()


class _Visit(QObject):
    """One later start: it says one line, is answered, and goes. Whoever says nothing is shown out."""

    def __init__(self, peer: QLocalSocket, on_errand: Callable[[Errand], None]) -> None:
        super().__init__(peer)
        self._peer = peer
        self._on_errand = on_errand
        self._patience = QTimer(self, singleShot=True, interval=_PATIENCE_MS)

    def listen(self) -> None:
        """Until it has said its line, or has had its time."""
        self._peer.disconnected.connect(self._peer.deleteLater)
        self._peer.readyRead.connect(self.heard)
        self._patience.timeout.connect(self.leave)
        self._patience.start()
        self.heard()

    @Slot()
    def heard(self) -> None:
        """Some bytes, perhaps the whole line."""
        line = bytes(self._peer.peek(MOST_BYTES).data())
        if b"\n" not in line and len(line) < MOST_BYTES:
            return
        self._peer.readAll()
        errand = Errand.read(line.partition(b"\n")[0])
        if errand is None:
            _LOG.warning("a second start said something that is not understood")
        else:
            self._peer.write(OK)
        self.leave()
        if errand is not None:
            self._on_errand(errand)

    @Slot()
    def leave(self) -> None:
        """The answer still goes out."""
        self._patience.stop()
        self._peer.disconnectFromServer()
