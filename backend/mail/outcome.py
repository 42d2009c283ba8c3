"""What can come of sending one message. Texts are plain words that an operator can act on, one line, storable."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Accepted:
    """The mail server has taken the message over. `response` is what it said."""

    response: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The mail server (code 400 to 599), or this program before asking it (code 0), does not take this message.

    `permanent` means that the same again will be refused again: the recipient's address or the message is at fault.
    """

    code: int
    text: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Nothing was handed over, and the recipient is not at fault: no connection, no sign-in, no sender, no time."""

    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The message went out and no understandable answer came back: it may have been delivered or not."""

    text: str


@dataclass(frozen=True, slots=True)
class NotWanted:
    """`still_wanted` said no before the message was handed over; nothing was sent."""


Outcome = Accepted | Refused | Unavailable | Unknown | NotWanted
