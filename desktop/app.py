"""Puts the app together: Qt and asyncio in one loop, the rules in the middle, the world around them.

Order of the start: the lock of the profile, the icon (so that it is seen within a second), then what takes time: the
network libraries, the keyring, the connection. Only one `Desk` (server, token, controller) lives at a time; signing in
makes a new one.
"""

import asyncio
import contextlib
import logging
import platform
import signal
import sys
from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QUrl, qVersion
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication

from backend.contract.vocabulary import ROLE_LABEL
from desktop import logs
from desktop.core.ports import ApiError
from desktop.core.views import TrayView
from desktop.first_sign_in import FirstSignIn
from desktop.platform.keyring_store import KeyringStore
from desktop.platform.single_instance import SingleInstance
from desktop.platform.toast_router import LateListener, ToastRouter, WindowPort
from desktop.platform.trace import FileTrace
from desktop.platform.tray_host import TrayHost
from desktop.screen import QtScreen, Wishes
from desktop.settings import Settings, SettingsError, server_address
from desktop.ui.theme import apply_theme
from desktop.version import version

if TYPE_CHECKING:
    from desktop.desk import Desk
    from desktop.platform.attention import Attention
    from desktop.ui.about import AboutWindow

_LOG: Final = logging.getLogger(__name__)
STOP_WITHIN_S: Final = 3.0
NO_ANSWER: Final = 1


def run(settings: Settings, token: str | None) -> int:
    """Run until quit, SIGTERM or SIGINT; answers the exit code."""
    logs.set_up(settings)
    settings.store.tell_trouble()
    # Qt takes its own arguments out of argv; ours are read already.
    app = QApplication(sys.argv[:1])
    app.setApplicationName("flowpilot-tray")
    app.setApplicationDisplayName("FlowPilot Escalations")
    app.setDesktopFileName("flowpilot-tray")
    app.setQuitOnLastWindowClosed(False)
    instance = SingleInstance(settings.profile)
    program = App(app, settings, token)
    if not instance.claim(program.raised_from_outside):
        if instance.ask_first_to_raise():
            return 0
        sys.stderr.write("flowpilot-tray: it runs already, but does not answer; use its icon in the tray\n")
        return NO_ANSWER
    try:
        program.show_icon()
        import qasync  # noqa: PLC0415 - after the icon

        with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
            runner.run(program.main())
    finally:
        instance.release()
    return program.exit_code


