"""The server's address and the sign-in, shared by HTTP and the stream. No token is ever printed."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from desktop.core.ports import SignedOutError
from desktop.net.keeper import TokenKeeper
from desktop.net.proxy import SYSTEM, ProxyChoice


@dataclass(slots=True)
class Session:
    """`server` has no slash at the end. Signed in by `token` (a personal access token), by `keeper`, or not at all."""

    server: str
    token: str | None = field(default=None, repr=False)
    user_agent: str = "FlowPilot-Tray"
    keeper: TokenKeeper | None = field(default=None, repr=False)
    proxy: ProxyChoice = SYSTEM

    async def bearer(self, refused: str | None = None) -> str:
        """A token that should hold; `refused` is one that the server has just refused. Raises `ApiError`."""
        if self.keeper is not None:
            return await self.keeper.bearer(refused)
        if self.token is None or self.token == refused:
            raise SignedOutError
        return self.token

    @property
    def loopback(self) -> bool:
        """Whether the server runs on this computer."""
        return urlsplit(self.server).hostname in {"localhost", "127.0.0.1", "::1"}

    @property
    def stream_url(self) -> str:
        """The event stream's address."""
        scheme, _, rest = self.server.partition("://")
        return f"{'wss' if scheme == 'https' else 'ws'}://{rest}/api/v1/events/stream"
