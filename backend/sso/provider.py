"""Asking an OpenID provider: its description, its keys, an ID token for a code.

By `Calls`: bounded in time and size, JSON, without redirects, and only ever to addresses on the public internet that
were vetted a moment before (a setting lets tests and closed networks have others).
"""

import base64
import time
from functools import partial
from typing import Any, Final
from urllib.parse import quote, urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from backend.psa.calls import Calls
from backend.psa.port import Limits, PsaError
from backend.sso.id_token import UnknownKeyError, checked
from backend.sso.port import Claims, Metadata, SsoError
from backend.webhooks.target import Resolve

KEPT_S: Final = 600.0
KEYS_AT_LEAST_S: Final = 30.0
"""New keys are not asked for more often: whoever sends tokens with made-up key names makes us ask nobody."""
_UNBOUND: Final = Limits(pause_s=0.0, most=1_000_000, window_s=1.0)
_WELL_KNOWN: Final = "/.well-known/openid-configuration"


class Providers:
    """All providers of this process, with what they said of themselves in the last ten minutes."""

    def __init__(self, *, allow_private: bool, resolve: Resolve | None = None) -> None:
        self._allow_private = allow_private
        self._resolve = resolve
        self._known: dict[str, tuple[float, Metadata]] = {}
        self._keys: dict[str, tuple[float, KeySet]] = {}

    async def describe(self, issuer: str, *, fresh: bool = False) -> Metadata:
        """What the provider says of itself. Raises SsoError where it is not there or not the one it should be."""
        now = time.monotonic()
        kept = self._known.get(issuer)
        if kept is not None and not fresh and now - kept[0] < KEPT_S:
            return kept[1]
        said = await self._ask("GET", issuer.rstrip("/") + _WELL_KNOWN)
        found = self._metadata(issuer, said)
        if len(self._known) > 1_000:
            self._known.clear()
        self._known[issuer] = (now, found)
        return found

    def _metadata(self, issuer: str, said: Any) -> Metadata:
        if not isinstance(said, dict):
            raise SsoError("The provider's description cannot be understood.")
        names = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
        values = {name: said.get(name) for name in names}
        for name, value in values.items():
            if not isinstance(value, str) or not self._may_be(value):
                raise SsoError(f"The provider's description has no `{name}` that can be used.")
        if not _same_issuer(issuer, str(values["issuer"])):
            raise SsoError("The provider's description is of another issuer.")
        ways = said.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return Metadata(
            issuer=str(values["issuer"]),
            authorization_endpoint=str(values["authorization_endpoint"]),
            token_endpoint=str(values["token_endpoint"]),
            jwks_uri=str(values["jwks_uri"]),
            secret_in_body="client_secret_basic" not in ways,
            says_issuer=said.get("authorization_response_iss_parameter_supported") is True,
        )

    def _may_be(self, address: str) -> bool:
        parts = urlsplit(address.replace("{tenantid}", "x"))
        schemes = {"https", "http"} if self._allow_private else {"https"}
        return parts.scheme in schemes and bool(parts.hostname) and not parts.fragment and "@" not in parts.netloc

    async def redeem(
        self,
        about: Metadata,
        *,
        code: str,
        verifier: str,
        redirect_uri: str,
        client: str,
        secret: str,
        tenant: str | None,
        nonce: str,
    ) -> Claims:
        """The checked claims of the ID token that the code is good for. Raises SsoError."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
            "client_id": client,
        }
        headers = {}
        if about.secret_in_body:
            form["client_secret"] = secret
        else:
            pair = f"{quote(client, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        answer = await self._ask("POST", about.token_endpoint, form=form, headers=headers)
        token = answer.get("id_token") if isinstance(answer, dict) else None
        if not isinstance(token, str):
            raise SsoError("The provider gave no ID token.")
        look = partial(
            checked, token, issuer=about.issuer, tenant=tenant, client=client, nonce=nonce, now=int(time.time())
        )
        try:
            return look(await self._key_set(about.jwks_uri, KEPT_S))
        except UnknownKeyError:
            return look(await self._key_set(about.jwks_uri, KEYS_AT_LEAST_S))

    async def _key_set(self, address: str, oldest_s: float) -> KeySet:
        now = time.monotonic()
        kept = self._keys.get(address)
        if kept is not None and now - kept[0] < oldest_s:
            return kept[1]
        try:
            keys: KeySet = KeySet.import_key_set(await self._ask("GET", address))
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise SsoError("The provider's keys cannot be understood.") from error
        if len(self._keys) > 1_000:
            self._keys.clear()
        self._keys[address] = (now, keys)
        return keys

    async def _ask(
        self, method: str, address: str, *, form: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> Any:
        calls = Calls(name="The provider", allow_private=self._allow_private, limits=_UNBOUND, resolve=self._resolve)
        try:
            return (await calls(method, address, headers=headers or {}, form=form)).json
        except PsaError as error:
            raise SsoError(error.text) from error


def _same_issuer(asked: str, said: str) -> bool:
    """Letter by letter, but for Entra's common endpoints, whose description names every directory at once."""
    if asked.rstrip("/") == said.rstrip("/"):
        return True
    parts, others = urlsplit(asked), urlsplit(said)
    common = asked.rstrip("/").endswith(("/organizations/v2.0", "/common/v2.0"))
    return common and (parts.scheme, parts.netloc) == (others.scheme, others.netloc) and "{tenantid}" in others.path
