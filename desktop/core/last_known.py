"""What can be read while the server cannot: the last queue and the hand-offs that were opened, as they were then.

It is kept for whoever was signed in, and goes with the sign-in. Nothing of it ever alerts, and nothing can be claimed
from it: the server decides, and it is not there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from backend.contract.handoffs import Handoff, QueueRow
from backend.contract.people import UserView
from desktop.core.alarm import Alarm

AFTER_S: Final = 3.0
"""Changes of this long are written together."""
ROWS_MOST: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """`as_of` is the server's time at which it was true."""

    server: str
    user: UserView
    as_of: datetime
    rows: list[QueueRow]
    handoffs: list[Handoff] = field(default_factory=list)


class Shelf(Protocol):
    """Where it lies. None of these raises."""

    def load(self) -> Kept | None:
        """What was kept last, or null."""
        ...

    def keep(self, kept: Kept) -> None:
        """In the place of what was there."""
        ...

    def wipe(self) -> None:
        """Nothing is kept any more."""
        ...


class LastKnown:
    """Keeps what `gather` answers, soon after each change; null from it leaves what is kept.

    Without a `shelf` nothing is kept. `now` is the loop's time.
    """

    def __init__(
        self, shelf: Shelf | None, server: str, gather: Callable[[], Kept | None], now: Callable[[], float]
    ) -> None:
        self._shelf = shelf
        self._server = server
        self._gather = gather
        self._now = now
        self._alarm = Alarm(self._write)
        self._due = False

    def recall(self) -> Kept | None:
        """What was kept of this server."""
        kept = self._shelf.load() if self._shelf is not None else None
        return kept if kept is not None and kept.server == self._server else None

    def changed(self) -> None:
        """Something else is true now."""
        if self._shelf is not None and not self._due:
            self._due = True
            self._alarm.at(self._now() + AFTER_S)

    def forget(self) -> None:
        """The sign-in is over."""
        self._due = False
        self._alarm.at(None)
        if self._shelf is not None:
            self._shelf.wipe()

    def stop(self) -> None:
        """The app ends: once more, and no more."""
        self._alarm.stop()
        if self._due:
            self._write()

    def _write(self) -> None:
        self._due = False
        kept = self._gather()
        if self._shelf is not None and kept is not None:
            self._shelf.keep(kept)
