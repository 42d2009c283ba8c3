"""Refresh tokens of devices: how they are made, told apart and followed by the next.

A refresh token is `fprt_` + 22 characters that its whole family shares + 43 of its own, all random (128 and 256 bits).
The shared part finds the family, so that a token which was replaced long ago is known for what it is without keeping
each one's hash. The next token is derived from this one and the server's key: asked again, the server gives the same
answer without ever having kept it (docs/adr/0008).
"""

import base64
import hashlib
import hmac
import re
import secrets
from typing import Final

from backend.contract.pairing import ACCESS_PREFIX, REFRESH_PREFIX
from backend.identity.credentials import digest, new_secret

_FORM: Final = re.compile(rf"{REFRESH_PREFIX}([A-Za-z0-9_-]{{22}})([A-Za-z0-9_-]{{43}})")


def new_refresh_token() -> str:
    """The first of a new family."""
    return REFRESH_PREFIX + secrets.token_urlsafe(16) + secrets.token_urlsafe(32)


def new_access_token() -> str:
    """An access token of a device."""
    return new_secret(ACCESS_PREFIX)


def family_hash(token: str) -> bytes | None:
    """What finds the family of a refresh token; None for what is none."""
    match = _FORM.fullmatch(token)
    return digest(match[1]) if match else None


def successor(key: str, token: str) -> str:
    """The refresh token that follows this one. It needs the token itself, of which the database has a hash only."""
    match = _FORM.fullmatch(token)
    if match is None:
        raise ValueError("not a refresh token")
    made = hmac.new(key.encode(), b"next refresh token\n" + token.encode(), hashlib.sha256).digest()
    return REFRESH_PREFIX + match[1] + base64.urlsafe_b64encode(made).rstrip(b"=").decode()
