"""Rounds of telling people, as one device keeps them: each is alerted here once.

A handoff begins a round whenever people are to be told of it: the escalation, each hand-back, each step of the policy.
`rung` counts them and `to` says whom the round is for; a row carries both, and the receipt answers with `rung`.
"""

from typing import NamedTuple

from backend.contract.handoffs import QueueRow


class Round(NamedTuple):
    """One round of one handoff."""

    handoff_id: str
    rung: int


def round_of(row: QueueRow) -> Round:
    """The round that this row is in."""
    return Round(row.id, row.rung)


class Rounds:
    """The last round of each waiting handoff that needs nothing more from this device."""

    def __init__(self) -> None:
        self._done: dict[str, int] = {}

    @property
    def ids(self) -> set[str]:
        """The handoffs of which anything is known."""
        return set(self._done)

    def is_new(self, row: QueueRow) -> bool:
        """Whether nobody has been alerted here in this round."""
        return row.rung > self._done.get(row.id, -1)

    def done(self, row: QueueRow) -> None:
        """Alerted, or held and told so."""
        self._done[row.id] = row.rung

    def reopen(self, handoff_id: str) -> None:
        """What was done for it was not seen by anyone; alert again when the state is whole."""
        self._done.pop(handoff_id, None)

    def rewind(self, row: QueueRow) -> None:
        """A restored database counts from where its copy was; rounds it begins anew are new ones."""
        if row.id in self._done:
            self._done[row.id] = min(self._done[row.id], row.rung)

    def forget(self, handoff_id: str) -> None:
        """It waits no more."""
        self._done.pop(handoff_id, None)
