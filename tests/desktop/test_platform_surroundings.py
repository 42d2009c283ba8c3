"""The app hears of sleep and of another network, from the parts of the system that say so."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from desktop.core import gap
from desktop.platform import surroundings
from desktop.platform.linux_watches import LoginWatch, RouteWatch, Ways
from desktop.platform.qt_network import QtNetworkWatch
from desktop.platform.surroundings import Surroundings
from tests.desktop.session_bus import session_bus


class Counter:
    """Counts calls, and lets a test wait for them."""

    def __init__(self) -> None:
        self.calls: list[object] = []
        self._news = asyncio.Event()

    def __call__(self, what: object = None) -> None:
        self.calls.append(what)
        self._news.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.calls) < count:
                self._news.clear()
                await self._news.wait()


async def test_the_end_of_sleep_is_heard_from_the_login_manager_and_from_nobody_else(tmp_path: Path) -> None:
    woke = Counter()
    with session_bus(tmp_path) as address:
        watch = LoginWatch(woke, address)
        await watch.start()
        stranger = await MessageBus(bus_address=address, bus_type=BusType.SESSION).connect()
        manager = await MessageBus(bus_address=address, bus_type=BusType.SESSION).connect()
        await manager.request_name("org.freedesktop.login1")
        for bus, going in ((stranger, False), (manager, True), (manager, False)):
            await bus.send(
                Message(
                    message_type=MessageType.SIGNAL,
                    path="/org/freedesktop/login1",
                    interface="org.freedesktop.login1.Manager",
                    member="PrepareForSleep",
                    signature="b",
                    body=[going],
                )
            )
        await woke.until(1)
        # Whatever the others set off would have come before this.
        await manager.call(
            Message(
                destination="org.freedesktop.DBus",
                path="/org/freedesktop/DBus",
                interface="org.freedesktop.DBus",
                member="GetId",
            )
        )
        assert len(woke.calls) == 1
        watch.stop()
        for bus in (stranger, manager):
            bus.disconnect()


async def test_a_computer_without_a_system_bus_is_watched_by_the_clock_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "LOOK_S", 0.01)
    clock, woke = [0.0], Counter()
    watch = LoginWatch(woke, "unix:path=/nowhere/bus")
    around = Surroundings(woke=woke, moved=Counter(), elapsed=lambda: clock[0], watches=(watch,))
    await around.start()
    clock[0] += gap.LOOK_S + gap.SLACK_S + 1
    await woke.until(1)
    around.woke()  # and the login manager says so, late
    assert len(woke.calls) == 2
    await around.stop()


ETHERNET = Ways(("10.0.0.5", None), frozenset({("eth0", "00000000", "0100000A", "00000000")}))
NOTHING = Ways((None, None), frozenset())
RADIO = Ways(("192.168.1.7", None), frozenset({("wlan0", "00000000", "0101A8C0", "00000000")}))
TUNNEL = Ways(ETHERNET.out, ETHERNET.routes | {("tun0", "0000080A", "00000000", "0000FFFF")})


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ([ETHERNET], []),
        ([NOTHING], []),
        ([NOTHING, ETHERNET], [True]),
        ([RADIO, RADIO], [True]),
        ([TUNNEL, ETHERNET], [False, False]),
    ],
)
def test_only_what_leads_elsewhere_is_told(seen: list[Ways], told: list[bool]) -> None:
    ways = iter([ETHERNET, *seen])
    moved = Counter()
    watch = RouteWatch(moved, lambda: next(ways))
    for _ in seen:
        watch.look()
    assert moved.calls == told


_IN_A_NETWORK_OF_ITS_OWN = """
import asyncio, subprocess
from desktop.platform.linux_watches import RouteWatch

async def main():
    told = asyncio.Queue()
    watch = RouteWatch(told.put_nowait)
    await watch.start()
    for command in ("link set lo up", "addr add 192.168.77.2/24 dev lo", "route add default via 192.168.77.9 dev lo"):
        subprocess.run(["ip", *command.split()], check=True)
    async with asyncio.timeout(20):
        assert await told.get() is True
        subprocess.run(["ip", "route", "add", "10.8.0.0/16", "via", "192.168.77.9", "dev", "lo"], check=True)
        assert await told.get() is False
    watch.stop()
    print("heard both")

asyncio.run(main())
"""


def _may_unshare() -> bool:
    return (
        shutil.which("ip") is not None
        and not subprocess.run(["unshare", "-rn", "ip", "link"], check=False, capture_output=True).returncode
    )


@pytest.mark.skipif(not _may_unshare(), reason="this computer lets nobody make a network of their own")
def test_the_kernels_notices_are_heard() -> None:
    done = subprocess.run(
        ["unshare", "-rn", sys.executable, "-c", _IN_A_NETWORK_OF_ITS_OWN],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.stdout == "heard both\n", done.stderr


def test_each_system_has_its_watches(qapp: object) -> None:
    silent: Callable[..., None] = Counter()
    linux = surroundings.of_this_computer(silent, silent, "linux")
    assert [type(each) for each in linux] == [LoginWatch, RouteWatch]
    assert [type(each) for each in surroundings.of_this_computer(silent, silent, "win32")] == [QtNetworkWatch]
