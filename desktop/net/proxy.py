"""Which proxy leads to the server: the system's, none, or one by name; the same for requests and the stream."""

from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from desktop.core.ports import UnreachableError

ProxyMode = Literal["system", "none", "manual"]
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
# Desktops write `socks://`; names are looked up by the proxy, which may know more of them.
_SCHEMES: Final = {"http": "http", "https": "https", "socks": "socks5h", "socks5": "socks5", "socks5h": "socks5h"}


@dataclass(frozen=True, slots=True)
class ProxyChoice:
    """`url` counts with `manual` only; without one there that is the same as none."""

    mode: ProxyMode = "system"
    url: str = ""

    def url_for(self, server: str) -> str | None:
        """The proxy's address, or null. This computer itself is never reached through one.

        Raises `UnreachableError` for a proxy of a kind that nothing here speaks.
        """
        if urlsplit(server).hostname in _LOOPBACK:
            return None
        found = {"none": "", "manual": self.url.strip()}.get(self.mode)
        found = _of_the_system(server) if found is None else found
        return _well_formed(found) if found else None

    def httpx_options(self, server: str) -> dict[str, Any]:
        """Arguments for an HTTP client. Raises as `url_for` does."""
        return {"trust_env": False, "proxy": self.url_for(server)}

    def words(self, server: str) -> str:
        """For people: `From the system: none`. No password."""
        if self.mode == "none":
            return "None"
        if self.mode == "manual":
            return f"Set by hand: {_host(self.url) or 'none'}"
        return f"From the system: {_host(_of_the_system(server)) or 'none'}"


SYSTEM = ProxyChoice()


def _of_the_system(server: str) -> str:
    """Of the environment; on Windows and macOS of the system's settings too. Empty for none."""
    # Late: it reads the mail parser, which an idle tray does without.
    import urllib.request  # noqa: PLC0415 - see above

    parts = urlsplit(server)
    known = urllib.request.getproxies()
    found = known.get(parts.scheme) or known.get("all") or ""
    return "" if parts.hostname and urllib.request.proxy_bypass(parts.hostname) else found


def _well_formed(url: str) -> str:
    """`proxy:3128` and `http://proxy:3128` say the same."""
    whole = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(whole)
        scheme = _SCHEMES.get(parts.scheme)
        good = scheme is not None and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise UnreachableError(
            f"the proxy {_host(url) or 'in the settings'} is of no kind that can be used", sent=False
        )
    return f"{scheme}://{whole.partition('://')[2]}"


def _host(url: str) -> str:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f"{parts.hostname or ''}{port}"
