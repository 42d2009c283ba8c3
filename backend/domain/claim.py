"""What can come of a claim: values, not exceptions. Exactly one caller ever gets `Claimed` for one pending handoff."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Claimed:
    """The caller won. `seq` is the event's position, `epoch` the claim's own `claim_epoch`."""

    seq: int
    epoch: int


@dataclass(frozen=True, slots=True)
class AlreadyYours:
    """The caller holds it already (a double click, a retry after a lost answer); no second event was made."""

    seq: int
    epoch: int


@dataclass(frozen=True, slots=True)
class AlreadyClaimed:
    """Someone else was first."""

    holder_id: UUID
    holder_name: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Reserved:
    """Until then only the person asked for may claim it: the account's policy says so."""

    target_id: UUID
    target_name: str
    until: datetime


@dataclass(frozen=True, slots=True)
class OwnHandoff:
    """The caller escalated it."""


@dataclass(frozen=True, slots=True)
class NotPending:
    """Resolved or withdrawn meanwhile."""

    status: str


@dataclass(frozen=True, slots=True)
class NotVisible:
    """No such handoff in the caller's account."""


@dataclass(frozen=True, slots=True)
class NotEligible:
    """The caller's role does not claim."""


ClaimOutcome = Claimed | AlreadyYours | AlreadyClaimed | Reserved | OwnHandoff | NotPending | NotVisible | NotEligible
