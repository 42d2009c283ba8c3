"""The end of a listening server of the tests."""

import asyncio


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
