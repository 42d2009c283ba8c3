"""What is known: who is signed in, what waits, and the last handoffs that wait no more."""

from typing import Final

from backend.contract.handoffs import QueueRow
from backend.contract.people import UserView
from desktop.core.inbox import Inbox

PAST_MOST: Final = 500


class Roster:
    """`me` is the signed-in user, before the first greeting the one who was signed in last; null: nobody known.

    `greeted` says whether the server has said so in this run.
    """

    def __init__(self) -> None:
        self.inbox = Inbox()
        self.me: UserView | None = None
        self.greeted = False
        self._past: dict[str, QueueRow] = {}

    def row(self, handoff_id: str | None) -> QueueRow | None:
        """A handoff that waits, or did lately."""
        if handoff_id is None:
            return None
        return self.inbox.waiting.get(handoff_id) or self._past.get(handoff_id)

    def remember(self, row: QueueRow) -> None:
        """The newest that is known of it, for when it waits no more."""
        self._past.pop(row.id, None)
        self._past[row.id] = row
        while len(self._past) > PAST_MOST:
            del self._past[next(iter(self._past))]

    def everyone_else(self) -> None:
        """Another user: nothing is known."""
        self.inbox.clear()
        self._past.clear()

    @property
    def private(self) -> list[str]:
        """Every text of a handoff and every name that is known now: what diagnostics must not hold."""
        rows = list((self._past | self.inbox.waiting).values())
        texts = [each for row in rows for each in (row.title, row.customer, row.reason, row.need)]
        return [each for each in texts if each] + [row.handed_off_by.name for row in rows]
