"""Proof of possession in front of a provider that does not ask for it (RFC 7636): a code is worth its verifier only."""

import base64
import hashlib
import io
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Pkce:
    """WSGI in front of the provider. `proved` counts codes that were redeemed with the right verifier."""

    def __init__(self, provider: Application) -> None:
        self._provider = provider
        self._challenges: dict[str, str] = {}
        self.proved = 0

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        asked = _one(parse_qs(environ.get("QUERY_STRING", "")))

        def answered(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            code = _one(parse_qs(urlsplit(dict(headers).get("Location", "")).query)).get("code")
            if code and asked.get("code_challenge_method") == "S256":
                self._challenges[code] = asked.get("code_challenge", "")
            return start(status, headers, *more)

        if environ["PATH_INFO"].endswith("/token"):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            form = _one(parse_qs(body.decode()))
            made = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            if self._challenges.get(form.get("code", "")) != base64.urlsafe_b64encode(made).rstrip(b"=").decode():
                start("400 Bad Request", [("Content-Type", "application/json")])
                return [b'{"error": "invalid_grant"}']
            self.proved += 1
        return self._provider(environ, answered)


def _one(fields: dict[str, list[str]]) -> dict[str, str]:
    return {name: values[0] for name, values in fields.items()}
