"""How far the server is, and what it says of this computer: asked while somebody looks at the diagnostics, not else."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from backend.contract.people import Me
from desktop.core.ports import ApiError
from desktop.core.vitals import Vitals

EVERY_S: Final = 5.0
_LOG: Final = logging.getLogger(__name__)


class Checkup:
    """`echo` answers seconds to the server and back, or null; `me` is asked once for each connection."""

    def __init__(
        self,
        vitals: Vitals,
        echo: Callable[[], Awaitable[float | None]],
        me: Callable[[], Awaitable[Me]],
        mono: Callable[[], float],
    ) -> None:
        self._vitals, self._echo, self._me, self._mono = vitals, echo, me, mono
        self._began: float | None = None
        self._asked_in: float | None = None
        self._known_in: float | None = None
        self._running = False

    @property
    def due(self) -> bool:
        """Whether it is worth asking now: there is a connection, and the last time is some seconds ago."""
        again = self._began is None or self._mono() - self._began >= EVERY_S or self._asked_in != self._vitals.since
        return self._vitals.live and again and not self._running

    async def run(self) -> None:
        """Once; what is not answered is not known."""
        since = self._asked_in = self._vitals.since
        self._began, self._running = self._mono(), True
        try:
            if self._known_in != since:
                self._vitals.me = await self._me()
                self._known_in = since
            seconds = await self._echo()
            if since == self._vitals.since:
                self._vitals.round_trip_s = seconds
        except ApiError as exc:
            _LOG.debug("the server did not say who is asking: %s", exc)
        finally:
            self._running = False
