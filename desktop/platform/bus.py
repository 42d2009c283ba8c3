"""A small client of one D-Bus: calls, properties, signals. No answer, or an error in its place, is a `BusError`."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from dbus_fast import BusType, Message, MessageFlag, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError, DBusError, InvalidAddressError

ANSWER_S: Final = 5.0
_DBUS: Final = "org.freedesktop.DBus"
_LOG: Final = logging.getLogger(__name__)


class BusError(Exception):
    """No answer, or an error in place of one."""


class BusClient:
    """One connection. Nothing that it calls is started by the call."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus

    @classmethod
    async def open(cls, kind: BusType, address: str | None) -> "BusClient | None":
        """Connect; null where there is no such bus."""
        try:
            async with asyncio.timeout(ANSWER_S):
                return cls(await MessageBus(bus_address=address, bus_type=kind).connect())
        except (OSError, AuthError, InvalidAddressError, DBusError, TimeoutError) as exc:
            _LOG.info("no %s bus: %s", kind.name.lower(), exc)
            return None

    def close(self) -> None:
        """Leave."""
        self._bus.disconnect()

    async def listen(self, rules: Sequence[str], heard: Callable[[Message], None]) -> None:
        """Hear every signal that any of the rules lets through, of this listener or another."""
        self._bus.add_message_handler(lambda message: heard(message) if _is_signal(message) else None)
        for rule in rules:
            await self.call(_DBUS, "/org/freedesktop/DBus", _DBUS, "AddMatch", "s", [f"type='signal',{rule}"])

    async def call(
        self, to: str, path: str, interface: str, member: str, signature: str = "", body: Sequence[Any] = ()
    ) -> list[Any]:
        """One method. Raises `BusError`."""
        message = Message(
            destination=to,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
            flags=MessageFlag.NO_AUTOSTART,
        )
        try:
            async with asyncio.timeout(ANSWER_S):
                reply = await self._bus.call(message)
        except (OSError, EOFError, DBusError, TimeoutError) as exc:
            raise BusError(f"{member} of {to}: {type(exc).__name__}") from exc
        if reply.message_type is not MessageType.METHOD_RETURN:
            raise BusError(f"{member} of {to}: {reply.error_name}")
        return list(reply.body)

    async def get(self, to: str, path: str, interface: str, name: str) -> Any:
        """One property's value. Raises `BusError`."""
        [value] = await self.call(to, path, "org.freedesktop.DBus.Properties", "Get", "ss", [interface, name])
        return value.value if isinstance(value, Variant) else value

    async def owned(self, name: str) -> bool:
        """Whether someone serves under this name. Raises `BusError`."""
        [found] = await self.call(_DBUS, "/org/freedesktop/DBus", _DBUS, "NameHasOwner", "s", [name])
        return bool(found)


def _is_signal(message: Message) -> bool:
    return message.message_type is MessageType.SIGNAL
