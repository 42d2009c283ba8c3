"""Windows and macOS: Qt's word that the network has changed. Not run there; on Linux the kernel says it itself."""

import logging
from collections.abc import Callable
from typing import Final

from PySide6.QtNetwork import QNetworkInformation

_LOG: Final = logging.getLogger(__name__)


class QtNetworkWatch:
    """`desktop.platform.surroundings.Watch`: the way out counts as another one whenever there is one again."""

    def __init__(self, moved: Callable[[bool], None]) -> None:
        self._moved = moved
        self._watched: QNetworkInformation | None = None

    async def start(self) -> None:
        """See the protocol."""
        if not QNetworkInformation.loadDefaultBackend():
            _LOG.info("changes of the network are not announced here")
            return
        self._watched = QNetworkInformation.instance()
        self._watched.reachabilityChanged.connect(self._changed)
        self._watched.transportMediumChanged.connect(self._other_medium)

    def stop(self) -> None:
        """See the protocol."""
        if self._watched is not None:
            self._watched.reachabilityChanged.disconnect(self._changed)
            self._watched.transportMediumChanged.disconnect(self._other_medium)
            self._watched = None

    def _changed(self, reachability: QNetworkInformation.Reachability) -> None:
        if reachability != QNetworkInformation.Reachability.Disconnected:
            self._moved(True)

    def _other_medium(self, _medium: QNetworkInformation.TransportMedium) -> None:
        self._moved(True)
