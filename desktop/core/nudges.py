"""Nudges: the policy reminds whoever has claimed a handoff and not begun, before it goes back to the queue.

A nudge lives until the handoff changes hands, is resolved, or its first action is announced.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backend.contract.handoffs import QueueRow
from desktop.core.inbox import Change

ENDS: Final = frozenset(
    {"handoff.claimed", "handoff.reassigned", "handoff.released", "handoff.resolved", "handoff.withdrawn"}
)


@dataclass(slots=True)
class Nudge:
    """One nudge to this user. `open` until it is on the screen; `told` once the server knows why it is not."""

    row: QueueRow
    returns_at: datetime | None
    open: bool = True
    told: bool = False


class Nudges:
    """This user's nudges by handoff id."""

    def __init__(self) -> None:
        self._nudges: dict[str, Nudge] = {}

    def heard(self, change: Change, my_id: str | None) -> None:
        """Keep the nudge that this event brings, if it is for this user."""
        if change.row is not None and my_id in (change.row.to or ()):
            self._nudges[change.handoff_id] = Nudge(change.row, change.returns_at)

    def ended_by(self, change: Change) -> bool:
        """Whether this event ends a nudge."""
        return change.handoff_id in self._nudges and (change.kind in ENDS or change.first_action)

    def get(self, handoff_id: str) -> Nudge | None:
        """The nudge of this handoff."""
        return self._nudges.get(handoff_id)

    def all(self) -> list[Nudge]:
        """Every one."""
        return list(self._nudges.values())

    def open(self) -> list[Nudge]:
        """Those that are still to be shown."""
        return [nudge for nudge in self._nudges.values() if nudge.open]

    def drop(self, handoff_id: str) -> bool:
        """It is over; whether there was one."""
        return self._nudges.pop(handoff_id, None) is not None

    def drop_all(self) -> list[str]:
        """The log was not whole: what became of them is unknown. Answers their handoffs."""
        ids = sorted(self._nudges)
        self._nudges.clear()
        return ids
