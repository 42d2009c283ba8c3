"""From which address the request at hand came, for what is written down about it; empty outside requests."""

import ipaddress
from contextvars import ContextVar
from functools import lru_cache
from typing import Final

from starlette.types import Scope

client_address: Final[ContextVar[str]] = ContextVar("client_address", default="")


def note_client(scope: Scope) -> None:
    """Keep the address for the rest of this request."""
    client = scope.get("client")
    client_address.set(str(client[0])[:64] if client else "")


@lru_cache(maxsize=4_096)
def network_of(address: str) -> str:
    """What counts as one address: of IPv6 the network of 64 bits, all of which one subscriber has."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ipaddress.IPv6Address(int(known) >> 64 << 64))


def is_here(network: str) -> bool:
    """Whether it is this machine itself: its own programs, or a proxy that does not say whom it speaks for."""
    return network.startswith("127.") or network in {"::", ""}
