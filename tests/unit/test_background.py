"""Background loops outlive whatever goes wrong in them, and say what it was; sockets are rationed."""

import asyncio
import logging
from typing import Any

import asyncpg
import pytest

from backend.db.background import keep_doing
from backend.db.hint_postgres import PostgresLine
from backend.db.wakeup import EVERYONE, Wakeup
from backend.feed.link import Allowance


async def test_a_loop_survives_what_nobody_expected_and_says_it(caplog: pytest.LogCaptureFixture) -> None:
    """A loop that ends unseen leaves a server that looks well and tells nobody of new escalations."""
    failures: list[Exception] = [OSError("away"), TimeoutError(), ValueError("a bug")]
    reached = asyncio.Event()

    async def step() -> None:
        if failures:
            raise failures.pop(0)
        reached.set()
        await asyncio.Event().wait()

    caplog.set_level(logging.WARNING)
    loop = asyncio.create_task(keep_doing(step, what="look", expected=(OSError,), pause_s=0))
    async with asyncio.timeout(5):
        await reached.wait()
    loop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loop
    said = [(record.levelname, record.getMessage(), bool(record.exc_info)) for record in caplog.records]
    assert said == [
        ("WARNING", "cannot look, trying again: away", False),
        ("WARNING", "cannot look, trying again: TimeoutError", False),
        ("ERROR", "cannot look, a fault in the program, going on", True),
    ]


async def test_hints_come_back_after_the_driver_gave_up_in_the_middle_of_connecting(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = asyncpg.connect, 0

    async def connect(*arguments: Any, **options: Any) -> object:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise asyncpg.InterfaceError("connection was closed in the middle of operation")
        return await real(*arguments, **options)

    monkeypatch.setattr(asyncpg, "connect", connect)
    monkeypatch.setattr("backend.db.wakeup._RETRY_S", 0.01)
    wakeup, heard = Wakeup(PostgresLine(database_url, {})), asyncio.Event()
    wakeup.subscribe(lambda topic: heard.set() if topic == EVERYONE else None)
    wakeup.start()
    try:
        async with asyncio.timeout(20):
            await heard.wait()
    finally:
        await wakeup.stop()
    assert calls == 2


def test_an_allowance_gives_a_burst_and_then_its_rate() -> None:
    allowance = Allowance(burst=5, per_s=2, left=5)
    assert [allowance.take(100.0) for _ in range(7)] == [True] * 5 + [False] * 2
    assert [allowance.take(101.0) for _ in range(3)] == [True, True, False], "two more after a second"
    assert [allowance.take(1_000.0) for _ in range(6)] == [True] * 5 + [False], "never more than the burst"
