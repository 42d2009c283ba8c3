"""WebSocket frames that are built once and written to many connections.

ASGI has no way to say it: `send` encodes and frames a text again for each connection, half of what a delivery costs. So
our server's WebSocket protocol offers one more function in the scope's extensions, which takes a whole frame.
"""

import struct
from collections.abc import Callable
from typing import Any, Final, cast

from starlette.types import Scope
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

EXTENSION: Final = "flowpilot.frame"
PutFrame = Callable[[bytes], bool]
_FINAL_TEXT: Final = 0x81
_LENGTH_16: Final = 126
_LENGTH_64: Final = 127


def text_frame(text: str) -> bytes:
    """The text as one frame of a server, final and without a mask (RFC 6455, 5.2)."""
    data = text.encode()
    if len(data) < _LENGTH_16:
        return bytes((_FINAL_TEXT, len(data))) + data
    if len(data) < 1 << 16:
        return struct.pack("!BBH", _FINAL_TEXT, _LENGTH_16, len(data)) + data
    return struct.pack("!BBQ", _FINAL_TEXT, _LENGTH_64, len(data)) + data


def put_frame_of(scope: Scope) -> PutFrame | None:
    """The connection's function, or None under a server that is not ours.

    It answers False when the client reads too slowly to take more now, and raises OSError when it is gone.
    """
    found: PutFrame | None = scope.get("extensions", {}).get(EXTENSION)
    return found


class FrameProtocol(WebSocketsSansIOProtocol):
    """uvicorn's own, with that function. Frames are written as they are: permessage-deflate must be off."""

    async def send(self, message: Any) -> None:
        """As uvicorn does it; once the handshake is over, what it was made of is let go: a socket stands for days."""
        await super().send(message)
        if message["type"] == "websocket.accept":
            del self.request, self.response
            self.scope["headers"] = []

    async def run_asgi(self) -> None:
        """Offer it to the application."""
        offered: dict[str, Any] = cast("dict[str, Any]", self.scope.setdefault("extensions", {}))
        offered[EXTENSION] = self._put
        await super().run_asgi()

    def _put(self, frame: bytes) -> bool:
        if self.conn.state is not State.OPEN or self.transport.is_closing():
            raise ClientDisconnected
        if not self.writable.is_set():
            return False
        self.transport.write(frame)
        return True
