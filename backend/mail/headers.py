"""Mail headers that are written once and never parsed again.

Python's own header objects read a value before they write it: an encoded word in a customer's title (`=?utf-8?q?=0a…`)
would be decoded on the way, line ends included, and older 3.11 releases do not look at what they then write
(CVE-2024-6923). A `Written` header holds finished words: reading gives them, folding encodes them, nothing is decoded.
"""

import email.policy
import re
from collections.abc import Callable, Sequence
from email.header import Header
from typing import Final, Self

from backend.mail.addresses import AddressError, mail_address
from backend.mail.text import flat, one_line

_ATOMS: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~ -]+", re.ASCII)
_LONGEST_NAME: Final = 80
_LINE: Final = 78
_NOBODY: Final = "undisclosed-recipients:;"

Fold = Callable[[email.policy.EmailPolicy], str]


class Written(str):
    """A header value for `message[name] = …`; the email package takes whatever has a `name` and can `fold` as it is."""

    __slots__ = ("_fold", "name")
    name: str
    _fold: Fold

    @classmethod
    def of(cls, name: str, text: str, fold: Fold) -> Self:
        """`text` is what reading the header gives, `fold` makes what goes onto the wire after `Name: `."""
        self = cls(text)
        self.name = name
        self._fold = fold
        return self

    def fold(self, *, policy: email.policy.EmailPolicy) -> str:
        """The whole header, ending with a line end."""
        return f"{self.name}: {self._fold(policy)}{policy.linesep}"


def words(name: str, text: str) -> Written:
    """A header of words, such as Subject."""
    line = flat(text)
    return Written.of(name, line, lambda policy: _encoded(name, line, policy))


def mailbox(name: str, display: str, address: str) -> Written:
    """A header with exactly one address, such as To; with none where `address` is not one address."""
    shown = one_line(display, longest=_LONGEST_NAME)
    try:
        spec = mail_address(address)
    except AddressError:
        return Written.of(name, _NOBODY, lambda _policy: _NOBODY)

    def fold(policy: email.policy.EmailPolicy) -> str:
        if not spec.isascii() and not policy.utf8:
            return _NOBODY  # such an address can only be written where the server takes SMTPUTF8
        if not shown:
            return spec
        phrase = _phrase(name, shown, policy)
        gap = " " if len(f"{name}: {phrase} <{spec}>") <= _LINE else f"{policy.linesep} "
        return f"{phrase}{gap}<{spec}>"

    return Written.of(name, f"{shown} <{spec}>" if shown else spec, fold)


def identifiers(name: str, ids: Sequence[str]) -> Written:
    """A header of message identifiers, one to a line: they must come back as they were, so they are never encoded."""
    return Written.of(name, " ".join(ids), lambda policy: f"{policy.linesep} ".join(ids))


def _encoded(name: str, text: str, policy: email.policy.EmailPolicy) -> str:
    # Text that looks like an encoded word is encoded itself, so that a reader shows it as it was written.
    plain = text.isascii() and "=?" not in text
    return Header(text, "us-ascii" if plain else "utf-8", header_name=name).encode(linesep=policy.linesep)


def _phrase(name: str, text: str, policy: email.policy.EmailPolicy) -> str:
    if not text.isascii() or "=?" in text:
        return _encoded(name, text, policy)
    if _ATOMS.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
