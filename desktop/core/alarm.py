"""One timer for a deadline that moves.

A loop on top of Qt keeps a live timer for every cancelled one, so a deadline that moves later must not cancel and arm
anew with each frame: the armed timer fires early, finds nothing due, and is armed again.
"""

import asyncio
from collections.abc import Callable


class Alarm:
    """Calls `fire` at the deadline last given to `at` (loop time, which is monotonic seconds)."""

    def __init__(self, fire: Callable[[], None]) -> None:
        self._fire = fire
        self._when: float | None = None
        self._armed_for = float("inf")
        self._handle: asyncio.TimerHandle | None = None

    def at(self, when: float | None) -> None:
        """Move the deadline; null takes it away."""
        self._when = when
        if when is not None and when < self._armed_for:
            self._arm(when)

    def stop(self) -> None:
        """Cancel for good."""
        self._when = None
        if self._handle is not None:
            self._handle.cancel()
        self._handle, self._armed_for = None, float("inf")

    def _arm(self, when: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._armed_for = when
        self._handle = asyncio.get_running_loop().call_at(when, self._ring)

    def _ring(self) -> None:
        self._handle, self._armed_for = None, float("inf")
        if self._when is None:
            return
        # Timers of the Qt loop may be some milliseconds early.
        if asyncio.get_running_loop().time() + 0.02 < self._when:
            self._arm(self._when)
            return
        self._when = None
        self._fire()
