"""The tray icon and its menu.

Qt chooses its tray backend once per icon: an icon made before the panel exists never shows. `recreate` makes a new one.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSettings, Qt, QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon

from desktop.core.views import RowView, TrayView
from desktop.ui.dnd_menu import TURN_OFF, action, fill_dnd_menu
from desktop.ui.motion import animated
from desktop.ui.tray_icon import tray_icon

if TYPE_CHECKING:
    from desktop.ui.dialogs import ClaimDialog


class Tray(QObject):
    """Shows `TrayView`s. *Claim next* asks first; the signal carries the id that was asked about."""

    toggle_queue = Signal()
    claim_next = Signal(str)
    dnd_requested = Signal(object)
    settings_requested = Signal()
    about_requested = Signal()
    quit_requested = Signal()

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self._view: TrayView | None = None
        self._frame = 0
        self._drawn: object = None
        self._visible = False
        self._keys = ""
        self._dialog: ClaimDialog | None = None
        self.menu = self._make_menu()
        self.icon = self._make_icon()
        self._frames = QTimer(self, interval=1000)
        self._frames.timeout.connect(self._next_frame)
        # A burst of changes redraws the icon once, a second later at most.
        self._calm = QTimer(self, singleShot=True, interval=1000)
        self._calm.timeout.connect(self._draw)
        app.styleHints().colorSchemeChanged.connect(lambda _scheme: self._draw())

    @property
    def available(self) -> bool:
        """Whether this desktop has a tray now."""
        return QSystemTrayIcon.isSystemTrayAvailable()

    def recreate(self) -> None:
        """Make a new icon, for a panel that came up after the program."""
        old = self.icon
        old.hide()
        old.deleteLater()
        self.icon = self._make_icon()
        view, self._view, self._drawn = self._view, None, None
        if view is not None:
            self.show_tray(view)
        if self._visible:
            self.icon.show()

    def show(self) -> None:
        """Put the icon into the tray."""
        self._visible = True
        self.icon.show()

    def hide(self) -> None:
        """Take the icon out of the tray, for instance before quitting."""
        self._visible = False
        self.icon.hide()

    def set_keys(self, keys: str) -> None:
        """The global shortcut that opens the queue, for its menu entry; empty while there is none."""
        self._keys = keys
        if self._view is not None:
            self._fill_open(self._view)

    def set_settings_available(self, available: bool) -> None:
        """Show *Settings* once there is a settings window."""
        self._settings.setVisible(available)

    def show_tray(self, view: TrayView) -> None:
        """Show state, badge, words and menu entries."""
        before, self._view = self._view, view
        if before != view:
            self.icon.setProperty("trayState", view.state)
            self.icon.setToolTip(view.tooltip)
            self._fill_menu(view)
        moving = view.state == "reconnecting" and animated()
        if moving != self._frames.isActive():
            self._frames.start() if moving else self._frames.stop()
        if before is None or before.state != view.state or not self._calm.isActive():
            self._draw()

    def _make_icon(self) -> QSystemTrayIcon:
        icon = QSystemTrayIcon(self)
        icon.setObjectName("trayIcon")
        icon.setContextMenu(self.menu)
        icon.activated.connect(self._activated)
        return icon

    def _make_menu(self) -> QMenu:
        menu = QMenu()
        menu.setObjectName("trayMenu")
        self._status = QAction("", menu)
        self._status.setEnabled(False)
        self._open = action(menu, "actionOpenQueue", "Open queue", self.toggle_queue.emit)
        self._claim = action(menu, "actionClaimNext", "Claim next", self._ask)
        self._dnd = QMenu("Do not disturb", menu)
        fill_dnd_menu(self._dnd, self.dnd_requested.emit)
        self._dnd_off = action(menu, "actionDndOff", TURN_OFF, partial(self.dnd_requested.emit, "off"))
        self._settings = action(menu, "actionSettings", "Settings", self.settings_requested.emit)
        self._settings.setVisible(False)
        menu.addAction(self._status)
        menu.addSeparator()
        menu.addActions([self._open, self._claim])
        menu.addSeparator()
        menu.addMenu(self._dnd)
        menu.addActions([self._dnd_off, self._settings])
        menu.addAction(action(menu, "actionAbout", "About and diagnostics", self.about_requested.emit))
        menu.addSeparator()
        menu.addAction(action(menu, "actionQuit", "Quit", self.quit_requested.emit))
        return menu

    def _fill_menu(self, view: TrayView) -> None:
        self._status.setText(_literal(view.status_line))
        self._fill_open(view)
        following = view.next_row
        self._claim.setVisible(following is not None and view.state not in ("offline", "signedOut"))
        customer = _literal(_short(following.customer)) if following else ""
        self._claim.setText(f"Claim next\t{customer}" if customer else "Claim next")
        signed_in = view.state != "signedOut"
        self._dnd.menuAction().setVisible(signed_in and not view.dnd_on)
        self._dnd_off.setVisible(signed_in and view.dnd_on)

    def _fill_open(self, view: TrayView) -> None:
        beside = f"{view.count} waiting" if view.state == "dnd" and view.count else _literal(self._keys)
        self._open.setText(f"Open queue\t{beside}" if beside else "Open queue")

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason == QSystemTrayIcon.ActivationReason.Trigger and sys.platform != "darwin":
            self.toggle_queue.emit()

    def _ask(self) -> None:
        following = self._view.next_row if self._view else None
        if following is None or self._dialog is not None:
            return
        from desktop.ui.dialogs import ClaimDialog  # noqa: PLC0415 - made on first need; 3 MB in every idle tray

        self._dialog = dialog = ClaimDialog(following)
        dialog.accepted.connect(partial(self._confirmed, following))
        dialog.finished.connect(self._answered)
        dialog.setWindowFlag(Qt.WindowType.WindowStaysOnTopHint)
        dialog.show()
        dialog.activateWindow()

    def _confirmed(self, asked: RowView) -> None:
        self.claim_next.emit(asked.id)

    def _answered(self, _result: int) -> None:
        self._dialog = None

    def _next_frame(self) -> None:
        self._frame = 1 - self._frame
        self._draw()

    def _draw(self) -> None:
        view = self._view
        if view is None:
            return
        badge = view.count if view.state in ("waiting", "urgent") else 0
        frame = self._frame if view.state == "reconnecting" else 0
        ratio = self._app.devicePixelRatio()
        wanted = (view.state, min(badge, 10), panel_is_dark(self._app), frame, ratio)
        if wanted == self._drawn:
            return
        self._drawn = wanted
        self._calm.start()
        mask = sys.platform == "darwin"
        self.icon.setIcon(tray_icon(view.state, wanted[1], dark=wanted[2], frame=frame, ratio=ratio, mask=mask))


def panel_is_dark(app: QApplication) -> bool:
    """Whether the panel's ground is dark; GNOME's is in both its themes, Windows has a setting of its own."""
    if sys.platform == "win32":
        key = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
        return int(str(QSettings(key, QSettings.Format.NativeFormat).value("SystemUsesLightTheme", 0))) == 0
    if "GNOME" in os.environ.get("XDG_CURRENT_DESKTOP", "").upper():
        return True
    return app.styleHints().colorScheme() == Qt.ColorScheme.Dark


def _literal(words: str) -> str:
    """Words for a menu: an ampersand is an ampersand, a tab would start the right-hand column."""
    return " ".join(words.split()).replace("&", "&&")


def _short(words: str, most: int = 28) -> str:
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"
