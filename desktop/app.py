"""Puts the app together: Qt and asyncio in one loop, the rules in the middle, the world around them.

Order of the start: the lock of the profile, the icon (so that it is seen within a second), then what takes time: the
network libraries, the keyring, the connection. Only one `Desk` (server, token, controller) lives at a time; signing in
makes a new one.
"""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtWidgets import QApplication

from desktop import logs
from desktop.applied import Applied, Choices, proxy, theme
from desktop.bell import Bell
from desktop.core.alerting import Alerting
from desktop.core.ports import SignInWatcher
from desktop.core.views import TrayView
from desktop.crash import CrashWatch, watch_errors
from desktop.net.proxy import ProxyChoice
from desktop.platform.meeting import Errand
from desktop.platform.memory import Thrift
from desktop.platform.settings_watch import SettingsWatch
from desktop.platform.single_instance import SingleInstance
from desktop.platform.threads import Threads
from desktop.platform.trace import FileTrace
from desktop.platform.tray_host import TrayHost
from desktop.screen import QtScreen, Wishes
from desktop.settings import Settings
from desktop.settings.alerting import alerting
from desktop.signing_in import Credential, SigningIn
from desktop.ui.theme import ThemeChoice, apply_theme

if TYPE_CHECKING:
    from desktop.desk import Desk
    from desktop.platform.autostart import Autostart
    from desktop.platform.hotkey import Hotkey
    from desktop.platform.scheme import LinkHandler
    from desktop.platform.surroundings import Surroundings
    from desktop.updates.watch import Updates
    from desktop.windows import Windows

_LOG: Final = logging.getLogger(__name__)
STOP_WITHIN_S: Final = 0.7
"""The user is gone within a second, whatever hangs. A refresh token that was not kept in time is still good: ADR 8."""
NO_ANSWER: Final = 1


def run(settings: Settings, token: str | None, errand: Errand) -> int:
    """Run until quit, SIGTERM or SIGINT; answers the exit code. `errand` is what was asked for with the start."""
    logs.set_up(settings)
    watch_errors()
    settings.store.tell_trouble()
    if sys.platform == "win32":
        from desktop.platform.windows_identity import take  # noqa: PLC0415 - there only

        take()
    # Qt takes its own arguments out of argv; ours are read already.
    app = QApplication(sys.argv[:1])
    app.setApplicationName("flowpilot-tray")
    app.setApplicationDisplayName("FlowPilot Escalations")
    app.setDesktopFileName("flowpilot-tray")
    app.setQuitOnLastWindowClosed(False)
    instance = SingleInstance(settings.profile)
    program = App(app, settings, token)
    if not instance.claim(program.asked_from_outside):
        if instance.hand_over(errand):
            return 0
        sys.stderr.write("flowpilot-tray: it runs already, but does not answer; use its icon in the tray\n")
        return NO_ANSWER
    try:
        program.show_icon()
        if errand.handoff_id is not None:
            program.asked_from_outside(errand)
        import qasync  # noqa: PLC0415 - after the icon

        def loop() -> asyncio.AbstractEventLoop:
            made: asyncio.AbstractEventLoop = qasync.QEventLoop(app)
            made.set_default_executor(Threads())
            return made

        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(program.main())
    finally:
        instance.release()
    if program.upgraded:
        from desktop.platform.renewed import start_again  # noqa: PLC0415 - after an upgrade

        start_again(sys.argv[1:])
    return program.exit_code


