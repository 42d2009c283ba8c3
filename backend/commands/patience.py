"""uvicorn's HTTP protocol, with an end to its patience: a request that does not come whole in time is hung up on.

uvicorn waits for the rest of a request for ever. A few thousand connections that each send a byte now and then would
take every place there is, without a sign-in and without work (slowloris).
"""

import asyncio
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class PatientProtocol(HttpToolsProtocol):
    """One connection. `within_s` is how long a request may take to arrive, from the first byte awaited to the last."""

    def __init__(self, *args: Any, within_s: float, **more: Any) -> None:
        super().__init__(*args, **more)
        self._within_s = within_s
        self._over: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client has come; its first request is awaited."""
        super().connection_made(transport)
        self._await_request()

    def on_message_begin(self) -> None:
        """A request begins, the first or a later one of this connection."""
        super().on_message_begin()
        self._await_request()

    def on_message_complete(self) -> None:
        """It is there whole."""
        self._awaited()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """From here on the connection is another protocol's."""
        self._awaited()
        super().handle_websocket_upgrade()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._awaited()
        super().connection_lost(exc)

    def _await_request(self) -> None:
        self._awaited()
        self._over = self.loop.call_later(self._within_s, self._hang_up)

    def _awaited(self) -> None:
        if self._over is not None:
            self._over.cancel()
            self._over = None

    def _hang_up(self) -> None:
        self._over = None
        self.transport.close()


def patient(within_s: float) -> Any:
    """The protocol class as uvicorn takes it."""
    return partial(PatientProtocol, within_s=within_s)
