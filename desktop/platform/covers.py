"""What may keep an alert from being seen on a Linux desktop, each asked for in its own way.

| cover | asked | hears of a change by |
|---|---|---|
| the session is locked | logind, `LockedHint` of this session | its properties |
| a screen saver is on | `GetActive` of the desktop's screen saver | `ActiveChanged` |
| the notification service holds back | its property `Inhibited` (KDE), of dunst `paused` | its properties |
| the same of XFCE's | xfconf, channel `xfce4-notifyd` | xfconf's note of a change |
| the same of mako | whether its mode `do-not-disturb` is on | its properties in later versions; asked each 15 s |
| GNOME shows no banners | `gsettings` | dconf's note of a change |
| GNOME shows none of this app's | the same, of this app | the same |
| XFCE or KDE shows none of this app's | `muted.py` | its note of a change |

A signal is only a hint to ask again: what counts is the answer. Whoever is not there, or answers with an error, covers
nothing. Only the service that shows notifications now is asked: what another one was once told to hold back stays
written down. mako's modes are named by its user; `do-not-disturb` is the one of its manual.
"""

import asyncio
import os
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from typing import Final, Protocol

from dbus_fast import BusType, Message

from desktop.platform.bus import BusClient

LOCKED: Final = "locked"
DND: Final = "do not disturb"
OFF: Final = "notifications off"
DESKTOP_ENTRY: Final = "flowpilot-tray"
NOTIFICATIONS: Final = "org.freedesktop.Notifications"
_LOGIN: Final = "org.freedesktop.login1"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_SAVERS: Final = ("org.freedesktop", "org.gnome", "org.cinnamon", "org.mate", "org.xfce")
XFCONF: Final = "org.xfce.Xfconf"
XFCE_CHANNEL: Final = "xfce4-notifyd"
_XFCE_HOLDS: Final = "/do-not-disturb"
_MAKO_PATH: Final = "/fr/emersion/Mako"
MAKO_AGAIN_S: Final = 15.0
_BANNERS: Final = "/org/gnome/desktop/notifications/"


class Cover(Protocol):
    """One thing that may lie over the screen. `reason` is the receipt's, `rules` are D-Bus match rules."""

    @property
    def reason(self) -> str:
        """The receipt's words."""
        ...

    @property
    def bus(self) -> BusType:
        """Where it is asked."""
        ...

    @property
    def rules(self) -> tuple[str, ...]:
        """Which signals may tell of a change."""
        ...

    @property
    def again_s(self) -> float | None:
        """After how many seconds to ask again without any hint; null where changes are told."""
        ...

    def concerns(self, message: Message) -> bool:
        """Whether this signal may tell of a change here."""
        ...

    async def ask(self, bus: BusClient) -> bool:
        """Whether it lies over the screen now. Raises `BusError`."""
        ...


class Saver:
    """A screen saver of the desktop: what it covers is not seen, locked or not."""

    reason = LOCKED
    again_s = None
    bus = BusType.SESSION

    def __init__(self, vendor: str) -> None:
        self._name = f"{vendor}.ScreenSaver"
        self._path = f"/{self._name.replace('.', '/')}"
        self.rules = (f"interface='{self._name}',member='ActiveChanged'", _owner_rule(self._name))

    def concerns(self, message: Message) -> bool:
        """See the protocol."""
        return message.interface == self._name or owner_changed(message, self._name)

    async def ask(self, bus: BusClient) -> bool:
        """See the protocol."""
        if not await bus.owned(self._name):
            return False
        [active] = await bus.call(self._name, self._path, self._name, "GetActive")
        return active is True


class Login:
    """The session of logind, which lock screens mark as locked."""

    reason = LOCKED
    again_s = None
    bus = BusType.SYSTEM
    rules = (
        f"sender='{_LOGIN}',interface='{_PROPERTIES}',path_namespace='/org/freedesktop/login1/session'",
        f"sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='{_LOGIN}'",
    )

    def concerns(self, message: Message) -> bool:
        """See the protocol."""
        return str(message.path).startswith("/org/freedesktop/login1/session/") or owner_changed(message, _LOGIN)

    async def ask(self, bus: BusClient) -> bool:
        """See the protocol."""
        if not await bus.owned(_LOGIN):
            return False
        return await bus.get(_LOGIN, await self._session(bus), f"{_LOGIN}.Session", "LockedHint") is True

    @staticmethod
    async def _session(bus: BusClient) -> str:
        """The session this program was started in, else the one that this user's screen shows."""
        if (number := os.environ.get("XDG_SESSION_ID")) is not None:
            manager = "/org/freedesktop/login1"
            [path] = await bus.call(_LOGIN, manager, f"{_LOGIN}.Manager", "GetSession", "s", [number])
            return str(path)
        display = await bus.get(_LOGIN, "/org/freedesktop/login1/user/self", f"{_LOGIN}.User", "Display")
        return str(display[1])


