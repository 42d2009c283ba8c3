"""One timer for what is due: a deadline that was taken back rings nobody."""

import asyncio

from desktop.core.alarm import Alarm


async def test_a_deadline_that_moves_rings_once_and_one_that_was_taken_back_never() -> None:
    rung: list[float] = []
    loop = asyncio.get_running_loop()
    alarm = Alarm(lambda: rung.append(loop.time()))
    began = loop.time()
    alarm.at(began + 0.02)
    alarm.at(began + 0.06)
    await asyncio.sleep(0.12)
    assert len(rung) == 1
    assert rung[0] - began > 0.03, "at the later time"
    alarm.at(loop.time() + 0.02)
    alarm.at(None)
    await asyncio.sleep(0.08)
    assert len(rung) == 1
    alarm.stop()
