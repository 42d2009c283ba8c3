"""Who is signed in on this computer, and how that begins and ends.

A sign-in is a refresh token (by way of the browser) or a personal access token (from standard input). It is kept in the
system's keyring or, where there is none, in memory until the app ends; never in a file. When the server ends it, the
keyring is emptied and the person is asked once, loudly.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from backend.contract.pairing import REQUEST_LIFE_S
from desktop.core.ports import ApiError, SignInWatcher
from desktop.first_sign_in import FirstSignIn
from desktop.platform.keyring_store import KeyringStore
from desktop.settings import Settings, SettingsError, server_address

if TYPE_CHECKING:
    from desktop.desk import Desk
    from desktop.net.keeper import Tokens
    from desktop.pairing import Pairing

_LOG: Final = logging.getLogger(__name__)
NOBODY: Final = "Not signed in"
IN_KEYRING: Final = "In the system keychain" if sys.platform == "darwin" else "In the system keyring"
UNKNOWN_SETUP: Final = "The set-up code of this computer is not in use any more. You can sign in all the same."
IN_MEMORY: Final = "In memory until you quit: this computer has no keyring that can be used"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a desk signs in with. `token` null means signed out; `tokens` are fresh from the browser, where they are."""

    server: str
    token: str | None = None
    tokens: "Tokens | None" = None


class SignInScreen(Protocol):
    """What is shown of it."""

    def ask_sign_in(self) -> None:
        """The window, in front."""
        ...

    def sign_in_busy(self) -> None:
        """The server is being asked what it is."""
        ...

    def sign_in_waiting(self, url: str, code: str, seconds: float) -> None:
        """The browser has the page now."""
        ...

    def sign_in_failed(self, text: str) -> None:
        """Why nobody was signed in."""
        ...

    def sign_in_for(self, text: str) -> None:
        """Whom this computer is set up for; empty for nobody in particular."""
        ...

    def signed_in(self) -> None:
        """The window goes."""
        ...

    def raise_window(self) -> None:
        """The queue."""
        ...