class App:
    """One running app."""

    def __init__(self, app: QApplication, settings: Settings, token: str | None) -> None:
        self._app = app
        self._settings = settings
        self._token = token
        self._trace = FileTrace(settings.events_path)
        self._quit = asyncio.Event()
        self._listener = LateListener()
        self._router: ToastRouter | None = None
        self._attention: Attention | None = None
        self._cover: str | None = None
        self._desk: Desk | None = None
        self._about: AboutWindow | None = None
        self._kept = "Not signed in"
        self._screen: QtScreen | None = None
        self._tray_host: TrayHost | None = None
        self._work: set[asyncio.Task[None]] = set()
        self._raise_wanted = False
        self.exit_code = 0

    def show_icon(self) -> None:
        """First thing on the screen."""
        apply_theme(self._app)
        self._screen = QtScreen(
            self._app, Wishes(sign_in=self._sign_in_asked, about=self._about_asked, quit=self._quit.set)
        )
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

    def raised_from_outside(self) -> None:
        """A second start asks for the window."""
        if self._screen is None or self._desk is None:
            # Still starting: what to show is known once the keyring has answered.
            self._raise_wanted = True
        elif self._token is None:
            self._screen.ask_sign_in()
        else:
            self._screen.raise_window()

    async def main(self) -> None:
        """From the icon to the end."""
        self._catch_signals()
        # One turn of the loop first: the icon is painted before the network libraries are read.
        await asyncio.sleep(0)
        self._start_toasts()
        try:
            await self._first_desk()
            if self._raise_wanted:
                self.raised_from_outside()
            await self._quit.wait()
        finally:
            await self._stop()

    # -- signing in --------------------------------------------------------------------------------------------------

    async def _first_desk(self) -> None:
        server, watcher = self._settings.server, None
        if server is not None and self._token is not None:
            accepted = partial(self._accepted, server, self._token)
            watcher = FirstSignIn(server, accepted=accepted, give_up=self._give_up)
        elif server is not None:
            self._token = await KeyringStore(server, self._settings.profile).load()
        self._kept = "System keyring" if self._token else "Not signed in"
        self._new_desk(server or "", self._token, watcher)
        if self._token is None and self._screen is not None:
            self._screen.ask_sign_in()

    def _accepted(self, server: str, token: str) -> None:
        """The token from standard input is good; an earlier one in the keyring is replaced only now."""
        self._settings.remember(server)
        self._start(self._keep(server, token, notice=False))

    def _give_up(self, code: int) -> None:
        self.exit_code = code
        self._quit.set()

    def _sign_in_asked(self, server: str, token: str) -> None:
        self._start(self._sign_in(server, token))

    async def _sign_in(self, typed: str, token: str) -> None:
        from desktop.desk import sign_in_error, who_is  # noqa: PLC0415 - after the icon

        screen = self._screen
        if screen is None:
            return
        screen.sign_in_busy()
        try:
            server = server_address(typed if "://" in typed else f"https://{typed}")
            await who_is(server, token, self._settings.ca_file)
        except SettingsError as exc:
            screen.sign_in_failed(f"{exc}."[:1].upper() + f"{exc}."[1:])
            return
        except (ApiError, OSError) as exc:
            _LOG.info("sign-in failed: %s", type(exc).__name__)
            screen.sign_in_failed(sign_in_error(exc))
            return
        self._settings.remember(server)
        if self._desk is not None:
            await self._desk.stop()
        self._token = token
        self._new_desk(server, token)
        screen.signed_in()
        screen.raise_window()
        await self._keep(server, token, notice=True)

    async def _keep(self, server: str, token: str, *, notice: bool) -> None:
        """Into the keyring, or say that it is not."""
        if await KeyringStore(server, self._settings.profile).save(token):
            self._kept = "System keyring"
            return
        self._kept = "In memory until you quit: this computer has no keyring that can be used"
        _LOG.warning("no usable keyring: the sign-in lasts until the app ends")
        if notice and self._desk is not None:
            self._desk.controller.notice("Signed in until you quit", "This computer has no keyring that can be used.")
        elif not notice:
            sys.stderr.write("flowpilot-tray: no usable keyring here; the sign-in lasts until the app ends\n")

    def _new_desk(self, server: str, token: str | None, watcher: FirstSignIn | None = None) -> None:
        from desktop.desk import Desk  # noqa: PLC0415 - after the icon

        if self._screen is None or self._router is None:
            raise RuntimeError("the screen comes first")
        self._screen.server = server
        try:
            desk = Desk(
                server=server,
                token=token,
                ca_file=self._settings.ca_file,
                screen=self._screen,
                toasts=self._router,
                trace=self._trace,
                watcher=watcher,
            )
        except OSError as exc:
            raise SystemExit(f"flowpilot-tray: the CA file cannot be used: {exc}") from exc
        self._desk = desk
        desk.controller.cover(self._cover)
        self._listener.target = self._screen.controller = desk.controller
        desk.start()

    # -- toasts ------------------------------------------------------------------------------------------------------

    def _start_toasts(self) -> None:
        system = None
        if sys.platform == "linux":
            from desktop.platform.attention import Attention  # noqa: PLC0415 - Linux only, after the icon
            from desktop.platform.notifications import SystemToasts  # noqa: PLC0415 - the same

            system = SystemToasts(self._listener)
            self._attention = Attention(self._covered)
        self._router = router = ToastRouter(system, self._toast_window)
        self._start(self._watch_and_route(router))

    async def _watch_and_route(self, router: ToastRouter) -> None:
        """Toasts wait for the router: whether the first can be seen is known before it is shown."""
        if self._attention is not None:
            await self._attention.start()
        await router.start()

    def _covered(self, reason: str | None) -> None:
        self._cover = reason
        if self._desk is not None:
            self._desk.controller.cover(reason)

    def _toast_window(self) -> WindowPort:
        from desktop.ui.toast_window import ToastStack  # noqa: PLC0415 - only where the system has no buttons

        stack = ToastStack()
        stack.pressed.connect(self._listener.toast_pressed)
        stack.closed.connect(self._listener.toast_closed)
        stack.shown.connect(self._listener.toast_came_up)
        stack.failed.connect(self._toast_failed)
        return stack

    def _toast_failed(self, toast_id: str) -> None:
        if self._router is not None:
            self._listener.toast_failed(toast_id, self._router.why_unseen(toast_id))

    # -- about, quit -------------------------------------------------------------------------------------------------

    def _about_asked(self) -> None:
        from desktop.ui.about import AboutWindow  # noqa: PLC0415 - made on first need

        if self._about is None:
            self._about = AboutWindow([])
            self._about.open_logs_requested.connect(self._open_logs)
        self._about.show_rows(self._about_rows())
        self._about.show()
        self._about.raise_()
        self._about.activateWindow()

    def _about_rows(self) -> list[tuple[str, str]]:
        controller = self._desk.controller if self._desk is not None else None
        me = controller.me if controller is not None else None
        return [
            ("Version", version()),
            ("Server", (self._screen.server if self._screen else "") or "None yet"),
            ("Signed in as", f"{me.name}, {ROLE_LABEL[me.role]}" if me else "Nobody"),
            ("Sign-in kept", self._kept),
            ("Connection", controller.connection_words if controller else "None"),
            ("Notifications", self._router.words if self._router else "None"),
            ("Tray", "Yes" if self._screen and self._screen.tray.available else "This desktop has no tray"),
            (
                "System",
                f"{platform.system()} {platform.release()}, Qt {qVersion()}, Python {platform.python_version()}",
            ),
            ("Profile", self._settings.profile),
            ("Log", str(self._settings.log_path)),
        ]

    def _open_logs(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._settings.folder)))

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            # Windows loops have no signal handlers; there the default action ends the app.
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, self._quit.set)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._done)

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
                if self._router is not None:
                    await self._router.stop()
                if self._attention is not None:
                    await self._attention.stop()
        except TimeoutError:
            _LOG.warning("some connections did not close in time")
        if self._screen is not None:
            self._screen.close()
        self._trace.close()