class Service:
    """The notification service itself holds back what it is given."""

    reason = DND
    bus = BusType.SESSION
    _path = "/org/freedesktop/Notifications"
    rules = (
        f"interface='{_PROPERTIES}',path='{_path}'",
        f"interface='{_PROPERTIES}',path='{_MAKO_PATH}'",
        f"sender='{XFCONF}',interface='{XFCONF}',arg0='{XFCE_CHANNEL}'",
        f"sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='{NOTIFICATIONS}'",
    )

    def __init__(self) -> None:
        self.again_s: float | None = None

    def concerns(self, message: Message) -> bool:
        """See the protocol."""
        if message.interface == XFCONF:
            return message.body[:2] == [XFCE_CHANNEL, _XFCE_HOLDS]
        return message.path in {self._path, _MAKO_PATH} or owner_changed(message, NOTIFICATIONS)

    async def ask(self, bus: BusClient) -> bool:
        """See the protocol."""
        self.again_s = None
        if not await bus.owned(NOTIFICATIONS):
            return False
        [offered] = await bus.call(NOTIFICATIONS, self._path, NOTIFICATIONS, "GetCapabilities")
        if "inhibitions" in offered:
            return await bus.get(NOTIFICATIONS, self._path, NOTIFICATIONS, "Inhibited") is True
        [name, *_] = await bus.call(NOTIFICATIONS, self._path, NOTIFICATIONS, "GetServerInformation")
        match name:
            case "dunst":
                return await bus.get(NOTIFICATIONS, self._path, "org.dunstproject.cmd0", "paused") is True
            case "Xfce Notify Daemon":
                path = f"/{XFCONF.replace('.', '/')}"
                [held] = await bus.call(XFCONF, path, XFCONF, "GetProperty", "ss", [XFCE_CHANNEL, _XFCE_HOLDS])
                return bool(held.value)
            case "mako":
                self.again_s = MAKO_AGAIN_S
                [modes] = await bus.call(NOTIFICATIONS, _MAKO_PATH, "fr.emersion.Mako", "ListModes")
                return "do-not-disturb" in modes
            case _:
                return False


class Banners:
    """GNOME's do not disturb: notifications are taken, but none is put up. No portal tells of it."""

    reason = DND
    again_s = None
    bus = BusType.SESSION
    rules = ("interface='ca.desrt.dconf.Writer',member='Notify'",)

    def concerns(self, message: Message) -> bool:
        """See the protocol. dconf names one key, or a folder and the keys in it."""
        if message.member != "Notify" or len(message.body) < 2:
            return False
        prefix, changes = str(message.body[0]), message.body[1]
        return any(f"{prefix}{change}".startswith(_BANNERS) for change in changes)

    async def ask(self, bus: BusClient) -> bool:  # noqa: ARG002 - the protocol's
        """See the protocol. One short process at the start and for each change of the setting."""
        return await _gnome_says_no("org.gnome.desktop.notifications", "show-banners")


class Permission(Banners):
    """GNOME's switch for this very app: its user, or an administrator, wants none of its notifications."""

    reason = OFF

    async def ask(self, bus: BusClient) -> bool:  # noqa: ARG002 - the protocol's
        """See the protocol."""
        schema = f"org.gnome.desktop.notifications.application:{_BANNERS}application/{DESKTOP_ENTRY}/"
        return await _gnome_says_no(schema, "enable")


async def _gnome_says_no(schema: str, key: str) -> bool:
    gsettings = shutil.which("gsettings")
    if gsettings is None:
        return False
    ask = (gsettings, "get", schema, key)
    process = await asyncio.create_subprocess_exec(*ask, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL)
    answer, _ = await process.communicate()
    return answer.strip() == b"false"


def all_covers() -> tuple[Cover, ...]:
    """Those that this desktop can have."""
    gnome = "GNOME" in os.environ.get("XDG_CURRENT_DESKTOP", "").upper().split(":")
    return (*(Saver(vendor) for vendor in _SAVERS), Login(), Service(), *([Banners(), Permission()] if gnome else []))


def _owner_rule(name: str) -> str:
    return f"sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='{name}'"


def owner_changed(message: Message, name: str) -> bool:
    """Whether somebody has begun or ended to serve under this name."""
    return message.member == "NameOwnerChanged" and bool(message.body) and message.body[0] == name
