"""Linux: logind's word that sleep is over, and the kernel's that addresses or routes have changed."""

import asyncio
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from dbus_fast import BusType, Message

from desktop.platform.bus import BusClient, BusError

_LOG: Final = logging.getLogger(__name__)
_MANAGER: Final = "org.freedesktop.login1.Manager"
_RULE: Final = (
    f"sender='org.freedesktop.login1',path='/org/freedesktop/login1',interface='{_MANAGER}',member='PrepareForSleep'"
)
# <linux/rtnetlink.h>: links, addresses and routes, of both families.
_GROUPS: Final = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
_NOTICE_BYTES: Final = 65_536
SETTLE_S: Final = 0.3
"""A network comes up in many steps, told one by one."""
_ROUTES: Final = Path("/proc/net/route")
# Addresses of documentation (RFC 5737, RFC 3849): asking for the way there sends nothing.
_FAR: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


class LoginWatch:
    """`desktop.platform.surroundings.Watch` of logind. `address` is another bus than the system's own."""

    def __init__(self, woke: Callable[[], None], address: str | None = None) -> None:
        self._woke = woke
        self._address = address
        self._bus: BusClient | None = None

    async def start(self) -> None:
        """See the protocol."""
        self._bus = await BusClient.open(BusType.SYSTEM, self._address)
        if self._bus is not None:
            try:
                await self._bus.listen([_RULE], self._heard)
            except BusError as exc:
                _LOG.info("sleep is not announced here: %s", exc)

    def stop(self) -> None:
        """See the protocol."""
        if self._bus is not None:
            self._bus.close()

    def _heard(self, message: Message) -> None:
        if message.interface == _MANAGER and message.member == "PrepareForSleep" and message.body == [False]:
            self._woke()


class Ways(NamedTuple):
    """Where packets would leave: this computer's address towards the world, by family, and the IPv4 routes."""

    out: tuple[str | None, ...]
    routes: frozenset[tuple[str, ...]]


def ways_now() -> Ways:
    """As they are now."""
    return Ways(tuple(_source(family, far) for family, far in _FAR), _routes())


class RouteWatch:
    """`desktop.platform.surroundings.Watch` of the kernel's notices (rtnetlink)."""

    def __init__(self, moved: Callable[[bool], None], ways: Callable[[], Ways] = ways_now) -> None:
        self._moved = moved
        self._ways = ways
        self._known = ways()
        self._ear: socket.socket | None = None
        self._settling: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """See the protocol."""
        try:
            ear = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
            ear.bind((0, _GROUPS))
        except OSError as exc:
            _LOG.info("changes of the network are not announced here: %s", exc.strerror)
            return
        self._ear = ear
        asyncio.get_running_loop().add_reader(ear.fileno(), self._heard)

    def stop(self) -> None:
        """See the protocol."""
        if self._settling is not None:
            self._settling.cancel()
        if self._ear is not None:
            asyncio.get_running_loop().remove_reader(self._ear.fileno())
            self._ear.close()
            self._ear = None

    def _heard(self) -> None:
        try:
            while self._ear is not None and self._ear.recv(_NOTICE_BYTES):
                pass
        except BlockingIOError:
            pass
        except OSError as exc:
            # More notices than the kernel keeps for us: that something changed is all we want to know.
            _LOG.debug("some notices of the network were lost: %s", exc.strerror)
        if self._settling is None:
            self._settling = asyncio.get_running_loop().call_later(SETTLE_S, self.look)

    def look(self) -> None:
        """Compare; notices also come when an address is only confirmed, or a container starts."""
        self._settling = None
        before, self._known = self._known, self._ways()
        if self._known == before or not any(self._known.out):
            return
        moved = self._known.out != before.out
        _LOG.info("the network has changed%s", ": another way out" if moved else "")
        self._moved(moved)


def _source(family: socket.AddressFamily, far: str) -> str | None:
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((far, 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def _routes() -> frozenset[tuple[str, ...]]:
    """Interface, destination, gateway and mask of each."""
    try:
        lines = _ROUTES.read_text(encoding="ascii", errors="replace").splitlines()[1:]
    except OSError:
        return frozenset()
    rows = (line.split() for line in lines)
    return frozenset((row[0], row[1], row[2], row[7]) for row in rows if len(row) > 7)
