"""Render every state of every desktop window to PNG, light, dark and in high contrast, from sample views.

    python scripts/screens_desktop.py OUT_DIR [NAME_PART]

Draws offscreen by default; set QT_QPA_PLATFORM=xcb to draw on a display. FLOWPILOT_SCREENS_FONT names another font.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from PySide6.QtCore import QEventLoop, QSettings, Qt, QTimer
from PySide6.QtGui import QColor, QFont, QPainter, QPalette, QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from desktop.core.views import DetailView, ProbeStep, QueueView, ToastView, TrayState
from desktop.ui import theme
from desktop.ui.about import AboutWindow
from desktop.ui.dialogs import ClaimDialog, HandBackDialog, KeysDialog, QuitDialog
from desktop.ui.first_run import FirstRunWindow
from desktop.ui.queue_window import QueueWindow
from desktop.ui.settings_window import SettingsWindow
from desktop.ui.sign_in import SignInWindow
from desktop.ui.theme import ThemeChoice, apply_theme
from desktop.ui.toast_card import ToastCard
from desktop.ui.tokens import TRAY_SIZES
from desktop.ui.tray_icon import tray_pixmap
from tests.support import desktop_samples as samples
from tests.support import settings_samples, toast_samples

STATES: tuple[TrayState, ...] = ("idle", "waiting", "urgent", "dnd", "reconnecting", "offline", "signedOut")

HOPS: tuple[ProbeStep, ...] = (
    ProbeStep("Server", "good", "Took the request, 10:46:02, 34 ms"),
    ProbeStep("Live link", "good", "Brought the notification, 10:46:02, 12 ms"),
    ProbeStep("Notification", "good", "On the screen, 10:46:02, 8 ms"),
    ProbeStep("Receipt", "good", "The server has it: shown, 10:46:02, 15 ms"),
)


class Studio:
    """Takes the pictures."""

    def __init__(self, app: QApplication, out: Path, part: str) -> None:
        self.app, self.out, self.part = app, out, part
        self.look = "light"

    def shoot(self, name: str, make: Callable[[], QWidget], *, settle_ms: int = 60) -> None:
        """Make a window, let it settle, save it, close it."""
        if self.part not in name:
            return
        window = make()
        window.show()
        self.settle(settle_ms)
        path = self.out / f"{name}-{self.look}.png"
        window.grab().save(str(path))
        print(path)
        window.close()
        window.deleteLater()
        self.settle(10)

    def settle(self, for_ms: int) -> None:
        """Let the event loop run."""
        loop = QEventLoop()
        QTimer.singleShot(for_ms, loop.quit)
        loop.exec()

    def queue(
        self,
        name: str,
        queue: QueueView,
        detail: DetailView | None,
        *,
        size: tuple[int, int] = (1000, 660),
        after: Callable[[QueueWindow], None] | None = None,
        settle_ms: int = 60,
    ) -> None:
        """One picture of the queue window."""

        def make() -> QueueWindow:
            window = QueueWindow()
            window.clock = lambda: samples.NOW
            window.set_settings_available(True)
            window.resize(*size)
            window.show()
            if detail is not None:
                window.show_detail(detail)
            window.show_queue(queue)
            if after is not None:
                after(window)
            return window

        self.shoot(f"queue-{name}", make, settle_ms=settle_ms)


def search(words: str) -> Callable[[QueueWindow], None]:
    """Type into the search field."""
    return lambda window: window.toolbar.search.setText(words)


def unfold(window: QueueWindow) -> None:
    """Open the foot of the list."""
    window.column.claimed.head.setChecked(True)


def press_c(window: QueueWindow) -> None:
    """Claim by key."""
    QTest.keyClick(window, Qt.Key.Key_C)


def queue_pictures(studio: Studio) -> None:
    """Every state of the queue window."""
    studio.queue("normal", samples.queue(), samples.detail())
    studio.queue("tall", samples.queue(), samples.detail(), size=(1000, 1260), after=unfold)
    studio.queue("reserved", *samples.reserved())
    studio.queue("narrow", samples.queue(), samples.detail(), size=(720, 480))
    studio.queue("pressed", samples.queue(), samples.detail(), after=press_c, settle_ms=260)
    studio.queue("empty", samples.queue(rows=()), None)
    studio.queue("empty-tested", samples.queue(rows=()), None, after=lambda window: window.show_test(HOPS))
    studio.queue("no-match", samples.queue(), None, after=search("leeds castle"))
    studio.queue("first-load", samples.queue(state="connecting", loaded=False), None, settle_ms=380)
    studio.queue("offline", samples.queue(state="offline"), samples.detail(stale=True))
    for state in ("lost", "claimed", "withdrawn", "unknown", "error"):
        studio.queue(state, *samples.after(state))
    studio.queue("claimed-last", samples.queue(rows=()), samples.after("claimed")[1])
    studio.queue("context-error", samples.queue(), samples.broken())
    studio.queue("loading", samples.queue(), samples.loading(), settle_ms=380)
    studio.queue("signed-out", samples.queue(state="signed_out"), None)
    studio.queue("role-changed", samples.queue(state="role_changed"), None)
    studio.queue("no-assessment", samples.queue(), samples.without_assessment())
    studio.queue("long", samples.long_queue(), samples.long_detail(), size=(760, 700))
    studio.queue("long-narrow", samples.long_queue(), samples.long_detail(), size=(720, 480))
    studio.queue("many", samples.long_queue(1000), samples.detail())
    studio.queue("dnd", samples.queue(dnd=True), samples.detail())


def small_pictures(studio: Studio) -> None:
    """Toasts, sign-in, about, dialogs."""
    for name, view in toast_samples.toasts():
        studio.shoot(f"toast-{name}", partial(card, view))
    studio.shoot("signin-idle", lambda: SignInWindow("flowpilot.northbeam.example"))
    studio.shoot("signin-error", sign_in_error)
    studio.shoot("signin-waiting", sign_in_waiting)
    studio.shoot("about", lambda: AboutWindow(samples.ABOUT))
    studio.shoot("dialog-hand-back", lambda: HandBackDialog(None, samples.rows()[1]))
    studio.shoot("dialog-claim-next", lambda: ClaimDialog(samples.rows()[0]))
    studio.shoot("dialog-quit", QuitDialog)
    studio.shoot("dialog-keys-off", lambda: KeysDialog(None, letters=False))
    studio.shoot("dialog-keys", lambda: KeysDialog(None))
    studio.shoot("tray", lambda: TraySheet(dark=studio.look != "light"))


def card(view: ToastView) -> ToastCard:
    """A toast on its own."""
    toast = ToastCard()
    toast.show_toast(view)
    return toast


def sign_in_error() -> SignInWindow:
    """The sign-in window after a failed try."""
    window = SignInWindow("flowpilot.northbeam.example")
    window.show_error("That server did not answer. Check the address, or your network. Nothing was sent.")
    return window


def sign_in_waiting() -> SignInWindow:
    """The sign-in window while it waits for the browser."""
    window = SignInWindow("flowpilot.northbeam.example")
    window.show_waiting("https://flowpilot.northbeam.example/oauth/authorize", "KQ7F-2MXR", 281)
    return window


def settings_pictures(studio: Studio) -> None:
    """Each page of the settings, as the user's own and with what a policy has locked; about; the first run."""
    for place, name in enumerate(("account", "notifications", "quiet-hours", "general", "connection")):
        studio.shoot(f"settings-{name}", partial(settings, place, None))
        if name != "account":
            studio.shoot(f"settings-{name}-locked", partial(settings, place, settings_samples.LOCKED))
    studio.shoot("about-test", about_test)
    studio.shoot("about-hops", about_hops)
    studio.shoot("settings-notifications-tested", settings_tested)
    for step in range(3):
        studio.shoot(f"first-run-{step + 1}", partial(first_run, step))
    studio.shoot("first-run-help", partial(first_run, 1, helped=True))


