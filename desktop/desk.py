"""One server, one token: the network parts and the controller that belong together. Imported after the icon is up."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from backend.contract.pairing import REFRESH_PREFIX
from desktop.applied import Choices
from desktop.core.controller import Controller, Ports
from desktop.core.last_known import Shelf
from desktop.core.ports import (
    Screen,
    SignInWatcher,
    Toasts,
    Trace,
)
from desktop.net import tls
from desktop.net.api import HttpApi
from desktop.net.fallback import FallbackConnector
from desktop.net.keeper import TokenKeeper
from desktop.net.oauth import AuthServer, TooOldError
from desktop.net.proxy import ProxyChoice
from desktop.net.session import Session
from desktop.net.socket import WebSocketConnector
from desktop.platform.browser import DefaultBrowser
from desktop.platform.clock import SystemClock
from desktop.signing_in import Credential
from desktop.version import version

if TYPE_CHECKING:
    from desktop.net.probe import Probe

_LOG: Final = logging.getLogger(__name__)
REVOKE_WITHIN_S: Final = 5.0


class Desk:
    """Runs from `start` to `stop`. `save` keeps each new refresh token."""

    def __init__(
        self,
        *,
        credential: Credential,
        save: Callable[[str], Coroutine[Any, Any, None]],
        ca_file: Path | None,
        screen: Screen,
        toasts: Toasts,
        trace: Trace,
        watcher: SignInWatcher | None = None,
        choices: Choices | None = None,
        shelf: Shelf | None = None,
    ) -> None:
        server, token = credential.server, credential.token
        verify = self._verify = _verify(server, ca_file)
        self._auth = AuthServer(server, verify, _agent(), lambda: self._session.proxy)
        self._keeper: TokenKeeper | None = None
        if token is not None and token.startswith(REFRESH_PREFIX):
            self._keeper = TokenKeeper(token, self._auth.renew, save, first=credential.tokens)
        session = Session(
            server=server, token=None if self._keeper else token, user_agent=_agent(), keeper=self._keeper
        )
        if choices is not None:
            session.proxy = choices.proxy
        self._session = session
        self._signed_in = token is not None
        self._api = HttpApi(session, verify)
        self.controller = Controller(
            server,
            Ports(
                api=self._api,
                connector=FallbackConnector(WebSocketConnector(session, verify), self._api, changed=self._by_requests),
                toasts=toasts,
                browser=DefaultBrowser(choices.browser) if choices else DefaultBrowser(),
                screen=screen,
                clock=SystemClock(),
                trace=trace,
                watcher=watcher,
                sounds=choices.sounds if choices else None,
                shelf=shelf,
            ),
            choices.alerting if choices else None,
        )

    def _by_requests(self, polling: bool) -> None:  # noqa: FBT001 - a callback
        self.controller.vitals.by_requests = polling

    def start(self) -> None:
        """Connect."""
        if self._keeper is not None:
            self._keeper.start()
        self.controller.start(signed_in=self._signed_in)

    async def stop(self) -> None:
        """Withdraw the toasts, close the connections."""
        await self.controller.stop()
        if self._keeper is not None:
            await self._keeper.stop()
        await self._api.close()

    def use_proxy(self, proxy: ProxyChoice) -> None:
        """Another way to the server, from now on."""
        self._session.proxy = proxy
        self.controller.woke_up()

    def probe(self) -> "Probe":
        """A test of the way to the server."""
        from desktop.net.probe import Probe  # noqa: PLC0415 - when it is asked for

        session = self._session
        connector = FallbackConnector(WebSocketConnector(session, self._verify), self._api)
        return Probe(session.server, self._api, connector, self._verify, session.proxy)

    async def newer_version(self) -> str | None:
        """The version that the server needs, when this one is too old for it. Raises `ApiError`."""
        try:
            await self._auth.discover()
        except TooOldError as exc:
            return str(exc)
        return None

    async def sign_out(self) -> bool:
        """Tell the server that this computer is signed out; answers whether it knows.

        A personal access token belongs to no device: it lives on until its person revokes it.
        """
        if self._keeper is None:
            return True
        try:
            async with asyncio.timeout(REVOKE_WITHIN_S):
                return await self._auth.revoke(self._keeper.refresh_token)
        except TimeoutError:
            return False


def auth_server(server: str, ca_file: Path | None, proxy: ProxyChoice) -> AuthServer:
    """The server's authorization server. Raises `OSError` for a CA file that cannot be used."""
    return AuthServer(server, _verify(server, ca_file), _agent(), lambda: proxy)


def _agent() -> str:
    return f"FlowPilot-Tray/{version()}"


def _verify(server: str, ca_file: Path | None) -> ssl.SSLContext | None:
    if server.startswith("https://"):
        return tls.context(ca_file)
    if server and not Session(server=server).loopback:
        _LOG.warning("the connection to the server is not encrypted; use https")
    return None
