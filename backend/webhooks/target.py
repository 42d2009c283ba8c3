"""Where a webhook may point: the address as text, and what its host leads to."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from backend.webhooks.addresses import Address, is_public

LONGEST_URL: Final = 2_000
_HOST: Final = re.compile(
    r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?|[0-9a-f:.]*:[0-9a-f:.]*"
)
_PORTS: Final = {"https": 443, "http": 80}
_FIRST_UNPRIVILEGED: Final = 1_024

Resolve = Callable[[str, int], Awaitable[list[Address]]]
"""All addresses of a host. Raises OSError when it has none."""


class TargetRefusedError(Exception):
    """The server does not send there; the text is one sentence for an administrator."""


@dataclass(frozen=True, slots=True)
class Target:
    """A webhook's address in parts. `path` begins with `/` and has the query; `host` is a name or a bare address."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """Host and port as HTTP writes them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str, *, allow_private: bool) -> Target:
    """Take an address apart, and refuse every one that two programs could read differently."""
    if len(url) > LONGEST_URL:
        raise TargetRefusedError(f"The address has {len(url)} characters; {LONGEST_URL} are allowed.")
    if not url.isascii() or not url.isprintable() or any(sign in url for sign in ' \\<>"'):
        raise TargetRefusedError("The address may hold plain ASCII characters only; write a host in its xn-- form.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise TargetRefusedError("The address cannot be understood.") from error
    if parts.scheme not in _PORTS or (parts.scheme == "http" and not allow_private):
        raise TargetRefusedError("The address must begin with https://.")
    if "@" in parts.netloc:
        raise TargetRefusedError("The address must not hold a user name or a password.")
    if parts.fragment:
        raise TargetRefusedError("The address must not hold a # part; it would never be sent.")
    host = parts.hostname or ""
    if not _HOST.fullmatch(host):
        raise TargetRefusedError("The address names no host that can be asked for.")
    number = _PORTS[parts.scheme] if port is None else port
    if number not in _PORTS.values() and number < _FIRST_UNPRIVILEGED:
        raise TargetRefusedError(f"Port {number} is not allowed: 443, 80 and those above 1023 are.")
    query = f"?{parts.query}" if parts.query else ""
    return Target(parts.scheme, host.rstrip("."), number, (parts.path or "/") + query)


async def vetted(target: Target, resolve: Resolve, *, allow_private: bool) -> list[Address]:
    """The addresses to connect to. One that is not public refuses them all: which one answers is not ours to choose.

    Raises TargetRefusedError, and OSError when the host has no address.
    """
    addresses = await resolve(target.host, target.port)
    if not allow_private and not all(map(is_public, addresses)):
        raise TargetRefusedError(f"{target.host} leads to an address that is not on the public internet.")
    if not addresses:
        raise OSError(f"{target.host} has no address")
    return addresses
