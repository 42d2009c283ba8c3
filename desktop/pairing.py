"""Signing in through the browser: one try, from the open port to the tokens.

PairingError
├── ExpiredError    nobody said yes in time
└── DeniedError     the person said no
"""

import asyncio
import base64
import contextlib
import hashlib
import platform
import secrets
import sys
import time
from collections.abc import AsyncIterator
from typing import Final

from backend.contract.pairing import REQUEST_LIFE_S, pairing_code
from desktop.core.ports import (
    ApiError,
    Browser,
    CertificateError,
    NotAServerError,
    RefusedError,
    SignedOutError,
    UnreachableError,
)
from desktop.net.keeper import Tokens
from desktop.net.loopback import CONNECTED, REFUSED, Loopback, listening
from desktop.net.oauth import AuthServer, TooOldError
from desktop.version import version


class PairingError(Exception):
    """No tokens came of it."""


class ExpiredError(PairingError):
    """Nobody said yes in time."""


class DeniedError(PairingError):
    """The person said no."""


class Pairing:
    """One try; use `pairing()`. `url` is the page to open, `code` what it must show."""

    def __init__(
        self, server: AuthServer, ear: Loopback, state: str, verifier: str, browser: Browser, setup: str = ""
    ) -> None:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        self._server = server
        self._ear = ear
        self._verifier = verifier
        self._browser = browser
        self._ends = time.monotonic() + REQUEST_LIFE_S
        self.code = pairing_code(challenge, state)
        self.url = server.authorize_url(
            redirect_uri=ear.redirect_uri,
            state=state,
            code_challenge=challenge,
            device_name=platform.node() or "Unnamed computer",
            device_system=system_name(),
            device_version=version(),
            **({"setup": setup} if setup else {}),
        )

    async def open(self) -> bool:
        """Show the page in the default browser."""
        return await self._browser.open(self.url)

    async def wait(self) -> Tokens:
        """Until the person has decided. Raises `PairingError`, `ApiError`."""
        try:
            async with asyncio.timeout(self._ends - time.monotonic()):
                answer = await self._ear.answer()
        except TimeoutError:
            raise ExpiredError from None
        if answer.get("error") == "access_denied":
            self._ear.show(REFUSED)
            raise DeniedError
        if "code" not in answer:
            raise NotAServerError(f"the page answered {answer.get('error', '')[:40]}")
        tokens = await self._server.redeem(answer["code"], self._verifier, self._ear.redirect_uri)
        self._ear.show(CONNECTED)
        return tokens


def system_name() -> str:
    """The operating system as its people call it: `Windows 11`, `macOS 15.2`, `Debian GNU/Linux 12 (bookworm)`."""
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}"
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return platform.freedesktop_os_release()["PRETTY_NAME"]
    return f"{platform.system()} {platform.release()}"


@contextlib.asynccontextmanager
async def pairing(server: AuthServer, browser: Browser, setup: str = "") -> AsyncIterator[Pairing]:
    """Ask the server what it is, open the port; `setup` is the computer's set-up code. Raises `ApiError`, `OSError`."""
    await server.discover()
    state = secrets.token_urlsafe(24)
    async with listening(state, server.issuer) as ear:
        yield Pairing(server, ear, state, secrets.token_urlsafe(48), browser, setup)


_EXPIRED: Final = "The code expired. Continue again for a new one."
_WORDS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (ExpiredError, _EXPIRED),
    (DeniedError, "Refused in the browser. This computer was not signed in."),
    (SignedOutError, _EXPIRED),  # the server did not take the code
    (CertificateError, "The certificate could not be verified: {reason}."),
    (UnreachableError, "That server did not answer. Check the address, or your network. Nothing was sent."),
    (NotAServerError, "This is not a FlowPilot server."),
    (TooOldError, "This server needs version {reason} or later."),
    (RefusedError, "The server answered with an error ({reason}). You were not signed in."),
    (OSError, "This computer does not let FlowPilot sign in: {reason}."),
)


def sign_in_error(exc: PairingError | ApiError | OSError) -> str:
    """One sentence or two for the sign-in window."""
    words = next((text for kind, text in _WORDS if isinstance(exc, kind)), "This computer was not signed in: {reason}.")
    reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
    return words.format(reason=reason)
