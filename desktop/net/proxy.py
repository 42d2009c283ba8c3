"""The proxy that the environment names, read as the WebSocket library reads it."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass


@dataclass(frozen=True, slots=True)
class Proxy:
    """`url` without user and password; those are in `auth`."""

    url: str
    auth: tuple[str, str] | None


def environment_proxy(server: str) -> Proxy | None:
    """The proxy for this server, or null. `no_proxy` is obeyed."""
    parts = urlsplit(server)
    named = getproxies()
    found = named.get(parts.scheme) or named.get("all")
    if not found or not parts.hostname or proxy_bypass(parts.hostname):
        return None
    proxy = urlsplit(found if "://" in found else f"http://{found}")
    auth = (unquote(proxy.username), unquote(proxy.password or "")) if proxy.username else None
    return Proxy(f"{proxy.scheme}://{proxy.hostname}:{proxy.port or 80}", auth)
