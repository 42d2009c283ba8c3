"""This computer's clock."""

import time
from datetime import UTC, datetime


class SystemClock:
    """`desktop.core.ports.Clock`; the same monotonic time as the event loop's."""

    def monotonic(self) -> float:
        """Seconds."""
        return time.monotonic()

    def now(self) -> datetime:
        """UTC."""
        return datetime.now(UTC)
