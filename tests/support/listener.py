"""Ports of the tests' servers, and their end."""

import asyncio
import socket


def held_port() -> socket.socket:
    """A port for another program to listen on, for as long as this socket is open.

    It is bound and does not listen: nobody else is given the number, whoever connects is refused, and a program that
    reuses addresses, as servers do, listens there. A number that was only looked up may be taken by the time it starts.
    """
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held


async def end_listening(server: asyncio.Server) -> None:
    """Close it, in its own loop, with everyone it has accepted given to a protocol that can be cut.

    `Server.close` of Python 3.11 forgets, unclosed, whoever was accepted in the same turn of the loop; the warning of
    that would fail some later test.
    """
    loop = asyncio.get_running_loop()
    for one in server.sockets:
        loop.remove_reader(one.fileno())
    for _ in range(3):
        await asyncio.sleep(0)
    server.close()


async def connections_ended() -> None:
    """Wait until this loop listens to no socket but its own: what still closes at its end is told of as left open."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(30):
        while len(loop._selector.get_map()) > 1:  # type: ignore[attr-defined]  # noqa: ASYNC110 - it is asked of the loop itself
            await asyncio.sleep(0.01)
    for _ in range(3):
        await asyncio.sleep(0)
