"""The desktop's own switch for this very app, where it is not GNOME's: XFCE's list of muted programs, and KDE's.

XFCE keeps it in xfconf; its service shows alerts of the highest urgency all the same, which are then told as suppressed
and mailed besides. KDE keeps it in `plasmanotifyrc`, and says when it has written there. dunst and mako have rules in a
file of their user's, which nobody can ask them for.
"""

import asyncio
import os
from pathlib import Path
from typing import Any, Final

from dbus_fast import BusType, Message

from desktop.platform.bus import BusClient
from desktop.platform.covers import DESKTOP_ENTRY, NOTIFICATIONS, OFF, XFCE_CHANNEL, XFCONF, owner_changed

_XFCE_MUTED: Final = "/applications/muted_applications"
_KDE_NOTE: Final = "org.kde.kconfig.notify"
_KDE_FILE: Final = "plasmanotifyrc"


class Muted:
    """`desktop.platform.covers.Cover`."""

    reason = OFF
    again_s = None
    bus = BusType.SESSION
    rules = (
        f"sender='{XFCONF}',interface='{XFCONF}',arg0='{XFCE_CHANNEL}'",
        f"interface='{_KDE_NOTE}',path='/{_KDE_FILE}'",
        f"sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='{NOTIFICATIONS}'",
    )

    def concerns(self, message: Message) -> bool:
        """See the protocol."""
        if message.interface == XFCONF:
            return message.body[:2] == [XFCE_CHANNEL, _XFCE_MUTED]
        return message.interface == _KDE_NOTE or owner_changed(message, NOTIFICATIONS)

    async def ask(self, bus: BusClient) -> bool:
        """See the protocol. XFCE compares the names as they are, and without regard to capitals."""
        if not await bus.owned(NOTIFICATIONS):
            return False
        path = f"/{NOTIFICATIONS.replace('.', '/')}"
        [name, *_] = await bus.call(NOTIFICATIONS, path, NOTIFICATIONS, "GetServerInformation")
        if name == "Plasma":
            return await asyncio.to_thread(_kde_says_no)
        if name != "Xfce Notify Daemon":
            return False
        at = f"/{XFCONF.replace('.', '/')}"
        [found] = await bus.call(XFCONF, at, XFCONF, "GetProperty", "ss", [XFCE_CHANNEL, _XFCE_MUTED])
        return DESKTOP_ENTRY in {str(getattr(each, "value", each)).lower() for each in _list(found.value)}


def _list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]


def _kde_says_no() -> bool:
    """`ShowPopups=false` in `[Applications][flowpilot-tray]`; a file that cannot be read says nothing."""
    import configparser  # noqa: PLC0415 - on KDE only

    folder = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    settings = configparser.RawConfigParser(strict=False, interpolation=None, allow_no_value=True)
    try:
        settings.read(Path(folder) / _KDE_FILE, encoding="utf-8")
    except (OSError, UnicodeDecodeError, configparser.Error):
        return False
    # A group within a group is written `[a][b]`; to this parser a name goes on to the last bracket of its line.
    section = f"Applications][{DESKTOP_ENTRY}"
    return settings.get(section, "ShowPopups", fallback="true").strip().lower() in {"false", "0", "no", "off"}
