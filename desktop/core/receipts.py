"""Receipts that the server has not confirmed yet, one for each round of a handoff.

A frame that was handed to a socket proves nothing: the link may break under it. A receipt is kept until one of these:

- the server's own log tells of it: `handoff.delivery` of this user and this round, by way of the desktop;
- its handoff waits no more, and nobody needs it;
- a connection over which it was sent has lived on for two heartbeats with nothing of the log left to read. The server
  takes frames in their order and closes a connection whose receipt it could not keep, so it has this one: its echo came
  before a position that we skipped (a trimmed log, a queue that was fetched anew), or it was a repeat, which has none.

A round at a time: a receipt of an older round that could not be sent is still sent, as what it is.
"""

from typing import Final

from backend.contract.events import Event, Receipt
from backend.contract.vocabulary import ReceiptState
from desktop.core.rounds import Round

MOST: Final = 500
BEATS: Final = 2
_LEFT: Final = frozenset({"handoff.claimed", "handoff.reassigned", "handoff.resolved", "handoff.withdrawn"})


class Receipts:
    """The last unconfirmed receipt of each round; the oldest are let go beyond `most`."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._open: dict[Round, Receipt] = {}
        self._beats: dict[Round, int] = {}
        self._confirmed: dict[Round, ReceiptState] = {}
        self._log: str | None = None

    @property
    def unconfirmed(self) -> tuple[Receipt, ...]:
        """To be sent after each greeting, oldest first."""
        return tuple(self._open.values())

    def add(self, receipt: Receipt) -> bool:
        """Keep it, unless the server is known to have as much; whether it has to be sent. Once shown stays shown."""
        key = Round(receipt.handoff_id, receipt.rung or 0)
        known = self._open.get(key)
        has = known.state if known is not None else self._confirmed.get(key)
        if has == receipt.state or "shown" in {has, self._confirmed.get(key)}:
            return False
        self._open.pop(key, None)
        self._open[key] = receipt
        self._beats[key] = 0
        while len(self._open) > self._most:
            self._close(next(iter(self._open)))
        return True

    def heard(self, event: Event, my_id: str) -> None:
        """One event of the log."""
        handoff_id = str(event.data.get("handoff_id"))
        match event.data:
            case {
                "channel": "desktop",
                "user": {"id": str(user_id)},
                "state": ("shown" | "suppressed" | "failed") as state,
            } if event.kind == "handoff.delivery" and user_id == my_id:
                rung = event.data.get("rung")
                self._confirm(Round(handoff_id, rung if isinstance(rung, int) else 0), state)
            case _ if event.kind in _LEFT:
                for key in [key for key in (*self._open, *self._confirmed) if key.handoff_id == handoff_id]:
                    self._close(key)
                    self._confirmed.pop(key, None)

    def greeted(self) -> None:
        """A new connection: all that is open goes out again."""
        self._beats = dict.fromkeys(self._open, 0)

    def beat(self) -> None:
        """A heartbeat, with the log read to its end."""
        for key in list(self._open):
            self._beats[key] += 1
            if self._beats[key] >= BEATS:
                self._confirm(key, self._open[key].state)

    def log_is(self, epoch: str | None) -> None:
        """Which log is read. What another one had confirmed, a restored database may not know: its rounds are new."""
        if epoch != self._log:
            self._log = epoch
            self._confirmed.clear()

    def _confirm(self, key: Round, state: ReceiptState) -> None:
        if self._confirmed.pop(key, None) == "shown":
            state = "shown"
        self._confirmed[key] = state
        while len(self._confirmed) > self._most:
            del self._confirmed[next(iter(self._confirmed))]
        if key in self._open and state in {"shown", self._open[key].state}:
            self._close(key)

    def _close(self, key: Round) -> None:
        self._open.pop(key, None)
        self._beats.pop(key, None)
