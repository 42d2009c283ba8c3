"""Receipts that the server has not confirmed yet.

A frame that was handed to a socket proves nothing: the link may break under it. A receipt is kept until the server's
own log tells of it (`handoff.delivery` of this user, by way of the desktop), or until its handoff waits no more and
nobody needs it. The server passes over repeats, so one too many does no harm.
"""

from collections.abc import Collection
from typing import Final

from backend.contract.events import Event, Receipt
from backend.contract.vocabulary import ReceiptState

MOST: Final = 500
_LEFT: Final = frozenset({"handoff.claimed", "handoff.reassigned", "handoff.resolved", "handoff.withdrawn"})


class Receipts:
    """The last unconfirmed receipt of each handoff; the oldest are let go beyond `most`."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._open: dict[str, Receipt] = {}
        self._confirmed: dict[str, ReceiptState] = {}

    @property
    def unconfirmed(self) -> tuple[Receipt, ...]:
        """To be sent after each greeting, oldest first."""
        return tuple(self._open.values())

    def add(self, receipt: Receipt) -> None:
        """Keep it, unless the server is known to have as much. Once shown stays shown."""
        handoff_id = receipt.handoff_id
        known = self._open.pop(handoff_id, None)
        confirmed = self._confirmed.get(handoff_id)
        if confirmed == "shown" or (known is None and confirmed == receipt.state):
            return
        self._open[handoff_id] = known if known is not None and known.state == "shown" else receipt
        _trim(self._open, self._most)

    def heard(self, event: Event, my_id: str) -> None:
        """One event of the log."""
        handoff_id = str(event.data.get("handoff_id"))
        match event.data:
            case {
                "channel": "desktop",
                "user": {"id": str(user_id)},
                "state": ("shown" | "suppressed" | "failed") as state,
            } if event.kind == "handoff.delivery" and user_id == my_id:
                self._confirm(handoff_id, state)
            case _ if event.kind in _LEFT:
                self._open.pop(handoff_id, None)
                self._confirmed.pop(handoff_id, None)

    def waiting(self, handoff_ids: Collection[str]) -> None:
        """The whole queue was fetched anew; what is not in it waits no more."""
        self._open = {key: receipt for key, receipt in self._open.items() if key in handoff_ids}

    def _confirm(self, handoff_id: str, state: ReceiptState) -> None:
        self._confirmed.pop(handoff_id, None)
        self._confirmed[handoff_id] = state
        _trim(self._confirmed, self._most)
        if handoff_id in self._open and state in {"shown", self._open[handoff_id].state}:
            del self._open[handoff_id]


def _trim(kept: dict[str, Receipt] | dict[str, ReceiptState], most: int) -> None:
    while len(kept) > most:
        del kept[next(iter(kept))]
