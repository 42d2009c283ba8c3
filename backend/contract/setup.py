"""Set-up codes: how a desktop app that was rolled out learns which account it is set up for."""

import secrets
from dataclasses import dataclass
from typing import Final

from backend.contract.pairing import LETTERS

SETUP_PATH: Final = "/.well-known/flowpilot/setup"
"""`GET {SETUP_PATH}/{code}` answers `SetupAnswer`, or 404 `not_found` for a code that is unknown or revoked."""
_GROUPS: Final = 3
_GROUP: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupAnswer:
    """What a code tells: `account` is the account's name, `server` the address that its people open. No secret."""

    account: str
    server: str


def new_code() -> str:
    """A fresh one, for instance `KQ7F-2MXR-9TWC`: 59 bits, so that nobody learns names by trying."""
    groups = ("".join(secrets.choice(LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


def tidy(text: str) -> str:
    """A code as it is kept, whatever case and dashes it was typed with; empty for what can be none."""
    letters = [letter for letter in text.upper() if letter not in "- "]
    if len(letters) != _GROUPS * _GROUP or any(letter not in LETTERS for letter in letters):
        return ""
    return "-".join("".join(letters[at : at + _GROUP]) for at in range(0, len(letters), _GROUP))
