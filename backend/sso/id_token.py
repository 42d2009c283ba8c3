"""Checking an ID token (OpenID Connect Core 1.0, 3.1.3.7). Pure: keys, clock and expectations come from outside."""

from typing import Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from backend.sso.port import Claims, SsoError

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures by a key pair only: with a shared secret or none, whoever knows our client could sign."""
LEEWAY_S: Final = 120
OLDEST_S: Final = 3_600
_TENANT: Final = "{tenantid}"
_LONGEST_SUBJECT: Final = 255


class UnknownKeyError(SsoError):
    """No key of the set fits: the provider may have new ones."""


def expected_issuer(issuer: str, tenant: str | None, claims: Claims) -> str:
    """The name that a token must carry. Entra's common endpoints have one per directory: `{tenantid}` stands for it."""
    if _TENANT not in issuer:
        return issuer
    if not tenant or claims.get("tid") != tenant:
        raise SsoError("The token is of another directory than the one that is set up.")
    return issuer.replace(_TENANT, tenant)


def checked(token: str, keys: KeySet, *, issuer: str, tenant: str | None, client: str, nonce: str, now: int) -> Claims:
    """The claims of a token that this provider made, for us, for this very sign-in, a moment ago. Raises SsoError."""
    try:
        decoded = jwt.decode(token, keys, algorithms=list(ALGORITHMS))
    except ValueError as error:  # joserfc: no key of the set has the token's `kid`
        raise UnknownKeyError(f"The ID token's signature cannot be checked: {type(error).__name__}.") from error
    except (JoseError, TypeError, KeyError) as error:
        raise SsoError(f"The ID token's signature is not good: {type(error).__name__}.") from error
    claims = decoded.claims
    if claims.get("iss") != expected_issuer(issuer, tenant, claims):
        raise SsoError("The ID token is from another issuer.")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if client not in audiences or (len(audiences) > 1 and claims.get("azp") != client):
        raise SsoError("The ID token is for another application.")
    if claims.get("azp") not in {None, client}:
        raise SsoError("The ID token was given to another application.")
    if claims.get("nonce") != nonce:
        raise SsoError("The ID token belongs to another sign-in.")
    _in_time(claims, now)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= _LONGEST_SUBJECT or "\x00" in subject:
        raise SsoError("The ID token names nobody.")
    return claims


def _in_time(claims: Claims, now: int) -> None:
    times = {name: claims.get(name) for name in ("exp", "iat", "nbf")}
    for name, value in times.items():
        if value is None and name == "nbf":
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SsoError(f"The ID token's `{name}` is no time.")
    if times["exp"] + LEEWAY_S <= now:  # type: ignore[operator]  # checked above
        raise SsoError("The ID token has run out. See whether the clocks agree.")
    begun = max(times["iat"], times["nbf"] or 0)  # type: ignore[type-var]  # checked above
    if begun > now + LEEWAY_S or times["iat"] < now - OLDEST_S:  # type: ignore[operator]  # checked above
        raise SsoError("The ID token is of another time. See whether the clocks agree.")
