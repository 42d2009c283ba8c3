"""Everything drawn, behind the rules' `Screen` port: windows are made on first need and get the newest views."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from desktop.core.presence import DndChoice
from desktop.core.views import DetailView, ProbeStep, QueueView, ToastAction, TrayView
from desktop.platform.memory import AFTER_OPEN_MS, release
from desktop.ui.tray import Tray

if TYPE_CHECKING:
    from desktop.core.controller import Controller
    from desktop.ui.dialogs import QuitDialog
    from desktop.ui.queue_window import QueueWindow
    from desktop.ui.sign_in import SignInWindow

_LOG: Final = logging.getLogger(__name__)
NO_TRAY_AFTER_MS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the user asks for that is not the controller's: signing in and out, the about window, quitting."""

    sign_in: Callable[[str], None]
    open_page_again: Callable[[], None]
    cancel_sign_in: Callable[[], None]
    sign_out: Callable[[], None]
    entered: Callable[[], None]
    settings: Callable[[], None]
    network: Callable[[], None]
    about: Callable[[], None]
    test: Callable[[], None]
    quit: Callable[[], None]


class QtScreen:
    """`desktop.core.ports.Screen` with Qt widgets. `controller` is set once there is one, and replaced at sign-in."""

    def __init__(self, app: QApplication, wishes: Wishes) -> None:
        self.controller: Controller | None = None
        self.server = ""
        self.tray = Tray(app)
        self._wishes = wishes
        self._window: QueueWindow | None = None
        self._sign_in: SignInWindow | None = None
        self._set_up_for = ""
        self._quit: QuitDialog | None = None
        self._queue: QueueView | None = None
        self._detail: DetailView | None = None
        self._letter_keys = self._keep_in_tray = True
        self.tray.toggle_queue.connect(self.toggle_window)
        self.tray.claim_next.connect(lambda handoff_id: self._tell(lambda c: c.claim(handoff_id, "menu")))
        self.tray.dnd_requested.connect(self._do_not_disturb)
        self.tray.settings_requested.connect(wishes.settings)
        self.tray.set_settings_available(True)
        self.tray.about_requested.connect(wishes.about)
        self.tray.quit_requested.connect(self.ask_quit)
        QTimer.singleShot(NO_TRAY_AFTER_MS, self.tray, self._without_tray)

    # -- the port ----------------------------------------------------------------------------------------------------

    def show_queue(self, view: QueueView) -> None:
        """Keep for a window that is not there yet, draw in one that is."""
        self._queue = view
        if self._window is not None:
            self._window.show_queue(view)

    def show_detail(self, view: DetailView | None) -> None:
        """The same for the right side."""
        self._detail = view
        if self._window is not None:
            self._window.show_detail(view)

    def show_tray(self, view: TrayView) -> None:
        """The icon."""
        self.tray.show_tray(view)

    def raise_window(self) -> None:
        """The queue window, in front."""
        self._queue_window().raise_window()

    def ask_sign_in(self) -> None:
        """The sign-in window, in front."""
        if self._sign_in is None:
            from desktop.ui.sign_in import SignInWindow  # noqa: PLC0415 - made on first need

            self._sign_in = SignInWindow(self.server)
            self._sign_in.show_set_up_for(self._set_up_for)
            self._sign_in.submitted.connect(self._wishes.sign_in)
            self._sign_in.open_again.connect(self._wishes.open_page_again)
            self._sign_in.stopped.connect(self._wishes.cancel_sign_in)
            self._sign_in.cancelled.connect(self._sign_in_closed)
            self._sign_in.network_requested.connect(self._wishes.network)
        self._sign_in.show()
        self._sign_in.raise_()
        self._sign_in.activateWindow()

    def set_window(self, *, letter_keys: bool, keep_in_tray: bool) -> None:
        """How the queue window answers keys and its close button."""
        self._letter_keys, self._keep_in_tray = letter_keys, keep_in_tray
        if self._window is not None:
            self._window.set_letter_keys(letter_keys)
            self._window.set_keep_in_tray(keep_in_tray)

    def show_test(self, steps: tuple[ProbeStep, ...]) -> None:
        """The test notification's hops, where the queue is empty."""
        if self._window is not None:
            self._window.show_test(steps)

    def copy_text(self, text: str) -> None:
        """To the clipboard."""
        QGuiApplication.clipboard().setText(text)

    # -- sign-in -----------------------------------------------------------------------------------------------------

    def sign_in_busy(self) -> None:
        """The server is being asked what it is."""
        if self._sign_in is not None:
            self._sign_in.show_busy()

    def sign_in_waiting(self, url: str, code: str, seconds: float) -> None:
        """The browser has the page now."""
        if self._sign_in is not None:
            self._sign_in.show_waiting(url, code, seconds)

    def sign_in_failed(self, text: str) -> None:
        """Say why, and let the user try again."""
        if self._sign_in is not None:
            self._sign_in.show_error(text)

    def sign_in_for(self, text: str) -> None:
        """Whom this computer is set up for."""
        self._set_up_for = text
        if self._sign_in is not None:
            self._sign_in.show_set_up_for(text)

    def signed_in(self) -> None:
        """Close the sign-in window."""
        window, self._sign_in = self._sign_in, None
        if window is not None:
            window.finish()
            window.deleteLater()
        self._wishes.entered()

    # -- window and tray ---------------------------------------------------------------------------------------------

    def toggle_window(self) -> None:
        """Left click on the icon: the window comes, or goes when it is in front; signed out, sign-in comes."""
        if self._queue is not None and self._queue.connection.state == "signed_out":
            self.ask_sign_in()
        elif self._window is not None and self._window.isVisible() and self._window.isActiveWindow():
            self._window.hide()
        else:
            self.raise_window()

    def ask_quit(self) -> None:
        """Who is on call is asked first; asked once more while the question is open, it comes to the front."""
        if self.controller is None or not self.controller.on_call:
            self._wishes.quit()
            return
        if self._quit is None:
            from desktop.ui.dialogs import QuitDialog  # noqa: PLC0415 - made on first need

            self._quit = QuitDialog()
            self._quit.setWindowFlag(Qt.WindowType.WindowStaysOnTopHint)
            self._quit.accepted.connect(self._wishes.quit)
            self._quit.finished.connect(self._quit_answered)
        self._quit.show()
        self._quit.raise_()
        self._quit.activateWindow()

    def _quit_answered(self, _result: int) -> None:
        self._quit = None

    def toast_pressed(self, toast_id: str, action: ToastAction) -> None:
        """A toast window of our own was pressed."""
        self._tell(lambda c: c.toast_pressed(toast_id, action))

    def close(self) -> None:
        """Take everything off the screen."""
        self.tray.hide()
        for window in (self._window, self._sign_in, self._quit):
            if window is not None:
                window.close()

    def _queue_window(self) -> "QueueWindow":
        if self._window is None:
            from desktop.ui.queue_window import QueueWindow  # noqa: PLC0415 - a third of the memory, on first need

            window = self._window = QueueWindow()
            # Making it touches much that showing it does not need.
            QTimer.singleShot(AFTER_OPEN_MS, window, release)
            window.set_tray_available(self.tray.available)
            window.set_settings_available(True)
            window.set_letter_keys(self._letter_keys)
            window.set_keep_in_tray(self._keep_in_tray)
            window.settings_requested.connect(self._wishes.settings)
            window.quit_requested.connect(self.ask_quit)
            window.selected.connect(lambda handoff_id: self._tell(lambda c: c.select(handoff_id)))
            window.claim_requested.connect(lambda handoff_id: self._tell(lambda c: c.claim(handoff_id, "window")))
            window.open_requested.connect(lambda handoff_id: self._tell(lambda c: c.open_session(handoff_id)))
            window.view_requested.connect(lambda handoff_id: self._tell(lambda c: c.view(handoff_id)))
            window.copy_link_requested.connect(lambda handoff_id: self._tell(lambda c: c.copy_link(handoff_id)))
            window.detail_retry_requested.connect(lambda handoff_id: self._tell(lambda c: c.retry_detail(handoff_id)))
            window.hand_back_requested.connect(self._hand_back)
            window.retry_requested.connect(lambda: self._tell(lambda c: c.retry()))
            window.sign_in_requested.connect(self.ask_sign_in)
            window.dnd_requested.connect(self._do_not_disturb)
            window.test_notification_requested.connect(self._wishes.test)
            if self._queue is not None:
                window.show_queue(self._queue)
            if self._detail is not None:
                window.show_detail(self._detail)
        return self._window

    def _tell(self, command: "Callable[[Controller], None]") -> None:
        if self.controller is not None:
            command(self.controller)

    def _hand_back(self, handoff_id: str, reason: str) -> None:
        self._tell(lambda c: c.hand_back(handoff_id, reason))

    def _do_not_disturb(self, choice: DndChoice) -> None:
        self._tell(lambda c: c.do_not_disturb(choice))

    def _sign_in_closed(self) -> None:
        window, self._sign_in = self._sign_in, None
        if window is not None:
            window.deleteLater()

    def _without_tray(self) -> None:
        """This desktop has no tray: the window is all there is to see of the app."""
        if not self.tray.available:
            _LOG.info("this desktop has no tray; the window stays")
            self.raise_window()