def settings(place: int, policy: Mapping[str, object] | None) -> SettingsWindow:
    """The settings, open at one page."""
    window = SettingsWindow(
        settings_samples.store(Path(tempfile.mkdtemp()), policy or settings_samples.POLICY), settings_samples.FACTS
    )
    window.open_section(place)
    return window


def about_test() -> AboutWindow:
    """About with a connection test under way."""
    window = AboutWindow([])
    window.show_rows(samples.ABOUT, live=True)
    window.show_update("Managed by Northbeam IT", can_check=False)
    window.show_steps(settings_samples.STEPS, running=True)
    return window


def about_hops() -> AboutWindow:
    """About after a test notification, and with the diagnostics saved."""
    window = about_test()
    window.show_steps((), running=False)
    window.show_test(HOPS, running=False)
    window.say(
        "Saved as /home/dana/Downloads/flowpilot-diagnostics-20261120-104602.zip. It holds no tokens, customer names "
        "or conversation text."
    )
    return window


def settings_tested() -> SettingsWindow:
    """The notifications' page after a test that failed on its way."""
    window = settings(1, None)
    lost = ProbeStep("Live link", "bad", "Nothing came in 10 s, 10:46:12, 10000 ms")
    alone = ProbeStep("Notification", "good", "By this computer alone. On the screen, 10:46:12, 8 ms")
    window.notifications.show_test(
        (HOPS[0], lost, alone, ProbeStep("Receipt", "left_out", "Nothing to confirm")), running=False
    )
    return window


