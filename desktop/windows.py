"""The windows beside the queue: settings, about and diagnostics, the first run. Each is made when it is asked for."""

import asyncio
import logging
import os
import platform
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, QStandardPaths, QTimer, QTimeZone, QUrl, qVersion
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from backend.contract.vocabulary import ROLE_LABEL
from desktop import applied
from desktop.core import words
from desktop.core.ports import ApiError
from desktop.core.trial import NAMES
from desktop.settings import Settings

if TYPE_CHECKING:
    from desktop.core.controller import Controller
    from desktop.core.views import ProbeStep
    from desktop.desk import Desk
    from desktop.platform.autostart import Autostart
    from desktop.platform.scheme import LinkHandler
    from desktop.platform.sound import Player
    from desktop.platform.toast_router import ToastRouter
    from desktop.ui.about import AboutWindow
    from desktop.ui.first_run import FirstRunWindow
    from desktop.ui.settings_page import Facts
    from desktop.ui.settings_window import SettingsWindow
    from desktop.updates.watch import Updates

_LOG: Final = logging.getLogger(__name__)
FRESH_MS: Final = 1000
NOT_CHECKED: Final = "Not checked for updates yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """The app, as these windows see it. `daemon_sounds` says whether the notification service can sound."""

    settings: Settings
    player: "Player"
    autostart: Callable[[], "Autostart"]
    links: Callable[[], "LinkHandler"]
    desk: Callable[[], "Desk | None"]
    router: Callable[[], "ToastRouter | None"]
    daemon_sounds: Callable[[], bool]
    cover: Callable[[], str | None]
    tray: Callable[[], bool]
    server: Callable[[], str]
    updates: Callable[[], "Updates | None"]
    kept: Callable[[], str]
    start: Callable[[Coroutine[Any, Any, None]], object]
    ask_sign_in: Callable[[], None]
    sign_out: Callable[[], None]
    show_test: Callable[[tuple["ProbeStep", ...]], None]
    hotkey_trouble: Callable[[], str]


class Windows(QObject):
    """See the module."""

    def __init__(self, around: Around) -> None:
        super().__init__()
        self._around = around
        self._settings: SettingsWindow | None = None
        self._about: AboutWindow | None = None
        self._first: FirstRunWindow | None = None
        self._testing = False
        self._certificate = ""
        self._updates = ""
        self._who: object = None
        self._fresh = QTimer(self, interval=FRESH_MS)
        self._fresh.timeout.connect(self._tick)

    # -- opening -----------------------------------------------------------------------------------------------------

    def open_settings(self, section: int | None = None) -> None:
        """The settings, in front; `section` as `SettingsWindow.open_section` counts them."""
        if self._settings is None:
            from desktop.ui.settings_window import SettingsWindow  # noqa: PLC0415 - made on first need

            self._settings = window = SettingsWindow(self._around.settings.store, self._facts())
            window.sign_out_requested.connect(self._around.sign_out)
            window.sign_in_requested.connect(self._around.ask_sign_in)
            window.test_requested.connect(self.send_test)
            window.sound_requested.connect(lambda: self._around.player.ring(2))
            window.autostart_requested.connect(self._ask_autostart)
            window.connection_test_requested.connect(self.test_connection)
            window.about_requested.connect(self.open_about)
        self._settings.show_facts(self._facts())
        if section is not None:
            self._settings.open_section(section)
        self._show(self._settings)

    def facts_changed(self) -> None:
        """What the settings show beside themselves has changed."""
        if self._settings is not None:
            self._settings.show_facts(self._facts())

    def open_about(self) -> None:
        """About and diagnostics, in front."""
        if self._about is None:
            from desktop.ui.about import AboutWindow  # noqa: PLC0415 - made on first need

            self._about = window = AboutWindow([], self._diagnostics)
            window.open_logs_requested.connect(self._open_logs)
            window.connection_test_requested.connect(self.test_connection)
            window.test_requested.connect(self.send_test)
            window.save_requested.connect(lambda: self._around.start(self._save()))
            window.updates_requested.connect(lambda: self._around.start(self._check_version()))
        self._refresh()
        self._show(self._about)

    def entered(self) -> None:
        """Somebody has signed in by hand; the first time on this computer that is where the first run goes on."""
        if not self._around.settings.store.flag("set_up") and self._first is None:
            # After the queue window, which the sign-in brings to the front.
            QTimer.singleShot(0, self, self._first_run)

    def _first_run(self) -> None:
        from desktop.ui.first_run import LOOK, FirstRunWindow  # noqa: PLC0415 - once in the life of a computer
        from desktop.ui.first_run_help import system_key  # noqa: PLC0415 - the same

        self._first = window = FirstRunWindow(
            self._around.settings.store,
            system_key(sys.platform, os.environ.get("XDG_CURRENT_DESKTOP", "")),
            tray=self._around.tray(),
            autostart=self._autostart_state()[0] or self._around.settings.store.flag("start_at_login"),
        )
        window.look_requested.connect(self.send_test)
        window.sign_in_requested.connect(self._around.ask_sign_in)
        window.autostart_requested.connect(self._ask_autostart)
        window.finished.connect(self._set_up)
        window.show_person(self._around.server())
        window.show_step(LOOK)
        self._show(window)

    def close(self) -> None:
        """Take them off the screen."""
        self._fresh.stop()
        for window in (self._settings, self._about, self._first):
            if window is not None:
                window.close()

    # -- the test notification ---------------------------------------------------------------------------------------

    def send_test(self) -> None:
        """By way of the server; every window that can shows how far it has come."""
        if (controller := self._controller()) is not None:
            controller.trial.listener = self._test_heard
            controller.test_notification()

    def _test_heard(self, steps: "tuple[ProbeStep, ...]", running: bool) -> None:  # noqa: FBT001 - the trial's listener
        self._around.show_test(steps)
        if self._about is not None:
            self._about.show_test(steps, running=running)
        if self._settings is not None:
            self._settings.notifications.show_test(steps, running=running)
        if self._first is not None and not running and steps:
            self._tell_first(steps)

    def _tell_first(self, steps: "tuple[ProbeStep, ...]") -> None:
        if self._first is None:
            return
        now = words.clock_seconds(datetime.now().astimezone())
        router = self._around.router()
        shown = next((step for step in steps if step.name == NAMES[2]), steps[-1])
        trouble = next((step for step in steps if step.state == "bad"), None)
        if (cover := self._around.cover()) is not None:
            text = "The system holds notifications back. Nothing is shown until that ends."
            self._first.show_result(f"{cover[:1].upper()}{cover[1:]}", text, good=False)
        elif shown.state == "bad":
            self._first.show_result("The notification did not come up", f"{shown.words}.", good=False)
        elif trouble is not None:
            text = f"{trouble.name}: {trouble.words}."
            self._first.show_result("Shown, but it did not come from the server", text, good=False)
        elif router is not None and router.by_system:
            self._first.show_result(
                "Notifications are allowed", f"The system took the notification at {now}.", good=True
            )
        else:
            text = f"The system shows no buttons, so it came up in a window of FlowPilot's own at {now}."
            self._first.show_result("Notifications are shown", text, good=True)

    def _set_up(self) -> None:
        self._first = None
        try:
            self._around.settings.store.set("set_up", value=True)
        except OSError as exc:
            _LOG.warning("the first run will come again: %s", exc.strerror)

    # -- start at login ----------------------------------------------------------------------------------------------

    def _ask_autostart(self, on: bool) -> None:  # noqa: FBT001 - a signal's argument
        try:
            self._around.autostart().set(on=on)
            if on:
                # The installer does it for everyone; without one, who starts at login has links that lead here too.
                self._around.links().register()
        except OSError as exc:
            _LOG.warning("start at login could not be changed: %s", exc.strerror)
            if self._settings is not None:
                self._settings.say(f"Not changed: {(exc.strerror or 'the system refused').lower()}.")
        if self._settings is not None:
            self._settings.show_facts(self._facts())

    def _autostart_state(self) -> tuple[bool, str]:
        try:
            state = self._around.autostart().state()
        except OSError as exc:
            return False, f"Not known: {exc.strerror}"
        return state.on, state.held_by or ""

    # -- the connection test -----------------------------------------------------------------------------------------

    def test_connection(self) -> None:
        """Run it, and show each step in whichever window is open."""
        if not self._testing:
            self._testing = True
            self._around.start(self._test())

    async def _test(self) -> None:
        steps: tuple[ProbeStep, ...] = ()
        try:
            desk = self._around.desk()
            if desk is not None and self._around.server():
                probe = desk.probe()
                async for steps in probe.run():
                    self._show_steps(steps, running=True)
                self._certificate = probe.certificate
        finally:
            self._testing = False
            self._show_steps(steps, running=False)
            if self._settings is not None:
                self._settings.show_facts(self._facts())

    def _show_steps(self, steps: "tuple[ProbeStep, ...]", *, running: bool) -> None:
        if self._about is not None:
            self._about.show_steps(steps, running=running)
        if self._settings is not None:
            self._settings.connection.test.show_steps(steps, running=running)

    # -- what is told ------------------------------------------------------------------------------------------------

    def _facts(self) -> "Facts":
        from desktop.platform.browser import browsers  # noqa: PLC0415 - with the window
        from desktop.platform.hotkey import why_not  # noqa: PLC0415 - the same
        from desktop.ui.settings_page import Facts  # noqa: PLC0415 - the same

        self._who = self._signed_in_as()
        controller = self._controller()
        me = controller.me if controller else None
        on, held = self._autostart_state()
        return Facts(
            name=me.name if me else "",
            role=ROLE_LABEL[me.role] if me else "",
            server=self._around.server(),
            device=platform.node() or "Unnamed computer",
            kept=self._around.kept(),
            zone=_zone(),
            certificate=self._certificate_words(),
            proxy=applied.proxy(self._around.settings.store).words(self._around.server()),
            sound=self._sound_trouble(),
            signed_in=me is not None,
            tray=self._around.tray(),
            autostart=on,
            autostart_held=held,
            browsers=browsers(),
            hotkey=why_not(),
            hotkey_trouble=self._around.hotkey_trouble(),
        )

    def _certificate_words(self) -> str:
        server = self._around.server()
        if server.startswith("http://"):
            return "The connection is not encrypted."
        return self._certificate or "Run the connection test to read it."

    def _sound_trouble(self) -> str:
        player = self._around.player
        if player.plays:
            return ""
        if self._around.daemon_sounds():
            return f"{player.words}. The notification service plays the sound instead."
        return f"{player.words}, and the notification service has no sound. Nothing can be heard here."

    def _rows(self) -> list[tuple[str, str]]:
        from desktop import diagnostics  # noqa: PLC0415 - with the window

        around, controller = self._around, self._controller()
        router = around.router()
        player = around.player
        return diagnostics.rows(
            controller,
            diagnostics.Around(
                server=around.server(),
                kept=around.kept(),
                toasts=router.words if router else "None",
                sound=player.words if player.plays else self._sound_trouble(),
                tray="Yes" if around.tray() else "This desktop has no tray",
                proxy=applied.proxy(around.settings.store).words(around.server()),
                qt=f"Qt {qVersion()}",
                log=str(around.settings.log_path),
                profile=around.settings.profile,
                test_shown=controller.trial.shown_at if controller else None,
            ),
        )

    def _diagnostics(self, steps: "Sequence[ProbeStep]") -> str:
        from desktop import diagnostics  # noqa: PLC0415 - with the window

        return diagnostics.text(self._rows(), steps, self._around.settings.store, self._controller())

    async def _save(self) -> None:
        from desktop.diagnostics_zip import save  # noqa: PLC0415 - when it is asked for

        window, controller = self._about, self._controller()
        if window is None:
            return
        place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DownloadLocation)
        folder, logs = Path(place) if place else self._around.settings.folder, self._around.settings.folder
        told, private = self._diagnostics(window.test.steps), controller.private if controller else []
        try:
            path = await asyncio.to_thread(save, folder, told, logs, private, datetime.now().astimezone())
        except OSError as exc:
            window.say(f"Not saved: {(exc.strerror or 'the system refused').lower()}.")
        else:
            window.say(f"Saved as {path}. It holds no tokens, customer names or conversation text.")

    async def _check_version(self) -> None:
        desk, updates = self._around.desk(), self._around.updates()
        clock = words.clock(datetime.now().astimezone())
        self._updates = "Checking"
        self._refresh()
        try:
            needed = await desk.newer_version() if desk is not None and self._around.server() else None
        except ApiError:
            self._updates = f"Not checked: your server did not answer at {clock}"
        else:
            works = f"Works with your server, checked today {clock}"
            self._updates = f"Your server needs version {needed}. Ask whoever runs FlowPilot" if needed else works
            if updates is not None and updates.possible and not needed:
                await updates.look()
                self._updates = ""
        self._refresh()

    def _tick(self) -> None:
        """While one of them is seen: what has changed by itself."""
        about, settings = (each is not None and each.isVisible() for each in (self._about, self._settings))
        if about:
            self._refresh()
        if settings and self._signed_in_as() != self._who:
            self.facts_changed()
        if not about and not settings:
            self._fresh.stop()

    def _signed_in_as(self) -> object:
        controller = self._controller()
        return controller.me if controller else None, self._around.server(), self._around.kept()

    def _refresh(self) -> None:
        """The rows as they are now."""
        window = self._about
        if window is None:
            return
        controller = self._controller()
        if controller is not None:
            controller.check_up()
        window.show_rows(self._rows(), live=controller.vitals.live if controller else False)
        managed = self._around.settings.store.words("organisation")
        updates = self._around.updates()
        known = self._updates or (updates.words if updates is not None else "")
        by = f"Managed by {managed}" if managed else ""
        window.show_update(". ".join(part for part in (by, known) if part) or NOT_CHECKED, can_check=not managed)

    def _open_logs(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._around.settings.folder)))

    def _controller(self) -> "Controller | None":
        desk = self._around.desk()
        return desk.controller if desk is not None else None

    def _show(self, window: QWidget) -> None:
        window.show()
        window.raise_()
        window.activateWindow()
        if window is not self._first:
            self._fresh.start()


def _zone() -> str:
    """`Europe/London, 10:46 now`."""
    name = bytes(QTimeZone.systemTimeZoneId().data()).decode()
    return f"{name}, {words.clock(datetime.now().astimezone())} now"
