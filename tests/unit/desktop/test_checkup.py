"""What the diagnostics tell of the way to the server and of this computer there, asked only while somebody looks."""

import asyncio
from datetime import UTC, datetime

import pytest

from backend.contract.people import AccountView, Me
from desktop.core import link
from desktop.core.checkup import EVERY_S, Checkup
from desktop.core.ports import SignedOutError, UnreachableError
from desktop.core.vitals import Vitals
from tests.unit.desktop.memory_desk import desk
from tests.unit.desktop.samples import ME

ANSWER = Me(user=ME, role=ME.role, account=AccountView(id="a", name="Northbeam IT", timezone="UTC"), permissions=[])


class World:
    """Time, a server that answers or does not, and whether there is a connection."""

    def __init__(self) -> None:
        self.now = 100.0
        self.echo: float | None = 0.041
        self.error: Exception | None = None
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.vitals = Vitals(lambda: self.now, lambda: datetime.now(UTC), lambda: None)
        self.checkup = Checkup(self.vitals, self._echo, self._me, lambda: self.now)

    def due(self) -> bool:
        return self.checkup.due

    async def _echo(self) -> float | None:
        await self.gate.wait()
        return self.echo

    async def _me(self) -> Me:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return ANSWER


async def test_the_round_trip_is_told_while_there_is_a_connection_and_only_then() -> None:
    async with desk() as one:
        one.controller.check_up()
        assert await one.controller._link.echo() is None, "there is no stream"
        await one.live()
        vitals = one.controller.vitals
        await one.until(lambda: vitals.live)
        assert (vitals.round_trip_s, "GET /me" in one.server.requests) == (None, False), "nobody has looked"
        one.controller.check_up()
        await one.until(lambda: vitals.connection.endswith(", 41 ms"))
        assert vitals.me is not None
        assert vitals.me.device is not None
        assert (vitals.me.device.name, vitals.me.server_version) == ("DANA-LT-04", "1.0.0")
        one.wire.away = True
        await one.wire.cut()
        await one.until(lambda: not vitals.live)
        assert "ms" not in vitals.connection
        assert not one.controller._checkup.due
        assert vitals.me is not None, "what was said of this computer stays true"


async def test_an_echo_that_does_not_come_is_no_round_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "PONG_S", 0.01)
    async with desk() as one:
        await one.live()
        assert one.wire.open is not None
        one.wire.open.far = None
        assert await one.controller._link.echo() is None
        one.wire.open.over = True
        assert await one.controller._link.echo() is None


async def test_it_asks_every_few_seconds_who_we_are_once_for_each_connection_and_never_twice_at_once() -> None:
    world = World()
    assert not world.due(), "without a connection"
    world.vitals.state("connected")
    world.gate.clear()
    running = asyncio.create_task(world.checkup.run())
    await asyncio.sleep(0)
    assert not world.due(), "it is under way"
    world.gate.set()
    await running
    assert (world.vitals.round_trip_s, world.asked) == (0.041, 1)
    assert not world.due()
    world.now += EVERY_S
    assert world.due()
    world.echo = None
    await world.checkup.run()
    assert (world.vitals.round_trip_s, world.asked) == (None, 1)
    world.vitals.state("reconnecting")
    world.now += 0.1
    world.vitals.state("connected")
    assert world.due(), "it may be another server by now"


async def test_what_belongs_to_the_connection_before_is_not_told_of_this_one() -> None:
    world = World()
    world.vitals.state("connected")
    world.gate.clear()
    running = asyncio.create_task(world.checkup.run())
    await asyncio.sleep(0)
    world.now += 1
    world.vitals.state("offline")
    world.gate.set()
    await running
    assert world.vitals.round_trip_s is None


@pytest.mark.parametrize("error", [UnreachableError("away", sent=False), SignedOutError()])
async def test_a_server_that_does_not_answer_leaves_what_is_known(error: Exception) -> None:
    world = World()
    world.vitals.state("connected")
    world.error = error
    await world.checkup.run()
    assert world.vitals.me is None
    assert not world.due()
    world.error = None
    world.now += EVERY_S
    await world.checkup.run()
    assert world.vitals.me is ANSWER, "asked again"
