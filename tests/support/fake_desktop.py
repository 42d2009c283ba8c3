"""A desktop without a desktop: notification service and StatusNotifier watcher on the session bus, scripted by a test.

As a program (it must be one for tray tests: Qt asks the watcher with blocking calls) it prints one JSON object a line
for each thing that happens (`notify`, `replaced`, `closed-by-app`, `tray-registered`, `tray-changed`, …) and takes
commands on standard input, one a line:

    press ID KEY     a person presses a button (or `default`, the body)
    dismiss ID       a person closes the toast
    list             what is on the screen
    tray             the tray items' properties
    activate         a left click on the newest tray item
    menu LABEL       a click on an entry of its menu
    lock, unlock     the screen saver comes and goes
    quit

Options: `--no-tray`, `--no-actions` (a service that shows no buttons), `--fail` (Notify answers an error).
"""

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

from dbus_fast import BusType, DBusError, Message, MessageType, PropertyAccess, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property, dbus_signal

EXPIRED, DISMISSED, CLOSED_BY_CALL = 1, 2, 3
ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"
WATCHER = "org.kde.StatusNotifierWatcher"
Say = Callable[..., None]


class Notifications(ServiceInterface):
    """`org.freedesktop.Notifications`, version 1.2 of its specification."""

    def __init__(self, say: Say, *, actions: bool = True, fail: bool = False, inhibitions: bool = False) -> None:
        super().__init__("org.freedesktop.Notifications")
        self.inhibited = False
        self.service = "fake"
        self.shown: dict[int, dict[str, Any]] = {}
        self._next = 1
        self._say = say
        self._fail = fail
        self._capabilities = ["body", "body-markup", "persistence", *(["actions"] if actions else [])]
        self._capabilities += ["inhibitions"] if inhibitions else []

    @dbus_method()
    def GetCapabilities(self) -> "as":  # type: ignore[valid-type]  # noqa: N802, F722 - D-Bus spelling
        return self._capabilities

    @dbus_method()
    def GetServerInformation(self) -> "ssss":  # type: ignore[name-defined]  # noqa: N802, F821 - D-Bus spelling
        return [self.service, "tests", "1", "1.2"]

    @dbus_method()
    def Notify(  # noqa: N802 - D-Bus spelling
        self,
        app: "s",  # type: ignore[name-defined]  # noqa: F821
        replaces: "u",  # type: ignore[name-defined]  # noqa: F821
        icon: "s",  # type: ignore[name-defined]  # noqa: F821
        summary: "s",  # type: ignore[name-defined]  # noqa: F821
        body: "s",  # type: ignore[name-defined]  # noqa: F821
        actions: "as",  # type: ignore[valid-type]  # noqa: F722
        hints: "a{sv}",  # type: ignore[valid-type]  # noqa: F722
        timeout: "i",  # type: ignore[name-defined]  # noqa: F821
    ) -> "u":  # type: ignore[name-defined]  # noqa: F821
        if self._fail:
            raise DBusError("org.freedesktop.Notifications.Error.ExcessNotificationGeneration", "too many")
        number = replaces or self._next
        self._next = max(self._next, number + 1)
        replaced = replaces in self.shown
        self.shown[number] = {
            "app": app,
            "icon": icon,
            "summary": summary,
            "body": body,
            "actions": dict(zip(actions[::2], actions[1::2], strict=True)),
            "hints": {key: hint.value for key, hint in hints.items()},
            "timeout": timeout,
        }
        self._say("replaced" if replaced else "notify", id=number, **self.shown[number])
        return number

    @dbus_method()
    def CloseNotification(self, number: "u"):  # type: ignore[no-untyped-def, name-defined]  # noqa: N802, F821, ANN201
        if self.shown.pop(number, None) is not None:
            self.NotificationClosed(number, CLOSED_BY_CALL)
            self._say("closed-by-app", id=number)

    @dbus_signal()
    def NotificationClosed(self, number: int, reason: int) -> "uu":  # type: ignore[name-defined]  # noqa: N802, F821
        return [number, reason]

    @dbus_signal()
    def ActionInvoked(self, number: int, key: str) -> "us":  # type: ignore[name-defined]  # noqa: N802, F821
        return [number, key]

    @dbus_signal()
    def ActivationToken(self, number: int, token: str) -> "us":  # type: ignore[name-defined]  # noqa: N802, F821
        return [number, token]

    @dbus_property(access=PropertyAccess.READ)
    def Inhibited(self) -> "b":  # type: ignore[name-defined]  # noqa: N802, F821
        return self.inhibited

    def inhibit(self, *, on: bool) -> None:
        """The desktop's own do not disturb, as KDE has it."""
        self.inhibited = on
        self.emit_properties_changed({"Inhibited": on})

    def press(self, number: int, key: str) -> None:
        """A person presses a button; one that is not offered is a mistake of the test."""
        if key not in self.shown[number]["actions"]:
            raise KeyError(f"{number} has no action {key}: {self.shown[number]['actions']}")
        self.ActivationToken(number, "token-of-the-shell")
        self.ActionInvoked(number, key)

    def dismiss(self, number: int, reason: int = DISMISSED) -> None:
        """A person closes it."""
        del self.shown[number]
        self.NotificationClosed(number, reason)


