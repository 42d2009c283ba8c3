"""Notifications of the Linux desktop: a small client of `org.freedesktop.Notifications` on the session bus.

One connection for the life of the app (a sender that leaves takes its toasts and their buttons along). The service may
be missing, may start late, and may be restarted at any time: its ids are forgotten with it and its capabilities read
anew. Signals are broadcast to everyone, so foreign ids are passed over. Texts from the server are escaped where the
service would read markup.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, get_args

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError, DBusError, InvalidAddressError

from desktop.core.ports import ToastFailedError, ToastListener
from desktop.core.toasts import system_text
from desktop.core.views import ToastAction, ToastView
from desktop.platform.covers import DESKTOP_ENTRY

NAME: Final = "org.freedesktop.Notifications"
PATH: Final = "/org/freedesktop/Notifications"
APP_NAME: Final = "FlowPilot"
ANSWER_S: Final = 5.0
TITLE_MAX: Final = 160
BODY_MAX: Final = 600
LATE_KEPT: Final = 50
SUCCESSOR_S: Final = 2.0
_URGENCY: Final = {"low": 0, "normal": 1, "high": 1, "urgent": 2}
_ACTIONS: Final = frozenset(get_args(ToastAction))
_DBUS: Final = "org.freedesktop.DBus"
_LOG: Final = logging.getLogger(__name__)


class SystemToasts:
    """The system's notifications. `usable` tells whether they can carry buttons; ask after `start`."""

    def __init__(self, listener: ToastListener, address: str | None = None) -> None:
        self._listener = listener
        self._address = address
        self._bus: MessageBus | None = None
        self._owner: str | None = None  # the service's own address on the bus, once a change has told it
        self._capabilities: frozenset[str] = frozenset()
        self._ids: dict[str, int] = {}
        self._late: dict[int, str] = {}
        self._showing = 0
        self._early: dict[int, list[Callable[[], None]]] = {}
        self._defaults: dict[str, ToastAction] = {}
        self._reading: asyncio.Task[None] | None = None
        self._views: dict[str, ToastView] = {}
        self._adrift: dict[str, ToastView] = {}
        # Takes what a service that ended had on the screen, once it is known who shows toasts from now on.
        self.lost: Callable[[list[ToastView]], None] | None = None
        # Answers the sound's file where nobody else plays it; null: somebody does.
        self.sound_file: Callable[[ToastView], Path | None] | None = None

    @property
    def usable(self) -> bool:
        """A service is there and shows buttons."""
        return "actions" in self._capabilities

    @property
    def sounds(self) -> bool:
        """Whether the service says that it can sound."""
        return "sound" in self._capabilities

    async def start(self) -> None:
        """Connect and ask what the service can do; without a bus or a service it is just not usable."""
        try:
            async with asyncio.timeout(ANSWER_S):
                self._bus = await MessageBus(bus_address=self._address, bus_type=BusType.SESSION).connect()
                self._bus.add_message_handler(self._on_message)
                for rule in (
                    f"type='signal',interface='{NAME}',path='{PATH}'",
                    f"type='signal',sender='{_DBUS}',interface='{_DBUS}',member='NameOwnerChanged',arg0='{NAME}'",
                ):
                    await self._call("AddMatch", "s", [rule], to=_DBUS, path="/org/freedesktop/DBus", interface=_DBUS)
        except (OSError, AuthError, InvalidAddressError, DBusError, ToastFailedError, TimeoutError) as exc:
            _LOG.info("no session bus for notifications: %s", exc)
            self._bus = None
            return
        await self._read_capabilities()

    async def stop(self) -> None:
        """Leave the bus."""
        if self._reading is not None:
            self._reading.cancel()
        if self._bus is not None:
            self._bus.disconnect()
            self._bus = None

    async def show(self, view: ToastView) -> str:
        """Show, or replace in place. Returns once the service has accepted it; raises `ToastFailedError`."""
        title, body = system_text(view)
        actions: list[str] = []
        if self.usable:
            default = _default_action(view)
            actions = ["default", "Open", *(part for button in view.buttons for part in button)] if default else []
            if default:
                self._defaults[view.id] = default
        body = _clipped(body, BODY_MAX)
        content = [
            APP_NAME,
            self._ids.get(view.id, 0),
            DESKTOP_ENTRY,
            _clipped(title, TITLE_MAX),
            _escaped(body) if "body-markup" in self._capabilities else body,
            actions,
            self._hints(view),
            0 if view.stays_s is None else round(view.stays_s * 1000),
        ]
        self._showing += 1
        try:
            reply = await self._asked("Notify", "susssasa{sv}i", content)
        except ToastFailedError:
            self._shown(None)
            raise
        if self._owner not in {None, reply.sender}:
            # It fell before its answer was read: the number is nobody's, and the toast went with it.
            self._shown(None)
            self._adrift[view.id] = view
            if self._reading is None or self._reading.done():
                self._look_for_successor()
            return "system"
        number = int(reply.body[0])
        self._ids[view.id] = number
        self._views[view.id] = view
        self._adrift.pop(view.id, None)
        self._late.pop(number, None)
        self._shown(number)
        return "system"

    def _shown(self, number: int | None) -> None:
        """One call less under way; what a person did with this toast before its number was known happens now."""
        self._showing -= 1
        early = self._early.pop(number, []) if number is not None else []
        if not self._showing:
            self._early.clear()
        for happened in early:
            happened()

    async def withdraw(self, toast_id: str) -> None:
        """Take it away; one that the user has closed already is nothing."""
        number = self._ids.pop(toast_id, None)
        self._views.pop(toast_id, None)
        self._adrift.pop(toast_id, None)
        if number is not None:
            self._keep_late(number, toast_id)
            with contextlib.suppress(ToastFailedError):
                await self._call("CloseNotification", "u", [number])

    def _hints(self, view: ToastView) -> dict[str, Variant]:
        urgency = 2 if view.urgent else _URGENCY[view.priority or "normal"]
        hints = {
            "urgency": Variant("y", urgency),
            "desktop-entry": Variant("s", DESKTOP_ENTRY),
            "category": Variant("s", "im.received"),
        }
        if any(action in {"claim", "retry"} for action, _ in view.buttons):
            # Stays up while the claim runs, so that the outcome replaces it in place.
            hints["resident"] = Variant("b", True)
        if view.sound and self.sound_file is None:
            hints["sound-name"] = Variant("s", "message-new-instant")
        elif view.sound and self.sound_file is not None and (path := self.sound_file(view)) is not None:
            hints["sound-file"] = Variant("s", str(path))
        else:
            hints["suppress-sound"] = Variant("b", True)
        return hints

    async def _read_capabilities(self) -> None:
        try:
            answer = await self._call("GetCapabilities", "", [])
            self._capabilities = frozenset(str(item) for item in answer[0])
        except ToastFailedError as exc:
            self._capabilities = frozenset()
            _LOG.info("no notification service: %s", exc)
        else:
            _LOG.info("notification service with %s", ", ".join(sorted(self._capabilities)))

    async def _call(self, member: str, signature: str, body: list[Any], **at: str) -> list[Any]:
        return list((await self._asked(member, signature, body, **at)).body)

    async def _asked(
        self,
        member: str,
        signature: str,
        body: list[Any],
        *,
        to: str = NAME,
        path: str = PATH,
        interface: str = NAME,
    ) -> Message:
        if self._bus is None or not self._bus.connected:
            raise ToastFailedError("no session bus")
        message = Message(destination=to, path=path, interface=interface, member=member, signature=signature, body=body)
        try:
            async with asyncio.timeout(ANSWER_S):
                reply = await self._bus.call(message)
        except TimeoutError as exc:
            raise ToastFailedError("the notification service did not answer") from exc
        except (OSError, EOFError, DBusError) as exc:
            raise ToastFailedError("the notification service is gone") from exc
        if reply.message_type is not MessageType.METHOD_RETURN:
            raise ToastFailedError(f"the notification service refused: {reply.error_name}")
        return reply

    def _on_message(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        match message.member, message.body:
            case "ActionInvoked", [int(number), str(key)]:
                self._pressed(number, key)
            case "NotificationClosed", [int(number), int()]:
                self._closed(number)
            case "NameOwnerChanged", [str(name), _, str(owner)] if name == NAME:
                self._owner_changed(owner)
            case _:
                pass

    def _pressed(self, number: int, key: str) -> None:
        # Who pressed in the moment in which the toast went, or in the desktop's history, is told what became of it.
        toast_id = self._toast_of(number) or self._late.pop(number, None)
        if toast_id is None:
            self._keep_early(number, partial(self._pressed, number, key))
            return
        if key == "default":
            self._listener.toast_pressed(toast_id, self._defaults.get(toast_id, "view"))
            return
        for action in _ACTIONS:
            if action == key:
                self._listener.toast_pressed(toast_id, action)

    def _closed(self, number: int) -> None:
        toast_id = self._toast_of(number)
        if toast_id is not None:
            del self._ids[toast_id]
            self._views.pop(toast_id, None)
            self._keep_late(number, toast_id)
            self._listener.toast_closed(toast_id)
        else:
            self._keep_early(number, partial(self._closed, number))

    def _keep_early(self, number: int, happened: Callable[[], None]) -> None:
        """The service's word on a toast can come before its answer with the toast's number: an app under load."""
        if self._showing:
            self._early.setdefault(number, []).append(happened)

    def _keep_late(self, number: int, toast_id: str) -> None:
        self._late[number] = toast_id
        for old in list(self._late)[:-LATE_KEPT]:
            del self._late[old]

    def _owner_changed(self, owner: str) -> None:
        self._owner = owner
        self._adrift |= {toast_id: self._views[toast_id] for toast_id in self._ids}
        self._ids.clear()
        self._views.clear()
        self._late.clear()
        self._capabilities = frozenset()
        if self._reading is not None:
            self._reading.cancel()
        self._look_for_successor()

    def _look_for_successor(self) -> None:
        self._reading = asyncio.get_running_loop().create_task(self._succeed())

    async def _succeed(self) -> None:
        """Another service is there, or none comes: nobody has acted on what the former one showed."""
        if self._owner:
            await self._read_capabilities()
        elif self.lost is not None:
            await asyncio.sleep(SUCCESSOR_S)
        adrift, self._adrift = list(self._adrift.values()), {}
        if self.lost is not None:
            self.lost(adrift)
            return
        for view in adrift:
            self._listener.toast_closed(view.id)

    def _toast_of(self, number: int) -> str | None:
        return next((toast_id for toast_id, known in self._ids.items() if known == number), None)


def _default_action(view: ToastView) -> ToastAction | None:
    """What a press on the body does: look, never claim."""
    offered = [action for action, _ in view.buttons]
    return next((action for action in ("view", "open_queue") if action in offered), None) or next(iter(offered), None)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clipped(text: str, most: int) -> str:
    """Without control characters, and not longer than a toast can show."""
    clean = "".join(char for char in text if char == "\n" or char.isprintable())
    return clean if len(clean) <= most else f"{clean[: most - 1]}…"
