"""When to try again: full jitter between 0 and a ceiling that doubles from 1 s to 60 s.

The ceiling falls back only after a link has been stable for 30 s; a server that accepts and drops at once would
otherwise be hammered by every client.
"""

import random
from collections.abc import Callable
from typing import Final

FIRST_S: Final = 1.0
CEILING_S: Final = 60.0
STABLE_S: Final = 30.0


class Backoff:
    """One link's patience. `uniform(a, b)` is the source of chance, in seconds."""

    def __init__(self, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._uniform = uniform
        self._failures = 0

    def delay(self) -> float:
        """Seconds to wait before the next try; each call counts as one more failure."""
        ceiling = min(CEILING_S, FIRST_S * 2 ** min(self._failures, 10))
        self._failures += 1
        return self._uniform(0.0, ceiling)

    def linked_for(self, seconds: float) -> None:
        """A link ended after this long."""
        if seconds >= STABLE_S:
            self._failures = 0

    def reset(self) -> None:
        """The user asked, or the network came back: begin anew."""
        self._failures = 0
