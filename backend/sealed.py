"""Secrets that the server must be able to read again: sealed with AES-256-GCM, one key per account and purpose.

The keys are derived (HKDF-SHA256) from FLOWPILOT_SECRET_KEY, which is never in the database: a copy of the database
alone opens nothing, and a value that is moved to another account, another row or another purpose opens nowhere.

    UnsealError
    ├─ KeyChangedError   sealed under another FLOWPILOT_SECRET_KEY
    └─ AlteredError      not what was sealed here, for this account and this purpose

A sealed value: version (1 byte), key id (4), nonce (12), cipher text with tag (16 more than the secret).
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID

from backend.settings import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION: Final = b"\x01"
_KEY_ID: Final = 4
_NONCE: Final = 12
_TAG: Final = 16
_HEAD: Final = len(_VERSION) + _KEY_ID
_SALT: Final = b"flowpilot sealed 1"


class UnsealError(Exception):
    """The secret cannot be read; the text is one plain sentence for an administrator."""


class KeyChangedError(UnsealError):
    """It was sealed under a key that this installation does not have."""

    def __init__(self) -> None:
        super().__init__(
            "It was kept under another FLOWPILOT_SECRET_KEY. Give that one as FLOWPILOT_FORMER_SECRET_KEY, "
            "or enter the secret again."
        )


class AlteredError(UnsealError):
    """It is damaged, or was sealed for something else."""

    def __init__(self) -> None:
        super().__init__("What is kept of it is damaged or belongs to something else. Enter the secret again.")


@dataclass(frozen=True, slots=True)
class _Key:
    id: bytes
    material: bytes


class Sealer:
    """Seals and opens under this installation's key. `former` keys open what they sealed and seal nothing any more."""

    def __init__(self, secret_key: str, former: Sequence[str] = ()) -> None:
        self._texts = (secret_key, *former)

    @cached_property
    def _keys(self) -> "list[_Key]":
        return [_key(text) for text in self._texts]

    @classmethod
    def build(cls, settings: Settings) -> Self:
        """With the keys that the settings name."""
        former = settings.former_secret_key
        return cls(settings.secret_key, (former,) if former else ())

    def seal(self, secret: bytes, *, account_id: UUID, purpose: str) -> bytes:
        """Seal it for this account and purpose, such as `psa:` and the row's id. No two answers are the same."""
        key, nonce = self._keys[0], secrets.token_bytes(_NONCE)
        head, context = _VERSION + key.id, _context(account_id, purpose)
        return head + nonce + _cipher(key, context).encrypt(nonce, secret, head + context)

    def open(self, sealed: bytes, *, account_id: UUID, purpose: str) -> bytes:
        """What was sealed. Raises KeyChangedError, AlteredError."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - 40 ms for those who seal

        head, nonce, text = sealed[:_HEAD], sealed[_HEAD : _HEAD + _NONCE], sealed[_HEAD + _NONCE :]
        if head[:1] != _VERSION or len(text) < _TAG:
            raise AlteredError
        key = next((key for key in self._keys if key.id == head[1:]), None)
        if key is None:
            raise KeyChangedError
        context = _context(account_id, purpose)
        try:
            return _cipher(key, context).decrypt(nonce, text, head + context)
        except InvalidTag as error:
            raise AlteredError from error

    def is_current(self, sealed: bytes) -> bool:
        """False for what should be sealed anew: a former key, or one that is gone, holds it."""
        return sealed[:_HEAD] == _VERSION + self._keys[0].id


def _context(account_id: UUID, purpose: str) -> bytes:
    """The account has a fixed length, so no two pairs read the same."""
    return account_id.bytes + purpose.encode()


def _key(secret_key: str) -> _Key:
    # The id is derived, too: it tells keys apart and nothing about them.
    return _Key(_derive(secret_key.encode(), b"key id", _KEY_ID), secret_key.encode())


def _derive(material: bytes, info: bytes, length: int) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - see `open`
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    return HKDF(algorithm=SHA256(), length=length, salt=_SALT, info=info).derive(material)


def _cipher(key: _Key, context: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - see `open`

    return AESGCM(_derive(key.material, b"seal" + context, 32))
