"""Where two desktops keep their do not disturb, as the real ones have it: XFCE in xfconf, mako among its modes."""

from typing import Any

from dbus_fast import BusType, DBusError, Message, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method, dbus_signal


class Xfconf(ServiceInterface):
    """`org.xfce.Xfconf`, 4.18: a property that was never set is an error."""

    NAME = "org.xfce.Xfconf"

    def __init__(self) -> None:
        super().__init__(self.NAME)
        self._values: dict[tuple[str, str], Any] = {}

    @dbus_method()
    def GetProperty(self, channel: "s", name: "s") -> "v":  # type: ignore[name-defined]  # noqa: N802, F821
        if (channel, name) not in self._values:
            raise DBusError("org.xfce.Xfconf.Error.PropertyNotFound", f'Property "{name}" does not exist')
        return self._values[channel, name]

    @dbus_signal()
    def PropertyChanged(self, channel: str, name: str, value: Any) -> "ssv":  # type: ignore[name-defined]  # noqa: N802, F821
        return [channel, name, value]

    def set(self, channel: str, name: str, value: bool | list[str]) -> None:
        """Somebody changes a setting."""
        kept = Variant("b", value) if isinstance(value, bool) else Variant("av", [Variant("s", each) for each in value])
        self._values[channel, name] = kept
        self.PropertyChanged(channel, name, kept)

    async def serve(self, address: str) -> MessageBus:
        """On a connection of its own."""
        bus = await MessageBus(bus_address=address, bus_type=BusType.SESSION).connect()
        bus.export("/org/xfce/Xfconf", self)
        await bus.request_name(self.NAME)
        return bus


class Mako(ServiceInterface):
    """`fr.emersion.Mako` as 1.7 has it: it tells its modes when asked, and nobody when they change."""

    PATH = "/fr/emersion/Mako"

    def __init__(self) -> None:
        super().__init__("fr.emersion.Mako")
        self.modes = ["default"]

    @dbus_method()
    def ListModes(self) -> "as":  # type: ignore[valid-type]  # noqa: N802, F722
        return self.modes

    def tell(self, bus: MessageBus) -> None:
        """Later versions say that the modes have changed."""
        body = [self.name, {"Modes": Variant("as", self.modes)}, []]
        where = (self.PATH, "org.freedesktop.DBus.Properties", "PropertiesChanged")
        bus.send(Message.new_signal(*where, "sa{sv}as", body))
