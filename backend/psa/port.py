"""What FlowPilot asks of a PSA, whichever it is.

    PsaError                what went wrong, as a sentence for an administrator
    ├─ RefusedError         permanent: trying again changes nothing; `remedy` says what does
    └─ AwayError            transient: no answer, an error of theirs, or they asked us to wait
       └─ LeakingError      … while a note that customers can read was being hidden

Who may read a note is decided by the type of the note: `InternalNote` goes where the customer never looks. A customer
reads a `PublicNote` only, and nobody can make one without a `Consent`, which in turn takes the account's switch and
one person's confirmation of this very note.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Literal, Protocol, Self
from uuid import UUID


class PsaError(Exception):
    """See the tree at the top."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class RefusedError(PsaError):
    """`about` tells whether the whole connector is at fault (credentials, rights, address) or this ticket alone."""

    def __init__(self, text: str, *, remedy: str, about: Literal["connector", "ticket"]) -> None:
        super().__init__(text)
        self.remedy = remedy
        self.about = about


class AwayError(PsaError):
    """`wait_s` is how long they asked us to wait, if they did. Whether a write took effect is not known after it."""

    def __init__(self, text: str, *, wait_s: float | None = None) -> None:
        super().__init__(text)
        self.wait_s = wait_s


class LeakingError(AwayError):
    """It must be tried again soon, and must not be written anew: the next one would be read by customers, too."""


class Visibility(Enum):
    """Who reads a note."""

    INTERNAL = "internal"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Consent:
    """Leave to write where a customer reads. Made by `given` only."""

    by: UUID

    @classmethod
    def given(cls, *, account_allows: bool, confirmed_by: UUID | None) -> Self:
        """Raises ValueError unless the account allows public notes and a person has confirmed this one."""
        if not account_allows or confirmed_by is None:
            raise ValueError("a public note needs the account's switch and a person's confirmation")
        return cls(confirmed_by)


@dataclass(frozen=True, slots=True)
class InternalNote:
    """A note for technicians. `marker` stands in the text and in no other note."""

    marker: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class PublicNote:
    """A note that the customer reads."""

    marker: str
    title: str
    text: str
    consent: Consent


Note = InternalNote | PublicNote


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket as the PSA has it. `url` opens it in a browser, where the PSA tells."""

    id: str
    title: str
    customer: str | None
    description: str | None
    status: str | None
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteNote:
    """A note that is there. `author` is the PSA's id of the member who wrote it, None for customers and the system."""

    id: str
    text: str
    visibility: Visibility
    author: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How often a PSA may be asked: seconds between two requests, and so many of them in that many seconds."""

    pause_s: float
    most: int
    window_s: float


class Psa(Protocol):
    """One PSA. Every method raises PsaError and ends within its requests' time limits."""

    async def check(self) -> str:
        """Sign in and look at what notes need; answers who we are there, in words."""

    async def get_ticket(self, ticket: str) -> Ticket:
        """The ticket. RefusedError about the ticket when there is none."""

    async def notes(self, ticket: str) -> list[RemoteNote]:
        """All notes of the ticket, newest first, however many pages they take."""

    async def add_note(self, ticket: str, note: Note) -> str:
        """Write it and answer its id; exactly an InternalNote is hidden from customers."""

    async def read_note(self, ticket: str, note_id: str) -> RemoteNote | None:
        """The note as it is now; None when it is not there."""

    async def hide_note(self, ticket: str, note_id: str) -> None:
        """Make a note of ours internal."""

    async def remove_note(self, ticket: str, note_id: str) -> None:
        """Take a note of ours away, or its words where the PSA keeps every note."""

    async def member_email(self, member: str) -> str | None:
        """The address of a member."""

    async def set_status(self, ticket: str, label: str) -> None:
        """Give the ticket the status of that name."""

    async def assign(self, ticket: str, email: str) -> None:
        """Give the ticket to the member with that address."""
