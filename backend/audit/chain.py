"""The hash chain in Python: the same figures as the database's `audit_hash`, so that neither vouches for itself."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol
from uuid import UUID

START: Final = bytes(32)


class Entry(Protocol):
    """One sealed entry, as it is read from the database."""

    no: int
    at: datetime
    actor_id: UUID | None
    actor: str
    action: str
    target: str
    detail: str
    address: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """The first entry that is not as it was sealed, and what is wrong with it."""

    no: int
    why: str


def entry_hash(before: bytes, account_id: UUID, entry: Entry) -> bytes:
    """sha256 over the hash before and the entry's parts, each with its length in bytes before it."""
    at = entry.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    parts = (
        str(account_id),
        str(entry.no),
        at,
        str(entry.actor_id) if entry.actor_id else "",
        entry.actor,
        entry.action,
        entry.target,
        entry.detail,
        entry.address,
    )
    encoded = [part.encode() for part in parts]
    return hashlib.sha256(before + b",".join(b"%d:%s" % (len(part), part) for part in encoded)).digest()


class Chain:
    """Follows one account's chain from its first entry on."""

    def __init__(self, account_id: UUID) -> None:
        self._account = account_id
        self.no = 0
        self.hash = START

    def follow(self, entries: Iterable[Entry]) -> Broken | None:
        """Take the next entries; answers the first that breaks the chain."""
        for entry in entries:
            if entry.no != self.no + 1:
                return Broken(self.no + 1, "it is missing")
            if entry_hash(self.hash, self._account, entry) != bytes(entry.hash):
                return Broken(entry.no, "it is not what was written")
            self.no, self.hash = entry.no, bytes(entry.hash)
        return None
