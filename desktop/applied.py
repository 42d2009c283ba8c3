"""Carries the settings to the parts that follow them: at the start, and whenever one of them has changed."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from desktop.core.alerting import Alerting
from desktop.core.ports import Sounds
from desktop.net.proxy import ProxyChoice, ProxyMode
from desktop.settings.alerting import alerting
from desktop.settings.store import Store
from desktop.ui.theme import ThemeChoice

if TYPE_CHECKING:
    from desktop.platform.autostart import Autostart

_LOG: Final = logging.getLogger(__name__)
_THEMES: Final[dict[str, ThemeChoice]] = {"light": "light", "dark": "dark"}
_PROXIES: Final[dict[str, ProxyMode]] = {"none": "none", "manual": "manual"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a desk is made with."""

    alerting: Alerting
    proxy: ProxyChoice
    browser: Callable[[], str]
    sounds: Sounds


class Followers(Protocol):
    """What follows the settings."""

    def wear(self, theme: ThemeChoice) -> None:
        """Colours."""
        ...

    def alert_as(self, alerting: Alerting) -> None:
        """The rules of alerting."""
        ...

    def use_proxy(self, proxy: ProxyChoice) -> None:
        """The way to the server."""
        ...

    def set_hotkey(self, keys: str) -> None:
        """The global shortcut; empty for none."""
        ...

    def set_window(self, *, letter_keys: bool, keep_in_tray: bool) -> None:
        """The queue window."""
        ...


class Applied:
    """Follows `store` from `begin` on. `autostart` makes this system's way on first need."""

    def __init__(self, store: Store, followers: Followers, autostart: Callable[[], "Autostart"]) -> None:
        self._store = store
        self._followers = followers
        self._autostart = autostart

    def begin(self) -> None:
        """All of them, now and from now on."""
        self._followers.wear(theme(self._store))
        self._window()
        self._enforce()
        if self._store.words("hotkey"):
            self._followers.set_hotkey(self._store.words("hotkey"))
        self._store.listen(self._changed)

    def _changed(self, names: frozenset[str]) -> None:
        if "theme" in names:
            self._followers.wear(theme(self._store))
        if any(name.startswith(("notify.", "quiet.", "sound.", "lock_screen.")) for name in names):
            self._followers.alert_as(alerting(self._store))
        if names & {"proxy.mode", "proxy.url"}:
            self._followers.use_proxy(proxy(self._store))
        if names & {"single_letter_keys", "keep_in_tray"}:
            self._window()
        if "hotkey" in names:
            self._followers.set_hotkey(self._store.words("hotkey"))
        if "start_at_login" in names:
            self._enforce()
        if "server" in names:
            _LOG.info("the server's address has been set anew; it counts from the next start on")

    def _window(self) -> None:
        self._followers.set_window(
            letter_keys=self._store.flag("single_letter_keys"), keep_in_tray=self._store.flag("keep_in_tray")
        )

    def _enforce(self) -> None:
        """An administrator's word on starting at login is carried out; the user's own is asked of the system only."""
        wanted = self._store.get("start_at_login")
        if wanted.origin != "policy":
            return
        try:
            autostart = self._autostart()
            if autostart.state().on != wanted.value:
                autostart.set(on=wanted.value is True)
        except OSError as exc:
            _LOG.warning("start at login could not be set as the policy wants it: %s", exc.strerror)


def theme(store: Store) -> ThemeChoice:
    """The colours that the settings name."""
    return _THEMES.get(store.words("theme"), "system")


def proxy(store: Store) -> ProxyChoice:
    """The proxy that the settings name."""
    return ProxyChoice(_PROXIES.get(store.words("proxy.mode"), "system"), store.words("proxy.url"))