class ScreenSaver(ServiceInterface):
    """`org.freedesktop.ScreenSaver`, or another vendor's."""

    def __init__(self, vendor: str = "org.freedesktop") -> None:
        self.bus_name = f"{vendor}.ScreenSaver"
        super().__init__(self.bus_name)
        self.active = False

    @dbus_method()
    def GetActive(self) -> "b":  # type: ignore[name-defined]  # noqa: N802, F821
        return self.active

    @dbus_signal()
    def ActiveChanged(self, active: bool) -> "b":  # type: ignore[name-defined]  # noqa: N802, F821
        return active

    def turn(self, *, on: bool) -> None:
        """It comes over the screen, or goes."""
        self.active = on
        self.ActiveChanged(on)

    async def serve(self, address: str) -> MessageBus:
        """On a connection of its own."""
        bus = await MessageBus(bus_address=address, bus_type=BusType.SESSION).connect()
        bus.export(f"/{self.bus_name.replace('.', '/')}", self)
        await bus.request_name(self.bus_name)
        return bus


class LoginSession(ServiceInterface):
    """One session of logind. `serve` also plays the manager and the user it belongs to."""

    NAME = "org.freedesktop.login1"
    PATH = "/org/freedesktop/login1/session/_31"

    def __init__(self) -> None:
        super().__init__(f"{self.NAME}.Session")
        self.locked = False

    @dbus_property(access=PropertyAccess.READ)
    def LockedHint(self) -> "b":  # type: ignore[name-defined]  # noqa: N802, F821
        return self.locked

    def lock(self, *, on: bool) -> None:
        """The lock screen marks the session."""
        self.locked = on
        self.emit_properties_changed({"LockedHint": on})

    async def serve(self, address: str) -> MessageBus:
        """On a connection of its own."""
        bus = await MessageBus(bus_address=address, bus_type=BusType.SESSION).connect()
        bus.export(self.PATH, self)
        bus.export("/org/freedesktop/login1", _LoginManager())
        bus.export("/org/freedesktop/login1/user/self", _LoginUser())
        await bus.request_name(self.NAME)
        return bus


class _LoginManager(ServiceInterface):
    def __init__(self) -> None:
        super().__init__(f"{LoginSession.NAME}.Manager")

    @dbus_method()
    def GetSession(self, number: "s") -> "o":  # type: ignore[name-defined]  # noqa: N802, F821
        if number != "1":
            raise DBusError(f"{LoginSession.NAME}.NoSuchSession", f"no session {number}")
        return LoginSession.PATH


class _LoginUser(ServiceInterface):
    def __init__(self) -> None:
        super().__init__(f"{LoginSession.NAME}.User")

    @dbus_property(access=PropertyAccess.READ)
    def Display(self) -> "(so)":  # type: ignore[name-defined]  # noqa: N802, F821
        return ["1", LoginSession.PATH]