class SigningIn:
    """One per app. `open_desk` replaces the desk, `desk` answers the one at hand, `give_up` ends the app."""

    def __init__(
        self,
        settings: Settings,
        screen: SignInScreen,
        *,
        open_desk: Callable[[Credential, SignInWatcher], None],
        desk: Callable[[], "Desk | None"],
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        give_up: Callable[[int], None],
    ) -> None:
        self.kept = NOBODY
        self.signed_in = False
        self._settings = settings
        self._screen = screen
        self._open_desk = open_desk
        self._desk = desk
        self._start = start
        self._give_up = give_up
        self._server = settings.server or ""
        self._ring = asyncio.Lock()
        self._try: asyncio.Task[None] | None = None
        self._attempt: Pairing | None = None

    async def begin(self, token: str | None) -> None:
        """The first desk: with the token from standard input, else with what the keyring holds."""
        watcher: SignInWatcher = _Watcher(self._ended)
        if token is not None:
            watcher = FirstSignIn(
                self._server, accepted=partial(self._accepted, token), give_up=self._give_up, later=self._ended
            )
        elif self._server:
            token = await self._keyring().load()
        self.signed_in = token is not None
        self.kept = IN_KEYRING if token else NOBODY
        self._open_desk(Credential(server=self._server, token=token), watcher)
        if token is None:
            self._screen.ask_sign_in()
            if self._server and self._setup:
                self._start(self._name_account())

    def asked(self, typed: str) -> None:
        """*Continue in browser*; a try under way ends."""
        self.cancel()
        self._try = self._start(self._through_browser(typed))

    def open_again(self) -> None:
        """*Open again*."""
        if self._attempt is not None:
            self._start(self._show_page(self._attempt))

    def cancel(self) -> None:
        """*Cancel*: the port closes, the page leads nowhere."""
        if self._try is not None:
            self._try.cancel()
            self._try = None

    async def sign_out(self) -> None:
        """End it at the server, in the keyring and here; where the server does not answer, in the keyring and here."""
        desk = self._desk()
        if not self.signed_in or desk is None:
            return
        self.signed_in = False
        told = await desk.sign_out()
        await desk.stop()
        await self._forget()
        self._open_desk(Credential(server=self._server), _Watcher(self._ended))
        if not told and (now := self._desk()) is not None:
            now.controller.notice(
                "Signed out on this computer",
                "The server could not be told. Sign this computer out in the browser too.",
            )
        self._screen.ask_sign_in()

    async def save(self, token: str) -> None:
        """Keep the newest refresh token, or say that it is not kept."""
        await self._keep(token, say=self._notice)

    # -- inside ------------------------------------------------------------------------------------------------------

    async def _through_browser(self, typed: str) -> None:
        from desktop.applied import proxy  # noqa: PLC0415 - the network comes after the icon
        from desktop.desk import auth_server  # noqa: PLC0415 - the network comes after the icon
        from desktop.pairing import PairingError, pairing, sign_in_error  # noqa: PLC0415 - the same
        from desktop.platform.browser import DefaultBrowser  # noqa: PLC0415 - the same

        self._screen.sign_in_busy()
        try:
            server = server_address(typed if "://" in typed else f"https://{typed}")
            auth = auth_server(server, self._settings.ca_file, proxy(self._settings.store))
            browser = DefaultBrowser(lambda: self._settings.store.words("browser"))
            async with pairing(auth, browser, self._setup) as attempt:
                self._attempt = attempt
                self._screen.sign_in_waiting(attempt.url, attempt.code, REQUEST_LIFE_S)
                await self._show_page(attempt)
                tokens = await attempt.wait()
        except SettingsError as exc:
            self._screen.sign_in_failed(f"{exc}."[:1].upper() + f"{exc}."[1:])
        except (PairingError, ApiError, OSError) as exc:
            _LOG.info("sign-in failed: %s", type(exc).__name__)
            self._screen.sign_in_failed(sign_in_error(exc))
        else:
            await self._enter(server, tokens)
        finally:
            self._attempt = None

    @property
    def _setup(self) -> str:
        return self._settings.store.words("account")

    async def _name_account(self) -> None:
        """Say whom this computer is set up for; a server that does not answer is told of when it is needed."""
        from desktop.applied import proxy  # noqa: PLC0415 - the network comes after the icon
        from desktop.desk import auth_server  # noqa: PLC0415 - the same

        try:
            auth = auth_server(self._server, self._settings.ca_file, proxy(self._settings.store))
            account = await auth.set_up_for(self._setup)
        except (ApiError, OSError) as exc:
            _LOG.info("the set-up code was not looked up: %s", type(exc).__name__)
            return
        words = f"This computer is set up for {account}." if account else UNKNOWN_SETUP
        self._screen.sign_in_for(words)

    async def _show_page(self, attempt: "Pairing") -> None:
        if not await attempt.open():
            _LOG.warning("no browser took the sign-in page; its link can be copied")

    async def _enter(self, server: str, tokens: "Tokens") -> None:
        self._try = None  # from here on it is no try any more that could be cancelled
        self._settings.remember(server)
        if (desk := self._desk()) is not None:
            await desk.stop()
        self._server, self.signed_in = server, True
        self._open_desk(Credential(server=server, token=tokens.refresh_token, tokens=tokens), _Watcher(self._ended))
        self._screen.signed_in()
        self._screen.raise_window()
        await self._keep(tokens.refresh_token, say=self._notice)

    def _accepted(self, token: str) -> None:
        """The token from standard input is good; an earlier one in the keyring is replaced only now."""
        self._settings.remember(self._server)
        self._start(self._keep(token, say=_tell_terminal))

    async def _keep(self, token: str, *, say: Callable[[], None]) -> None:
        """Into the keyring, or say that it is not; once, not with each renewal."""
        async with self._ring:
            if not self.signed_in:
                return
            if await self._keyring().save(token):
                self.kept = IN_KEYRING
                return
            _LOG.warning("no usable keyring: the sign-in lasts until the app ends")
            before, self.kept = self.kept, IN_MEMORY
            if before == IN_KEYRING:
                # An older token left behind would look like a stolen copy when it comes back.
                await self._keyring().forget()
        if before != IN_MEMORY:
            say()

    def _notice(self) -> None:
        if (desk := self._desk()) is not None:
            desk.controller.notice("Signed in until you quit", "This computer has no keyring that can be used.")

    def _ended(self) -> None:
        """The server has ended the sign-in: forget it, and ask for a new one."""
        self.signed_in = False
        self._start(self._forget())
        if (desk := self._desk()) is not None:
            desk.controller.notice(
                "FlowPilot: signed out", "You will not be notified on this computer until you sign in.", loud=True
            )
        self._screen.ask_sign_in()

    async def _forget(self) -> None:
        """Empty the keyring, after a save that was under way; unless somebody has signed in again meanwhile."""
        async with self._ring:
            if not self.signed_in:
                self.kept = NOBODY
                await self._keyring().forget()

    def _keyring(self) -> KeyringStore:
        return KeyringStore(self._server, self._settings.profile)


class _Watcher:
    """`desktop.core.ports.SignInWatcher` of a sign-in that nobody waits for at a terminal."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended

    def signed_in(self) -> None:
        """As expected."""

    def refused(self) -> None:
        """The server has ended it."""
        self._ended()

    def unreachable(self, reason: str) -> None:
        """The window says so."""


def _tell_terminal() -> None:
    sys.stderr.write("flowpilot-tray: no usable keyring here; the sign-in lasts until the app ends\n")