def first_run(step: int, *, helped: bool = False) -> FirstRunWindow:
    """One step of the first run."""
    store = settings_samples.store(Path(tempfile.mkdtemp()))
    window = FirstRunWindow(store, "gnome", tray=True, autostart=True)
    window.show_person("flowpilot.northbeam.example")
    window.show_step(step)
    window.show_result("Notifications are allowed", "The system took the notification at 09:13:02.", good=True)
    if helped:
        window.no.click()
    return window


class TraySheet(QWidget):
    """All tray icons at all sizes, and each once enlarged."""

    def __init__(self, *, dark: bool) -> None:
        super().__init__()
        self._dark = dark
        self.setFixedSize(1120, len(STATES) * 110)

    def paintEvent(self, _event: object) -> None:  # noqa: N802 - Qt's name
        """Draw the sheet."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("#1C1F22" if self._dark else "#F3F3F3"))
        for line, state in enumerate(STATES):
            left = 10
            for size in TRAY_SIZES:
                painter.drawPixmap(
                    left, line * 110 + 30, tray_pixmap(state, 3 if state == "waiting" else 12, size, dark=self._dark)
                )
                left += size + 12
            for size in (16, 22, 24, 32):
                big: QPixmap = tray_pixmap(state, 4, size, dark=self._dark)
                painter.drawPixmap(left, line * 110 + 4, big.scaled(100, 100))
                left += 110
            for count in (9, 10):
                big = tray_pixmap(state, count, 16, dark=self._dark)
                painter.drawPixmap(left, line * 110 + 4, big.scaled(100, 100))
                left += 110


def main() -> int:
    """Take all pictures, twice."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    if out is None or sys.argv[1].startswith("-"):
        print(__doc__)
        return 2
    out.mkdir(parents=True, exist_ok=True)
    app = QApplication(sys.argv[:1])
    font = QFont(os.environ.get("FLOWPILOT_SCREENS_FONT", "Inter"))
    font.setPointSizeF(9.75)
    app.setFont(font)
    app.setQuitOnLastWindowClosed(False)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, tempfile.mkdtemp())
    studio = Studio(app, out, sys.argv[2] if len(sys.argv) > 2 else "")
    looks: tuple[ThemeChoice, ...] = ("light", "dark")
    for look in looks:
        studio.look = look
        apply_theme(app, look)
        queue_pictures(studio)
        small_pictures(studio)
        settings_pictures(studio)
    studio.look = "contrast"
    app.setStyleSheet("")
    app.setPalette(high_contrast())
    theme._theme.plain = True  # noqa: SLF001 - offscreen there is no system that could ask for it
    queue_pictures(studio)
    small_pictures(studio)
    settings_pictures(studio)
    return 0


def high_contrast() -> QPalette:
    """As a system's own high-contrast theme: white on black, yellow links, cyan for what is selected."""
    palette = QPalette()
    role = QPalette.ColorRole
    for each in (role.Window, role.Base, role.AlternateBase, role.Button, role.HighlightedText, role.ToolTipBase):
        palette.setColor(each, QColor("black"))
    for each in (role.WindowText, role.Text, role.ButtonText, role.PlaceholderText, role.BrightText):
        palette.setColor(each, QColor("white"))
    palette.setColor(role.Link, QColor("#FFFF00"))
    palette.setColor(role.Highlight, QColor("#1AEBFF"))
    return palette


if __name__ == "__main__":
    raise SystemExit(main())
