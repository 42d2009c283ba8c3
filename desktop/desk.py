"""One server, one token: the network parts and the controller that belong together. Imported after the icon is up."""

import logging
import ssl
from pathlib import Path
from typing import Final

from backend.contract.people import Me
from desktop.core.controller import Controller, Ports
from desktop.core.ports import (
    ApiError,
    CertificateError,
    RefusedError,
    Screen,
    SignedOutError,
    SignInWatcher,
    Toasts,
    Trace,
)
from desktop.core.ports import NotAServerError as NotAServer
from desktop.net import tls
from desktop.net.api import HttpApi
from desktop.net.session import Session
from desktop.net.socket import WebSocketConnector
from desktop.platform.browser import DefaultBrowser
from desktop.platform.clock import SystemClock
from desktop.version import version

_LOG: Final = logging.getLogger(__name__)


class Desk:
    """Runs from `start` to `stop`. `token` null means signed out."""

    def __init__(
        self,
        *,
        server: str,
        token: str | None,
        ca_file: Path | None,
        screen: Screen,
        toasts: Toasts,
        trace: Trace,
        watcher: SignInWatcher | None = None,
    ) -> None:
        session = _session(server, token)
        verify = _verify(server, ca_file)
        self._signed_in = token is not None
        self._api = HttpApi(session, verify)
        self.controller = Controller(
            server,
            Ports(
                api=self._api,
                connector=WebSocketConnector(session, verify),
                toasts=toasts,
                browser=DefaultBrowser(),
                screen=screen,
                clock=SystemClock(),
                trace=trace,
                watcher=watcher,
            ),
        )

    def start(self) -> None:
        """Connect."""
        self.controller.start(signed_in=self._signed_in)

    async def stop(self) -> None:
        """Withdraw the toasts, close the connections."""
        await self.controller.stop()
        await self._api.close()


async def who_is(server: str, token: str, ca_file: Path | None) -> Me:
    """Try a token. Raises `ApiError`, or `OSError` for a CA file that cannot be used."""
    api = HttpApi(_session(server, token), _verify(server, ca_file))
    try:
        return await api.me()
    finally:
        await api.close()


def sign_in_error(exc: ApiError | OSError) -> str:
    """One sentence or two for the sign-in window."""
    match exc:
        case CertificateError():
            return f"The certificate could not be verified: {exc}."
        case SignedOutError():
            return "That token was not accepted. Check that it is complete and has not expired."
        case NotAServer():
            return "This is not a FlowPilot server."
        case RefusedError(status=status):
            return f"The server answered with an error ({status}). You were not signed in."
        case OSError():
            return f"The certificate file cannot be read: {exc.strerror or exc}."
        case _:
            return "That server did not answer. Check the address, or your network. Nothing was sent."


def _session(server: str, token: str | None) -> Session:
    return Session(server=server, token=token, user_agent=f"FlowPilot-Tray/{version()}")


def _verify(server: str, ca_file: Path | None) -> ssl.SSLContext | None:
    if server.startswith("https://"):
        return tls.context(ca_file)
    if server and not Session(server=server).loopback:
        _LOG.warning("the connection to the server is not encrypted; use https")
    return None
