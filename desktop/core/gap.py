"""Whether the computer has slept: more time has passed between two looks than lay between them.

The clock that is looked at counts sleep, the timer that looks does not (or is late after it). A process that was frozen
looks the same, and is in the same need: what it knew is old, and its open sockets prove nothing.
"""

from typing import Final

LOOK_S: Final = 5.0
SLACK_S: Final = 10.0
"""A loaded machine is late by less."""


class Gap:
    """`look` is called about every `LOOK_S` seconds."""

    def __init__(self, elapsed: float) -> None:
        self._last = elapsed

    def look(self, elapsed: float) -> bool:
        """`elapsed` is seconds with sleep included."""
        passed, self._last = elapsed - self._last, elapsed
        return passed > LOOK_S + SLACK_S
