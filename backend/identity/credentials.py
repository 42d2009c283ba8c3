"""Secrets that people and programs show: how they are made, hashed and compared.

Tokens are 256 random bits, so a plain SHA-256 in the database is enough; passwords are Argon2id.
"""

import asyncio
import hashlib
import hmac
import secrets
from typing import Final

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

TOKEN_PREFIX: Final = "fpat_"  # noqa: S105 - a prefix that secret scanners can look for, not a secret
_CSRF_BYTES: Final = 16
_HASHER: Final = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1),))
_AT_ONCE: Final = asyncio.Semaphore(2)  # 19 MiB and 40 ms of CPU each: a burst of sign-ins must not starve claims
_DECOY: Final = _HASHER.hash("no account has this password")


def new_secret(prefix: str = "") -> str:
    """256 random bits, safe in URLs and headers."""
    return prefix + secrets.token_urlsafe(32)


def _bytes(text: str) -> bytes:
    """Whatever a form can carry, half characters too: a wrong secret is wrong, not an error."""
    return text.encode(errors="surrogatepass")


def digest(secret: str) -> bytes:
    """What the database keeps of a token."""
    return hashlib.sha256(_bytes(secret)).digest()


async def hash_password(password: str) -> str:
    """Argon2id (OWASP's 19 MiB, t=2, p=1), off the event loop."""
    async with _AT_ONCE:
        return await asyncio.to_thread(_HASHER.hash, _bytes(password))


async def verify_password(password: str, stored: str | None) -> bool:
    """True when it matches. Without a stored hash it spends the same time and answers False."""
    async with _AT_ONCE:
        matches = await asyncio.to_thread(_HASHER.verify, _bytes(password), stored or _DECOY)
    return matches and stored is not None


def csrf_token(key: str, session_token: str) -> str:
    """An anti-forgery value of a web session, under a mask of its own: no two are alike, none tells of another.

    What stands in every page as the same value can be read off the length of compressed pages (BREACH). Derived from
    the session, so nothing more is kept; good for as long as the session is.
    """
    mask = secrets.token_bytes(_CSRF_BYTES)
    return (mask + _xor(mask, _csrf(key, session_token))).hex()


def csrf_matches(key: str, session_token: str, value: str) -> bool:
    """True for every value that `csrf_token` gave or can give for this session. Compares in constant time."""
    try:
        told = bytes.fromhex(value)
    except ValueError:
        return False
    mask, masked = told[:_CSRF_BYTES], told[_CSRF_BYTES:]
    return len(masked) == _CSRF_BYTES and hmac.compare_digest(_xor(mask, masked), _csrf(key, session_token))


def _csrf(key: str, session_token: str) -> bytes:
    return hmac.new(key.encode(), b"csrf:" + digest(session_token), hashlib.sha256).digest()[:_CSRF_BYTES]


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