class App:
    """One running app."""

    def __init__(self, app: QApplication, settings: Settings, token: str | None) -> None:
        self._app = app
        self._settings = settings
        self._first_token = token
        self._trace = FileTrace(settings.events_path)
        self._quit = asyncio.Event()
        self._crash = CrashWatch(settings.folder)
        self._surroundings: Surroundings | None = None
        self._desk: Desk | None = None
        self._bell = Bell(settings.folder / "sounds", self._covered)
        self._bell.listener.own["diagnostics"] = lambda: self._windows_asked().open_about()
        self._windows: Windows | None = None
        self._hotkey: Hotkey | None = None
        self._signing_in: SigningIn | None = None
        self._screen: QtScreen | None = None
        self._tray_host: TrayHost | None = None
        self._updates: Updates | None = None
        self._work: set[asyncio.Task[None]] = set()
        self._wanted: Errand | None = None
        self.exit_code = 0
        self.upgraded = False

    def show_icon(self) -> None:
        """First thing on the screen."""
        apply_theme(self._app, theme(self._settings.store))
        self._screen = QtScreen(
            self._app,
            Wishes(
                sign_in=lambda typed: self._tell_sign_in(lambda s: s.asked(typed)),
                open_page_again=lambda: self._tell_sign_in(SigningIn.open_again),
                cancel_sign_in=lambda: self._tell_sign_in(SigningIn.cancel),
                sign_out=self._sign_out_asked,
                entered=lambda: self._windows_asked().entered(),
                settings=lambda: self._windows_asked().open_settings(),
                network=lambda: self._windows_asked().open_settings(4),
                about=lambda: self._windows_asked().open_about(),
                test=lambda: self._windows_asked().send_test(),
                quit=self._quit.set,
            ),
        )
        self._signing_in = self._sign_in_parts()
        server = self._settings.server or ""
        text = f"connecting to {server}" if server else "signed out. Open to sign in"
        self._screen.show_tray(
            TrayView(
                state="reconnecting" if server else "signedOut",
                count=0,
                tooltip=f"FlowPilot: {text}",
                status_line=text.capitalize(),
            )
        )
        self._screen.tray.show()
        if sys.platform == "linux":
            self._tray_host = TrayHost(self._screen.tray.recreate)
        self._trace.mark("icon_visible", system=self._screen.tray.available)

    def asked_from_outside(self, errand: Errand) -> None:
        """A later start, a link or the global shortcut asks for the window."""
        if self._screen is None or self._desk is None or self._signing_in is None:
            # Still starting: what to show is known once the keyring has answered.
            self._wanted = errand
        elif not self._signing_in.signed_in:
            self._screen.ask_sign_in()
        else:
            self._screen.raise_window()
            if errand.handoff_id is not None:
                self._desk.controller.open_link(errand.handoff_id)

    async def main(self) -> None:
        """From the icon to the end."""
        self._catch_signals()
        self._crash.begin()
        # One turn of the loop first: the icon is painted before the network libraries are read.
        await asyncio.sleep(0)
        self._bell.make()
        self._start(self._bell.start())
        Applied(self._settings.store, self, self._autostart).begin()
        await self._watch_surroundings()
        SettingsWatch(self._settings.store, self._app)
        Thrift(self._app)
        self._make_updates()
        self._start(self._follow_upgrades())
        self._start(self._follow_updates())
        try:
            if self._signing_in is not None:
                await self._signing_in.begin(self._first_token)
            if self._wanted is not None:
                self.asked_from_outside(self._wanted)
            if self._crash.last is not None and self._desk is not None:
                self._desk.controller.fell(self._crash.last.began, self._crash.last.why)
            await self._quit.wait()
        finally:
            await self._stop()

    async def _follow_updates(self) -> None:
        """Look for newer versions; once one has taken this one's place: become it."""
        if self._updates is not None and await self._updates.run():
            self._become_the_new_one()

    def _become_the_new_one(self) -> None:
        self._trace.mark("upgraded")
        self.upgraded = True
        self._quit.set()

    def _make_updates(self) -> None:
        from desktop.updates.staging import own_folder  # noqa: PLC0415 - after the icon
        from desktop.updates.watch import Updates  # noqa: PLC0415 - the same

        settings, store = self._settings, self._settings.store
        self._updates = Updates(
            store,
            settings.folder.parent / "updates",
            ca_file=settings.ca_file,
            server=lambda: self._screen.server if self._screen is not None else "",
            proxy=lambda: proxy(store),
            busy=self._claiming,
            install=own_folder(),
        )

    def _claiming(self) -> bool:
        return self._desk is not None and self._desk.controller.claiming

    async def _follow_upgrades(self) -> None:
        """Once an installer has replaced this program: end, and become the new one; never during a claim."""
        from desktop.platform.renewed import LOOK_EVERY_S, Renewed, program_file  # noqa: PLC0415 - after the icon

        file = program_file()
        if file is None:
            return
        if sys.platform == "win32":
            self._start(self._make_way())
        renewed = Renewed(file)
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if renewed.look() and not self._claiming():
                break
        self._become_the_new_one()

    async def _make_way(self) -> None:
        """Windows: end when an installer asks for it; it starts the new one. Never during a claim."""
        from desktop.platform.make_way import LOOK_EVERY_S, is_asked  # noqa: PLC0415 - there only
        from desktop.settings.registry import WinRegistry  # noqa: PLC0415 - the same

        registry = WinRegistry()
        while not is_asked(registry) or self._claiming():  # noqa: ASYNC110 - another process asks
            await asyncio.sleep(LOOK_EVERY_S)
        self._trace.mark("made_way")
        self._quit.set()

    async def _watch_surroundings(self) -> None:
        from desktop.platform.clock import SystemClock  # noqa: PLC0415 - after the icon
        from desktop.platform.surroundings import Surroundings  # noqa: PLC0415 - the same

        self._surroundings = Surroundings(woke=self._woke, moved=self._moved, elapsed=SystemClock().elapsed)
        await self._surroundings.start()

    def _woke(self) -> None:
        if self._desk is not None:
            self._desk.controller.woke_up()

    def _moved(self, another_way: bool) -> None:  # noqa: FBT001 - a callback
        if self._desk is not None and another_way:
            self._desk.controller.woke_up()
        elif self._desk is not None:
            self._desk.controller.network_changed()

    # -- signing in --------------------------------------------------------------------------------------------------

    def _sign_in_parts(self) -> SigningIn:
        if self._screen is None:
            raise RuntimeError("the screen comes first")
        return SigningIn(
            self._settings,
            self._screen,
            open_desk=self._new_desk,
            desk=lambda: self._desk,
            start=self._start,
            give_up=self._give_up,
        )

    def _give_up(self, code: int) -> None:
        self.exit_code = code
        self._quit.set()

    def _tell_sign_in(self, command: Callable[[SigningIn], None]) -> None:
        if self._signing_in is not None:
            command(self._signing_in)

    def _sign_out_asked(self) -> None:
        if self._signing_in is not None:
            self._start(self._signing_in.sign_out())

    def _new_desk(self, credential: Credential, watcher: SignInWatcher) -> None:
        from desktop.desk import Desk  # noqa: PLC0415 - after the icon
        from desktop.platform.queue_file import QueueFile  # noqa: PLC0415 - the same

        if self._screen is None or self._bell.router is None or self._signing_in is None:
            raise RuntimeError("the screen comes first")
        self._screen.server = credential.server
        try:
            desk = Desk(
                credential=credential,
                save=self._signing_in.save,
                ca_file=self._settings.ca_file,
                screen=self._screen,
                toasts=self._bell.router,
                choices=self._choices(),
                trace=self._trace,
                watcher=watcher,
                shelf=QueueFile(self._settings.queue_path),
            )
        except OSError as exc:
            raise SystemExit(f"flowpilot-tray: the CA file cannot be used: {exc}") from exc
        self._desk = desk
        desk.controller.cover(self._bell.cover)
        self._bell.listener.target = self._screen.controller = desk.controller
        desk.start()

    def _covered(self, reason: str | None) -> None:
        if self._desk is not None:
            self._desk.controller.cover(reason)

    # -- what follows the settings -----------------------------------------------------------------------------------

    def wear(self, theme: ThemeChoice) -> None:
        """Colours."""
        apply_theme(self._app, theme)

    def alert_as(self, alerting: Alerting) -> None:
        """The rules of alerting."""
        if self._desk is not None:
            self._desk.controller.alert_as(alerting)

    def use_proxy(self, proxy: ProxyChoice) -> None:
        """The way to the server."""
        if self._desk is not None:
            self._desk.use_proxy(proxy)

    def set_hotkey(self, keys: str) -> None:
        """The global shortcut; empty for none."""
        if self._hotkey is None and keys:
            from desktop.platform.hotkey import Hotkey  # noqa: PLC0415 - off by default

            self._hotkey = Hotkey(lambda: self.asked_from_outside(Errand()))
        if self._hotkey is not None:
            works = self._hotkey.use(keys)
            if self._screen is not None:
                self._screen.tray.set_keys(keys if works else "")
        if self._windows is not None:
            self._windows.facts_changed()

    def set_window(self, *, letter_keys: bool, keep_in_tray: bool) -> None:
        """The queue window."""
        if self._screen is not None:
            self._screen.set_window(letter_keys=letter_keys, keep_in_tray=keep_in_tray)

    def _autostart(self) -> "Autostart":
        from desktop.platform.autostart import of_this_computer  # noqa: PLC0415 - with the settings window

        return of_this_computer(self._settings.profile)

    def _links(self) -> "LinkHandler":
        from desktop.platform.scheme import of_this_computer  # noqa: PLC0415 - with the settings window

        return of_this_computer(self._settings.profile)

    def _choices(self) -> Choices:
        store = self._settings.store
        return Choices(
            alerting=alerting(store),
            proxy=proxy(store),
            browser=lambda: store.words("browser"),
            sounds=self._bell.player,
        )

    # -- windows, quit -----------------------------------------------------------------------------------------------

    def _windows_asked(self) -> "Windows":
        if self._windows is None:
            screen, signing_in = self._screen, self._signing_in
            if screen is None or signing_in is None:
                raise RuntimeError("the screen comes first")
            from desktop.windows import Around, Windows  # noqa: PLC0415 - on first need

            self._windows = Windows(
                Around(
                    settings=self._settings,
                    player=self._bell.player,
                    autostart=self._autostart,
                    links=self._links,
                    desk=lambda: self._desk,
                    router=lambda: self._bell.router,
                    daemon_sounds=lambda: self._bell.daemon_sounds,
                    cover=lambda: self._bell.cover,
                    tray=lambda: screen.tray.available,
                    server=lambda: screen.server,
                    updates=lambda: self._updates,
                    kept=lambda: signing_in.kept,
                    start=self._start,
                    ask_sign_in=screen.ask_sign_in,
                    sign_out=self._sign_out_asked,
                    show_test=screen.show_test,
                    hotkey_trouble=lambda: self._hotkey.trouble if self._hotkey is not None else "",
                )
            )
        return self._windows

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            # Windows loops have no signal handlers; there the default action ends the app.
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, self._quit.set)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._work.discard(task)
        if not task.cancelled() and (exc := task.exception()) is not None:
            _LOG.error("background work failed", exc_info=exc)

    async def _stop(self) -> None:
        for task in list(self._work):
            task.cancel()
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                if self._desk is not None:
                    await self._desk.stop()
                await self._bell.stop()
                if self._surroundings is not None:
                    await self._surroundings.stop()
        except TimeoutError:
            _LOG.warning("some connections did not close in time")
        await self._bell.player.stop()
        if self._windows is not None:
            self._windows.close()
        if self._hotkey is not None:
            self._hotkey.close()
        if self._screen is not None:
            self._screen.close()
        self._crash.end()
        self._trace.close()
