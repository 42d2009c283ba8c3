"""Identifiers: UUIDv7, so that new rows land at the end of their index."""

from typing import Final
from uuid import UUID

import uuid_utils

HOUSE_ACCOUNT: Final = UUID("00000000-0000-7000-8000-0000f10a9170")
"""The installation's own account: no customer's."""


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def parse_id(text: str) -> UUID | None:
    """The identifier in `text`, or None when it is none: an unknown id is simply not found."""
    try:
        return UUID(text)
    except ValueError:
        return None
