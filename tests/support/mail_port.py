"""A TCP port that can be opened and closed again and again without ever being lost to somebody else."""

import asyncio
import socket
import ssl
from collections.abc import Callable


class Port:
    """Held from the start; while nobody listens, a connection is refused at once.

    A socket that is bound but does not listen keeps the number and refuses, which is what a stopped server looks like.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._held: socket.socket | None = self._bind(0)
        self.number: int = self._held.getsockname()[1]
        self._server: asyncio.Server | None = None

    def _bind(self, number: int) -> socket.socket:
        one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((self._host, number))
        return one

    @property
    def listening(self) -> bool:
        return self._server is not None

    async def listen(
        self,
        loop: asyncio.AbstractEventLoop,
        converse: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
    ) -> None:
        """Take connections."""
        taken, self._held = self._held, None
        self._server = await loop.create_server(converse, sock=taken or self._bind(self.number), ssl=tls)

    def close(self) -> None:
        """Refuse connections, keeping the number."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._held = self._bind(self.number)

    def release(self) -> None:
        """Give the number back."""
        self.close()
        if self._held is not None:
            self._held.close()
            self._held = None
