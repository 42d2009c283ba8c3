"""Which pages may act by cookie: those of the address that people use, and of the one that the server listens on."""

from typing import Final
from urllib.parse import urlsplit

_USUAL_PORT: Final = {"http": 80, "https": 443}
_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")


def origin_of(url: str) -> str:
    """The origin of a web address as a browser writes it: lower case, no port where it is the usual one."""
    parts = urlsplit(url)
    return _origin(parts.scheme, _bracketed(parts.hostname or ""), parts.port)


def known_origins(public_url: str, served_at: str | None) -> frozenset[str]:
    """The origin of `public_url`, and of `served_at` by each of the machine's own names when it is a loopback one."""
    origins = {origin_of(public_url)}
    if served_at is not None:
        parts = urlsplit(served_at)
        host = _bracketed(parts.hostname or "")
        origins |= {_origin(parts.scheme, name, parts.port) for name in (_LOOPBACK if host in _LOOPBACK else (host,))}
    return frozenset(origins)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _origin(scheme: str, host: str, port: int | None) -> str:
    return f"{scheme}://{host}" if port in {None, _USUAL_PORT.get(scheme)} else f"{scheme}://{host}:{port}"
