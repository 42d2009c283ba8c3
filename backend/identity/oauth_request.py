"""What an app asks of the authorization server, and what of it is taken. Pure: no database, no framework.

RequestError
├── not redirectable: the client or its address is wrong, so nothing is ever sent there (RFC 6749, 4.1.2.1)
└── redirectable: told to the app at its own address, with its state
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlencode

from backend.contract.pairing import CALLBACK_PATH, CLIENT_ID, pairing_code
from backend.contract.setup import tidy

ErrorCode = Literal[
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unsupported_grant_type",
    "unsupported_response_type",
    "access_denied",
]

# The whole address, letter by letter; only the port is the app's own choice (RFC 8252, 7.3 and 8.3).
_REDIRECT: Final = re.compile(rf"http://(?:127\.0\.0\.1|\[::1\]):([1-9][0-9]{{0,4}}){re.escape(CALLBACK_PATH)}")
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_STATE: Final = re.compile(r"[\x21-\x7e]{8,512}")
_LONGEST_NAME: Final = 60


class OAuthError(Exception):
    """A refusal in the words of RFC 6749; `description` is for whoever develops a client."""

    def __init__(self, error: ErrorCode, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error: ErrorCode = error
        self.description = description


class RequestError(OAuthError):
    """An authorization request that is not taken. `redirect_uri` is None when nothing may be sent anywhere."""

    def __init__(
        self, error: ErrorCode, description: str, *, redirect_uri: str | None = None, state: str | None = None
    ) -> None:
        super().__init__(error, description)
        self.redirect_uri = redirect_uri
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingRequest:
    """A computer asks to be signed in."""

    redirect_uri: str
    state: str
    challenge: str
    name: str
    system: str
    version: str
    setup: str = ""
    """The set-up code of a computer that was set up for one account."""

    @property
    def code(self) -> str:
        """What page and app both show."""
        return pairing_code(self.challenge, self.state)

    def fields(self) -> dict[str, str]:
        """The request again, as the consent form carries it."""
        return {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": self.redirect_uri,
            "state": self.state,
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
            "device_name": self.name,
            "device_system": self.system,
            "device_version": self.version,
            **({"setup": self.setup} if self.setup else {}),
        }


def once(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Each parameter once; a repeated one is a fault (RFC 6749, 3.1), since two readers may pick different ones."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RequestError("invalid_request", "A parameter is there twice.")
    return found


def redirect_allowed(address: str) -> bool:
    """True for this computer's own callback on any port, and nothing that merely resembles it."""
    match = _REDIRECT.fullmatch(address)
    return match is not None and int(match[1]) <= 65_535


def parse(pairs: Sequence[tuple[str, str]]) -> PairingRequest:
    """The request of `GET /oauth/authorize`. Raises RequestError."""
    found = once(pairs)
    if found.get("client_id") != CLIENT_ID:
        raise RequestError("invalid_client", f"`client_id` must be {CLIENT_ID}.")
    redirect_uri = found.get("redirect_uri", "")
    if not redirect_allowed(redirect_uri):
        raise RequestError("invalid_request", f"`redirect_uri` must be http://127.0.0.1:PORT{CALLBACK_PATH}.")
    state = found.get("state", "")
    if not _STATE.fullmatch(state):
        raise RequestError(
            "invalid_request", "`state` must be 8 to 512 visible ASCII characters.", redirect_uri=redirect_uri
        )

    def refused(error: ErrorCode, description: str) -> RequestError:
        return RequestError(error, description, redirect_uri=redirect_uri, state=state)

    if found.get("response_type") != "code":
        raise refused("unsupported_response_type", "`response_type` must be code.")
    challenge = found.get("code_challenge", "")
    if found.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise refused("invalid_request", "`code_challenge` with `code_challenge_method` S256 is needed.")
    return PairingRequest(
        redirect_uri=redirect_uri,
        state=state,
        challenge=challenge,
        name=_shown(found.get("device_name", "")) or "Unnamed computer",
        system=_shown(found.get("device_system", "")),
        version=_shown(found.get("device_version", "")),
        setup=tidy(found.get("setup", "")),
    )


def answer(redirect_uri: str, *, issuer: str, state: str | None, **values: str) -> str:
    """The address that takes the answer to the app; `iss` says whose answer it is (RFC 9207)."""
    return f"{redirect_uri}?{urlencode({**values, **({'state': state} if state else {}), 'iss': issuer})}"


def verifier_matches(verifier: str, challenge: str) -> bool:
    """PKCE with S256 (RFC 7636, 4.6)."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(made, challenge.encode())


def _shown(text: str) -> str:
    """What a stranger says of itself, fit to be shown: one line, no signs that turn or hide others."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:_LONGEST_NAME]
