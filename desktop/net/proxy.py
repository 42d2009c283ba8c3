"""Which proxy leads to the server: the system's, none, or one by name; the same for HTTP and the stream."""

from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

ProxyMode = Literal["system", "none", "manual"]


@dataclass(frozen=True, slots=True)
class ProxyChoice:
    """`url` counts with `manual` only; without one there that is the same as none."""

    mode: ProxyMode = "system"
    url: str = ""

    def httpx_options(self, *, loopback: bool) -> dict[str, Any]:
        """Arguments for an HTTP client. This computer itself is never reached through a proxy."""
        if loopback or self.mode == "none":
            return {"trust_env": False}
        if self.mode == "manual":
            return {"trust_env": False, "proxy": self.url or None}
        return {"trust_env": True}

    def websocket_option(self, *, loopback: bool) -> str | Literal[True] | None:
        """The `proxy` argument of a WebSocket connection."""
        if loopback or self.mode == "none":
            return None
        if self.mode == "manual":
            return self.url or None
        return True

    def words(self, server: str) -> str:
        """For people: `From the system: none`. No password."""
        if self.mode == "none":
            return "None"
        if self.mode == "manual":
            return f"Set by hand: {_host(self.url) or 'none'}"
        # Late: it reads the mail parser, which an idle tray does without.
        import urllib.request  # noqa: PLC0415 - see above

        parts = urlsplit(server)
        found = urllib.request.getproxies().get(parts.scheme, "")
        if not found or (parts.hostname and urllib.request.proxy_bypass(parts.hostname)):
            return "From the system: none"
        return f"From the system: {_host(found)}"


SYSTEM = ProxyChoice()


def _host(url: str) -> str:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f"{parts.hostname or ''}{port}"
