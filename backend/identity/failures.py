"""How often one address may fail. Kept in this process: there is no store whose loss would let everything through."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from backend.http.client import network_of

AT_ONCE: Final = 600.0
PER_S: Final = 5.0
ADDRESSES: Final = 10_000


class Failures:
    """A bucket of failures per address, of IPv6 per network of 64 bits.

    Whoever succeeds pays nothing, so a whole office behind one address may.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def may_try(self, address: str) -> bool:
        """False while the address has failed too often."""
        return self._level(address) < AT_ONCE

    def failed(self, address: str) -> None:
        """One more; the addresses that have been quiet the longest are forgotten first."""
        here = network_of(address)
        self._spent[here] = (self._level(address) + 1, self._clock())
        self._spent.move_to_end(here)
        while len(self._spent) > ADDRESSES:
            self._spent.popitem(last=False)

    def _level(self, address: str) -> float:
        spent, at = self._spent.get(network_of(address), (0.0, 0.0))
        return max(0.0, spent - (self._clock() - at) * PER_S)
