"""The server's address and the token, shared by HTTP and the stream. The token is never printed."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(slots=True)
class Session:
    """`server` has no slash at the end; `token` is null while signed out."""

    server: str
    token: str | None = field(default=None, repr=False)
    user_agent: str = "FlowPilot-Tray"

    def headers(self) -> dict[str, str]:
        """The authorization of one request; empty while signed out."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    @property
    def loopback(self) -> bool:
        """Whether the server runs on this computer."""
        return urlsplit(self.server).hostname in {"localhost", "127.0.0.1", "::1"}

    @property
    def stream_url(self) -> str:
        """The event stream's address."""
        scheme, _, rest = self.server.partition("://")
        return f"{'wss' if scheme == 'https' else 'ws'}://{rest}/api/v1/events/stream"
