"""The servers that stand in for others in the tests: what one leaves behind fails another test, far from its cause."""

import asyncio
import gc
import socket
import warnings
from collections.abc import Iterator

import pytest
import trustme

from tests.support.listener import end_listening
from tests.support.mail_server import HOST, MailServer

CALLERS = 4


@pytest.fixture
def left() -> Iterator[list[warnings.WarningMessage]]:
    """What was left unclosed, told when it was collected."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", ResourceWarning)
        yield seen


@pytest.mark.parametrize("implicit", [False, True])
def test_a_mail_server_that_stops_leaves_nobody_half_let_in(
    left: list[warnings.WarningMessage], *, implicit: bool
) -> None:
    certificate = trustme.CA().issue_cert(HOST) if implicit else None
    for _ in range(15):
        server = MailServer(certificate=certificate, implicit=implicit).start()
        callers = [socket.create_connection((HOST, server.port)) for _ in range(CALLERS)]
        server.stop()
        for caller in callers:
            caller.close()
        del server
        gc.collect()
    assert [str(one.message) for one in left] == []


@pytest.mark.parametrize("turns", range(4))
def test_a_server_that_stops_listening_gives_everyone_to_its_protocol(
    left: list[warnings.WarningMessage], turns: int
) -> None:
    asyncio.run(_called_and_ended(turns))
    gc.collect()
    assert [str(one.message) for one in left] == []


async def _called_and_ended(turns: int) -> None:
    came: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: came.append(writer), HOST, 0)
    # They stand in the kernel's queue, all of them, before the loop looks.
    callers = [socket.create_connection(server.sockets[0].getsockname()) for _ in range(CALLERS)]
    for _ in range(turns):
        await asyncio.sleep(0)
    await end_listening(server)
    for writer in came:
        writer.transport.abort()
    await asyncio.sleep(0)
    for caller in callers:
        caller.close()