class Watcher(ServiceInterface):
    """`org.kde.StatusNotifierWatcher` with a host, so that Qt shows its icon over D-Bus."""

    def __init__(self, say: Say, bus: MessageBus) -> None:
        super().__init__(WATCHER)
        self.items: list[str] = []
        self._say = say
        self._bus = bus

    @dbus_method()
    def RegisterStatusNotifierItem(self, service: "s"):  # type: ignore[no-untyped-def, name-defined]  # noqa: N802, F821, ANN201
        self.items.append(service)
        self.StatusNotifierItemRegistered(service)
        self._say("tray-registered", service=service)

    @dbus_method()
    def RegisterStatusNotifierHost(self, service: "s"):  # type: ignore[no-untyped-def, name-defined]  # noqa: N802, F821, ANN201, ARG002
        self.StatusNotifierHostRegistered()

    @dbus_property(access=PropertyAccess.READ)
    def RegisteredStatusNotifierItems(self) -> "as":  # type: ignore[valid-type]  # noqa: N802, F722
        return self.items

    @dbus_property(access=PropertyAccess.READ)
    def IsStatusNotifierHostRegistered(self) -> "b":  # type: ignore[name-defined]  # noqa: N802, F821
        return True

    @dbus_property(access=PropertyAccess.READ)
    def ProtocolVersion(self) -> "i":  # type: ignore[name-defined]  # noqa: N802, F821
        return 0

    @dbus_signal()
    def StatusNotifierItemRegistered(self, service: str) -> "s":  # type: ignore[name-defined]  # noqa: N802, F821
        return service

    @dbus_signal()
    def StatusNotifierItemUnregistered(self, service: str) -> "s":  # type: ignore[name-defined]  # noqa: N802, F821
        return service

    @dbus_signal()
    def StatusNotifierHostRegistered(self) -> None:  # noqa: N802
        return None

    async def properties(self, service: str) -> dict[str, Any]:
        """A tray item's properties; pictures as lists of sizes."""
        body = await self.call(service, "GetAll", "s", [ITEM], interface="org.freedesktop.DBus.Properties")
        values: dict[str, Variant] = body[0]
        return {
            key: [picture[:2] for picture in value.value] if key.endswith("Pixmap") else value.value
            for key, value in values.items()
        }

    async def choose(self, service: str, label: str) -> None:
        """Click an entry of the item's menu, as panels do."""
        menu = str((await self.properties(service))["Menu"])
        _revision, (_root, _fields, entries) = await self.call(
            service, "GetLayout", "iias", [0, -1, []], interface=MENU, path=menu
        )
        for entry in entries:
            number, fields, _inner = entry.value
            if "label" in fields and fields["label"].value == label:
                clicked = [number, "clicked", Variant("s", ""), 0]
                await self.call(service, "Event", "isvu", clicked, interface=MENU, path=menu)
                return
        self._say("error", what=f"no menu entry: {label}")

    async def call(
        self,
        service: str,
        member: str,
        signature: str,
        body: list[Any],
        *,
        interface: str = ITEM,
        path: str = "/StatusNotifierItem",
    ) -> list[Any]:
        """Call a tray item."""
        reply = await self._bus.call(
            Message(
                destination=service,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=body,
            )
        )
        if reply.message_type is MessageType.ERROR:
            raise RuntimeError(f"{member} of {service}: {reply.body}")
        return list(reply.body)


class FakeDesktop:
    """Both services on one connection; `say(event, **fields)` hears everything."""

    def __init__(
        self, say: Say, *, actions: bool = True, fail: bool = False, tray: bool = True, inhibitions: bool = False
    ) -> None:
        self.notifications = Notifications(say, actions=actions, fail=fail, inhibitions=inhibitions)
        self.saver = ScreenSaver()
        self._say = say
        self._tray = tray
        self.bus: MessageBus | None = None
        self.watcher: Watcher | None = None

    async def start(self, address: str | None = None) -> None:
        """Take the names."""
        bus = self.bus = await MessageBus(bus_address=address, bus_type=BusType.SESSION).connect()
        bus.export("/org/freedesktop/Notifications", self.notifications)
        await bus.request_name("org.freedesktop.Notifications")
        bus.export("/org/freedesktop/ScreenSaver", self.saver)
        await bus.request_name(self.saver.bus_name)
        if self._tray:
            self.watcher = Watcher(self._say, bus)
            bus.export("/StatusNotifierWatcher", self.watcher)
            await bus.request_name(WATCHER)

    async def command(self, line: str) -> bool:
        """Carry out one line; false for `quit`."""
        match line.split():
            case ["press", number, key]:
                self.notifications.press(int(number), key)
            case ["dismiss", number]:
                self.notifications.dismiss(int(number))
            case ["list"]:
                self._say("list", shown=self.notifications.shown)
            case ["tray"] if self.watcher is not None:
                for item in list(self.watcher.items):
                    self._say("tray", service=item, props=await self.watcher.properties(item))
            case ["activate"] if self.watcher is not None:
                await self.watcher.call(self.watcher.items[-1], "Activate", "ii", [0, 0])
            case ["menu", *words] if self.watcher is not None:
                await self.watcher.choose(self.watcher.items[-1], " ".join(words))
            case [("lock" | "unlock") as what]:
                self.saver.turn(on=what == "lock")
            case ["quit"]:
                return False
            case _:
                self._say("error", what=f"unknown command: {line.strip()}")
        return True

    def stop(self) -> None:
        """Leave the bus: the names vanish with the connection."""
        if self.bus is not None:
            self.bus.disconnect()


async def _main() -> None:
    def say(event: str, **fields: Any) -> None:
        sys.stdout.write(json.dumps({"event": event, **fields}, default=str) + "\n")
        sys.stdout.flush()

    options = set(sys.argv[1:])
    fake = FakeDesktop(
        say, actions="--no-actions" not in options, fail="--fail" in options, tray="--no-tray" not in options
    )
    await fake.start()
    say("ready")
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        try:
            if not await fake.command(line.decode()):
                return
        except (KeyError, RuntimeError) as exc:
            say("error", what=repr(exc))


if __name__ == "__main__":
    asyncio.run(_main())
