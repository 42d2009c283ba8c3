"""This computer's clock."""

import sys
import time
from datetime import UTC, datetime
from typing import Final

# Windows' monotonic time counts sleep by itself; elsewhere another clock does.
_SLEEP_COUNTS: Final = {"linux": "CLOCK_BOOTTIME", "darwin": "CLOCK_MONOTONIC"}


class SystemClock:
    """`desktop.core.ports.Clock`; the same monotonic time as the event loop's."""

    def monotonic(self) -> float:
        """Seconds."""
        return time.monotonic()

    def elapsed(self) -> float:
        """Seconds, sleep included."""
        number: int | None = getattr(time, _SLEEP_COUNTS.get(sys.platform, ""), None)
        return time.monotonic() if number is None else time.clock_gettime(number)

    def now(self) -> datetime:
        """UTC."""
        return datetime.now(UTC)
