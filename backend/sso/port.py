"""Words between the parts of single sign-on.

SsoError: `text` is one sentence for the person at the sign-in page, `why` one for the audit log, where an administrator
looks. Neither holds a token or a code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TRY_AGAIN = "Single sign-on did not work. Try again, or tell your administrator."


class SsoError(Exception):
    """Nobody was signed in."""

    def __init__(self, why: str, text: str = TRY_AGAIN) -> None:
        super().__init__(why)
        self.why = why
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a provider says of itself (OpenID Connect Discovery 1.0), as far as it is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    secret_in_body: bool
    says_issuer: bool


Claims = Mapping[str, Any]
"""The claims of an ID token that has been checked."""
