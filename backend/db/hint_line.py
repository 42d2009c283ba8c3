"""What carries hints from one process to the others: PostgreSQL's NOTIFY, or NATS where many processes are to be woken.

A line carries no data and owes nobody delivery: whoever is not woken looks by itself within two seconds.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class LineLostError(ConnectionError):
    """The line does not work; the text says why, without any secret."""


class Wire(Protocol):
    """A line that is connected."""

    async def send(self, payload: str) -> None:
        """Tell every other process; 7,000 bytes at most. Raises LineLostError."""

    async def check(self) -> None:
        """Ask the other end whether it is still there. Raises LineLostError."""


class Line(Protocol):
    """A way to the other processes."""

    @property
    def name(self) -> str:
        """One word for figures: `postgres` or `nats`."""

    @property
    def where(self) -> str:
        """For people: what it is and where, without any secret."""

    def connected(self, heard: Callable[[str], None], stir: Callable[[], None]) -> AbstractAsyncContextManager[Wire]:
        """Connect and listen: `heard(payload)` for each hint, `stir()` when the connection seems to be gone.

        Entering and the body raise LineLostError when it is not to be had or lost.
        """
