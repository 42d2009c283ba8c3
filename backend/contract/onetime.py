"""Secrets on the wire: what looks like one in a text, and links that show one once."""

from dataclasses import dataclass
from datetime import datetime

from backend.contract.people import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretCheck:
    """Body of `POST /secrets/check`: a text of at most 64 KiB, which is looked at and not kept."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFinding:
    """Characters `start` to `end` of the text look like a secret. `label` completes "This looks like …"."""

    kind: str
    label: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFindings:
    """Answer of `POST /secrets/check`. `redacted` is what would be stored of the text."""

    findings: list[SecretFinding]
    redacted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSecret:
    """Body of `POST /secrets`: up to 4,000 characters. Kept encrypted for `expires_in_s` (60 s to 7 days)."""

    content: str
    session_id: str | None = None
    expires_in_s: int = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretLink:
    """A secret that one person of the account may see, once. `url` holds no key: who opens it signs in first."""

    id: str
    url: str
    created_by: Person
    created_at: datetime
    expires_at: datetime
    viewed_at: datetime | None
    viewed_by: Person | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RevealedSecret:
    """Answer of `POST /secrets/{id}/view`, the one time."""

    id: str
    content: str
