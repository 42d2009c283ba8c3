"""Identifiers: UUIDv7, so that new rows land at the end of their index."""

from uuid import UUID

import uuid_utils


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def parse_id(text: str) -> UUID | None:
    """The identifier in `text`, or None when it is none: an unknown id is simply not found."""
    try:
        return UUID(text)
    except ValueError:
        return None
