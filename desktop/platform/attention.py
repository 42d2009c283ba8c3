"""Whether an alert on the screen can be seen: asks each cover at the start, and again at each hint of a change."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Final

from dbus_fast import BusType, Message

from desktop.platform.bus import BusClient, BusError
from desktop.platform.covers import LOCKED, Cover, all_covers
from desktop.platform.muted import Muted

FIRST_S: Final = 2.0
_LOG: Final = logging.getLogger(__name__)


class Attention:
    """Calls `changed` with the receipt's reason while something lies over the screen, and with null when nothing does.

    `addresses` are those of other buses than the user's own.
    """

    def __init__(
        self,
        changed: Callable[[str | None], None],
        *,
        covers: Sequence[Cover] | None = None,
        addresses: dict[BusType, str] | None = None,
    ) -> None:
        self._changed = changed
        self._covers = tuple(covers) if covers is not None else (*all_covers(), Muted())
        self._addresses = addresses or {}
        self._buses: dict[BusType, BusClient] = {}
        self._over: dict[Cover, bool] = {}
        self._hints: dict[Cover, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.reason: str | None = None

    async def start(self) -> None:
        """Ask all of them; a slow one is not waited for longer than two seconds."""
        for kind in {cover.bus for cover in self._covers}:
            bus = await BusClient.open(kind, self._addresses.get(kind))
            if bus is not None:
                self._buses[kind] = bus
        firsts = []
        for cover in self._covers:
            if (bus := self._buses.get(cover.bus)) is not None:
                self._hints[cover] = asyncio.Event()
                first = asyncio.Event()
                self._tasks.append(asyncio.create_task(self._watch(cover, bus, first)))
                firsts.append(asyncio.create_task(first.wait()))
        if firsts:
            _, slow = await asyncio.wait(firsts, timeout=FIRST_S)
            for each in slow:
                each.cancel()

    async def stop(self) -> None:
        """Ask no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for bus in self._buses.values():
            bus.close()

    async def _watch(self, cover: Cover, bus: BusClient, first: asyncio.Event) -> None:
        hint = self._hints[cover]

        def heard(message: Message) -> None:
            if cover.concerns(message):
                hint.set()

        try:
            await bus.listen(cover.rules, heard)
        except BusError as exc:
            _LOG.info("%s cannot be watched: %s", type(cover).__name__, exc)
        while True:
            hint.clear()
            try:
                self._over[cover] = await cover.ask(bus)
            except BusError as exc:
                _LOG.debug("%s does not say: %s", type(cover).__name__, exc)
                self._over[cover] = False
            self._tell()
            first.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(hint.wait(), cover.again_s)

    def _tell(self) -> None:
        reasons = {cover.reason for cover, over in self._over.items() if over}
        reason = LOCKED if LOCKED in reasons else min(reasons, default=None)
        if reason != self.reason:
            self.reason = reason
            _LOG.info("cover over the screen: %s", reason or "none")
            self._changed(reason)
