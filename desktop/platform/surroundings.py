"""What happens around the app that ends its links without a word: sleep, and another network.

Sleep: logind says when it is over (Linux); everywhere a clock that counts sleep is looked at. Network: the kernel's own
notices on Linux, Qt's elsewhere (tested on Linux; the others are not run here).
"""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable
from typing import Final, Protocol

from desktop.core.gap import LOOK_S, Gap

_LOG: Final = logging.getLogger(__name__)


class Watch(Protocol):
    """One source of such news."""

    async def start(self) -> None:
        """Begin; where there is nothing to be heard this does nothing."""
        ...

    def stop(self) -> None:
        """Hear no more."""
        ...


class Surroundings:
    """Calls `woke` when the computer has slept, and `moved` when its network has changed.

    `moved(True)` says that packets leave another way, `moved(False)` that some other route has come or gone. `elapsed`
    is seconds with sleep included.
    """

    def __init__(
        self,
        *,
        woke: Callable[[], None],
        moved: Callable[[bool], None],
        elapsed: Callable[[], float],
        watches: tuple[Watch, ...] | None = None,
    ) -> None:
        self._woke = woke
        self._elapsed = elapsed
        self._gap = Gap(elapsed())
        self._watches = of_this_computer(self.woke, moved) if watches is None else watches
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to watch."""
        self._looking = asyncio.get_running_loop().create_task(self._look())
        for watch in self._watches:
            await watch.start()

    async def stop(self) -> None:
        """Watch no more."""
        for watch in self._watches:
            watch.stop()
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking

    def woke(self) -> None:
        """The computer is awake again: said once, whoever notices first."""
        self._gap.look(self._elapsed())
        _LOG.info("awake again")
        self._woke()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            if self._gap.look(self._elapsed()):
                self.woke()


def of_this_computer(
    woke: Callable[[], None], moved: Callable[[bool], None], system: str = sys.platform
) -> tuple[Watch, ...]:
    """What this system has."""
    if system == "linux":
        from desktop.platform.linux_watches import LoginWatch, RouteWatch  # noqa: PLC0415 - there only

        return LoginWatch(woke), RouteWatch(moved)
    from desktop.platform.qt_network import QtNetworkWatch  # noqa: PLC0415 - elsewhere only

    return (QtNetworkWatch(moved),)
