"""A TCP port that can be opened and closed again and again without ever being lost to somebody else."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any


class Port:
    """Held from the start; while nobody listens, a connection is refused at once.

    A socket that is bound but does not listen keeps the number and refuses, which is what a stopped server looks like.

    It lets callers in by itself: `asyncio.Server` (3.11) forgets, unclosed, whoever it had accepted but not yet given
    to a protocol when it is closed.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._held: socket.socket | None = self._bind(0)
        self.number: int = self._held.getsockname()[1]
        self._listening: socket.socket | None = None
        self._let_in: set[asyncio.Task[Any]] = set()

    def _bind(self, number: int) -> socket.socket:
        one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((self._host, number))
        return one

    @property
    def listening(self) -> bool:
        return self._listening is not None

    def listen(self, converse: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None) -> None:
        """Take connections, in the running loop."""
        taken, self._held = self._held, None
        listening = self._listening = taken or self._bind(self.number)
        listening.setblocking(False)
        listening.listen(128)
        asyncio.get_running_loop().add_reader(listening, partial(self._accept, listening, converse, tls))

    def _accept(
        self, listening: socket.socket, converse: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None
    ) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):  # a client that is gone already
            caller, _ = listening.accept()
            loop = asyncio.get_running_loop()
            caller.setblocking(False)
            task = loop.create_task(_give(loop, converse, caller, tls))
            self._let_in.add(task)
            task.add_done_callback(partial(self._given, caller))

    def _given(self, caller: socket.socket, task: asyncio.Task[Any]) -> None:
        self._let_in.discard(task)
        if task.cancelled():  # perhaps before its first step, when nobody but us holds the socket
            caller.close()

    async def close(self) -> None:
        """Refuse connections, keeping the number; who was let in has a protocol when this returns, or is cut off."""
        if self._listening is not None:
            asyncio.get_running_loop().remove_reader(self._listening)
            self._listening.close()
            self._listening = None
            self._held = self._bind(self.number)
        for task in self._let_in:
            task.cancel()
        await asyncio.gather(*self._let_in, return_exceptions=True)

    def release(self) -> None:
        """Give the number back, once it is closed."""
        if self._held is not None:
            self._held.close()
            self._held = None


async def _give(
    loop: asyncio.AbstractEventLoop,
    converse: Callable[[], asyncio.Protocol],
    caller: socket.socket,
    tls: ssl.SSLContext | None,
) -> None:
    """Give the caller to a protocol; a handshake that comes to nothing ends here."""
    with contextlib.suppress(OSError):
        await loop.connect_accepted_socket(converse, caller, ssl=tls)
