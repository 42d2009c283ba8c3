"""The queue window: choose and claim.

It draws what `show_queue` and `show_detail` tell and answers with signals. It keeps only what belongs to the eye: which
row is selected, the search, the filter, where the splitter stands.
"""

from datetime import datetime
from typing import Final

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QHideEvent, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QSplitter, QStackedWidget, QWidget

from backend.contract.vocabulary import Priority
from desktop.core.views import ConnectionState, DetailView, ProbeStep, QueueView
from desktop.ui import placement
from desktop.ui.announce import Announcer
from desktop.ui.banners import OfflineBanner
from desktop.ui.brand import app_icon
from desktop.ui.detail_pane import DetailPane
from desktop.ui.dialogs import HandBackDialog, KeysDialog
from desktop.ui.key_map import KeyMap, typing_in
from desktop.ui.message_page import MessagePage
from desktop.ui.panel import column, filled
from desktop.ui.queue_list import QueueColumn
from desktop.ui.times import utc_now
from desktop.ui.tokens import FIRST_LOAD_OFFLINE_MS, LIST_MIN, LIST_WIDTH, NARROW_BELOW, WINDOW_MIN, WINDOW_SIZE
from desktop.ui.toolbar import Toolbar
from desktop.ui.words import nothing_waiting

_SAID: Final[dict[ConnectionState, str]] = {
    "connected": "Connected",
    "reconnecting": "Reconnecting",
    "offline": "Offline. You cannot claim while offline.",
}


class QueueWindow(QWidget):
    """See the module; signals carry the handoff's id."""

    selected = Signal(str)
    claim_requested = Signal(str)
    open_requested = Signal(str)
    view_requested = Signal(str)
    hand_back_requested = Signal(str, str)
    copy_link_requested = Signal(str)
    retry_requested = Signal()
    dnd_requested = Signal(object)
    settings_requested = Signal()
    test_notification_requested = Signal()
    sign_in_requested = Signal()
    detail_retry_requested = Signal(str)
    quit_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("queueWindow")
        self.setWindowTitle("FlowPilot Escalations")
        self.setWindowIcon(app_icon())
        filled(self, "canvas")
        self.setMinimumSize(*WINDOW_MIN)
        self.resize(*WINDOW_SIZE)
        self.clock = utc_now
        self._view: QueueView | None = None
        self._priority: Priority | None = None
        self._tray = self._keep = True
        self._seen: set[str] | None = None
        self._test: tuple[ProbeStep, ...] = ()
        self._narrow, self._list_width = False, LIST_WIDTH
        self.announcer = Announcer(self)
        self.toolbar = Toolbar()
        self.offline = OfflineBanner()
        self.column = QueueColumn(self.now)
        self.detail = DetailPane(self.now)
        self.page = MessagePage("queuePage", icon="check")
        self._build()
        self._connect()
        self._keys = self._key_map()
        self._second = QTimer(self, interval=1000)
        self._second.timeout.connect(self._tick)
        self._late = QTimer(self, singleShot=True, interval=FIRST_LOAD_OFFLINE_MS)
        self._late.timeout.connect(self._show_banner)
        self._placed = placement.restore(self, self.splitter)

    def _build(self) -> None:
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setObjectName("queueSplitter")
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.column)
        self.splitter.addWidget(self.detail)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([LIST_WIDTH, WINDOW_SIZE[0] - LIST_WIDTH])
        self._body = QStackedWidget()
        self._body.addWidget(self.splitter)
        self._body.addWidget(self.page)
        layout = column(self)
        for part in (self.toolbar, self.offline, self._body):
            layout.addWidget(part)
        layout.setStretchFactor(self._body, 1)

    def _connect(self) -> None:
        self.toolbar.search.textChanged.connect(lambda _text: self._redraw())
        self.toolbar.filter.chosen.connect(self._filter)
        self.toolbar.dnd_requested.connect(self.dnd_requested)
        self.toolbar.settings_requested.connect(self.settings_requested)
        self.offline.retry.connect(self.retry_requested)
        self.column.chosen.connect(self.selected)
        self.column.clear_search.connect(self._clear_search)
        self.page.button.clicked.connect(self._page_pressed)
        self.detail.retry.connect(lambda: self._with_id(self.detail_retry_requested))
        actions = self.detail.bar
        actions.primary.connect(self._primary)
        actions.view_requested.connect(lambda: self._with_id(self.view_requested))
        actions.copy_link_requested.connect(lambda: self._with_id(self.copy_link_requested))
        actions.hand_back_requested.connect(self._ask_hand_back)

    # what it is told

    def show_queue(self, view: QueueView) -> None:
        """Show the queue; the selection and what is under the hand stay."""
        before, self._view = self._view, view
        if view.rows:
            self._test = ()  # of another time, once the queue is empty again
        self._announce(before, view)
        self.toolbar.show_queue(view)
        self._show_banner()
        self._redraw()
        if self.detail.view is not None:
            self.detail.bar.show_actions(self.detail.view, offline=self._offline())
            self.detail.tick()
        self._run_clock()

    def show_detail(self, view: DetailView | None) -> None:
        """Show the hand-off on the right (its row becomes the selected one), or nothing."""
        before = self.detail.view
        if view is None:
            self.detail.show_blank(self._blank_words())
        else:
            self.detail.show_detail(view, offline=self._offline())
            if view.banner is not None and (before is None or before.banner != view.banner):
                self.announcer.say(f"{view.banner.title}. {view.banner.text}".strip())
        self.column.list.select(view.row.id if view else None)
        self._choose_page()

    def show_test(self, steps: tuple[ProbeStep, ...]) -> None:
        """How far the test notification has come, below the button that sent it."""
        self._test = steps
        self._choose_page()

    def raise_window(self) -> None:
        """Bring the window to the front, out of the task list if need be."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def set_settings_available(self, available: bool) -> None:
        """Show the settings button once there is a settings window."""
        self.toolbar.settings.setVisible(available)

    def set_tray_available(self, available: bool) -> None:
        """Without a tray, closing the window minimises it, so that it can be found again."""
        self._tray = available

    def set_letter_keys(self, on: bool) -> None:
        """Whether single letters do anything; arrows, Enter and Esc always do."""
        self._keys.letters = on

    def set_keep_in_tray(self, keep: bool) -> None:
        """Whether the app goes on when this window is closed."""
        self._keep = keep

    def now(self) -> datetime:
        """The server's clock; it stands still while offline."""
        view = self._view
        if view is not None and view.connection.state == "offline" and view.connection.last_update is not None:
            return view.connection.last_update
        return self._server_now()

    def _server_now(self) -> datetime:
        return self.clock() + self._view.clock_offset if self._view else self.clock()

    def _offline(self) -> bool:
        return self._view is not None and self._view.connection.state == "offline"

    # drawing

    def _redraw(self) -> None:
        view = self._view
        if view is None:
            return
        self.column.show_queue(view, self.toolbar.search.text(), self._priority)
        if self.detail.view is None:
            self.detail.show_blank(self._blank_words())
            rows = self.column.list.rows.rows()
            # The first look shows a hand-off, not an empty half.
            if (
                rows
                and self.column.list.selected_id() is None
                and view.connection.state not in ("signed_out", "role_changed")
            ):
                self.column.list.step(0)
        self._choose_page()

    def _blank_words(self) -> str:
        if self._view is None or self._view.loaded:
            return ""
        return f"Connecting to {self._view.connection.server}"

    def _choose_page(self) -> None:
        view = self._view
        if view is None:
            return
        state = view.connection.state
        if state == "signed_out":
            self._message("user", "Your sign-in has ended", "Sign in to see the queue.", "Sign in", "signInButton")
        elif state == "role_changed":
            text = "Ask your administrator."
            self._message("info", "Your role no longer includes escalations", text, "", "rolePageButton")
        elif view.loaded and not view.rows and self.detail.view is None:
            text = nothing_waiting(view, self._server_now())
            self._message("check", "Nothing is waiting", text, "Send a test notification", "testNotificationButton")
        else:
            self._body.setCurrentWidget(self.splitter)

    def _message(self, icon: str, title: str, text: str, button: str, name: str) -> None:
        self.page.icon.set_icon(icon)
        self.page.button.setObjectName(name)
        self.page.button.set_variant("primary" if name == "signInButton" else "secondary")
        self.page.button.set_label(button)
        self.page.show_message(title, text)
        self.page.steps.show_steps(self._test if name == "testNotificationButton" else ())
        self._body.setCurrentWidget(self.page)

    def _show_banner(self) -> None:
        view = self._view
        if view is None:
            return
        waiting_long = not view.loaded and self._late.remainingTime() < 0 and self._late.property("armed") is True
        if not view.loaded and self._late.property("armed") is not True:
            self._late.setProperty("armed", True)
            self._late.start()
        if view.loaded:
            self._late.stop()
            self._late.setProperty("armed", False)
        shown = view.connection.state == "offline" or (
            waiting_long and view.connection.state in ("connecting", "reconnecting")
        )
        if shown:
            self.offline.show_offline(view.connection, self._server_now())
        self.offline.setVisible(shown)

    def _announce(self, before: QueueView | None, view: QueueView) -> None:
        if before is not None and before.connection.state != view.connection.state:
            self.announcer.say(_SAID.get(view.connection.state, "")) if view.connection.state in _SAID else None
        ids = {row.id for row in view.rows}
        if self._seen is not None:
            self.announcer.arrived([row for row in view.rows if row.id not in self._seen and row.outcome is None])
        if view.loaded:
            self._seen = (self._seen or set()) | ids

    # the second hand

    def _run_clock(self) -> None:
        wanted = self.isVisible() and not self.isMinimized() and self._view is not None and bool(self._ticking())
        if wanted != self._second.isActive():
            self._second.start() if wanted else self._second.stop()

    def _ticking(self) -> bool:
        if self._view is None:
            return False
        if self.offline.isVisibleTo(self):
            return True
        detail = self.detail.view is not None and self.detail.view.row.outcome is None
        return not self._offline() and (bool(self._view.rows) or detail)

    def _tick(self) -> None:
        if self.offline.isVisible() and self._view is not None:
            self.offline.show_offline(self._view.connection, self._server_now())
        if not self._offline():
            self.column.list.tick()
            self.detail.tick()

    # what the user does

    def _with_id(self, signal: object) -> None:
        if self.detail.view is not None:
            signal.emit(self.detail.view.row.id)  # type: ignore[attr-defined]  # a bound signal has no public type

    def _primary(self, kind: str) -> None:
        if kind == "sign_in":
            self.sign_in_requested.emit()
        elif kind == "next":
            self.column.list.step(1)
        else:
            self._with_id(self.claim_requested if kind == "claim" else self.open_requested)

    def _page_pressed(self) -> None:
        signed_out = self._view is not None and self._view.connection.state == "signed_out"
        (self.sign_in_requested if signed_out else self.test_notification_requested).emit()

    def _ask_hand_back(self) -> None:
        if self.detail.view is None:
            return
        shown = self.detail.view.row
        dialog = HandBackDialog(self, shown)
        dialog.reasoned.connect(lambda reason: self.hand_back_requested.emit(shown.id, reason))
        dialog.open()

    def _filter(self, priority: Priority | None) -> None:
        self._priority = priority
        self._redraw()

    def _clear_search(self) -> None:
        self.toolbar.search.clear()
        self.toolbar.filter.setCurrentIndex(0)
        self.column.list.setFocus()

    # keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """A key went down (Qt)."""
        if event.key() == Qt.Key.Key_Escape:
            self._escape()
        elif not self._key(event):
            super().keyPressEvent(event)

    def _key(self, event: QKeyEvent) -> bool:
        if typing_in(self.focusWidget()):
            down = event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if down:
                self.column.list.setFocus()
            return down
        listed = self._body.currentWidget() is self.splitter
        return (listed or event.key() == Qt.Key.Key_Question) and self._keys.press(event)

    def _key_map(self) -> KeyMap:
        bar = self.detail.bar
        return KeyMap(
            {
                Qt.Key.Key_C: lambda: bar.press() if bar.kind() == "claim" else None,
                Qt.Key.Key_V: lambda: self._with_id(self.view_requested),
                Qt.Key.Key_Return: self._enter,
                Qt.Key.Key_Enter: self._enter,
                Qt.Key.Key_F: self.toolbar.filter.cycle,
                Qt.Key.Key_Slash: self._focus_search,
                Qt.Key.Key_Question: lambda: KeysDialog(self, letters=self._keys.letters).open(),
            },
            self.column.list.step,
        )

    def _enter(self) -> None:
        if self.detail.view is None:
            return
        claimed = self.detail.bar.kind() == "open"
        self._with_id(self.open_requested if claimed else self.view_requested)

    def _focus_search(self) -> None:
        self.toolbar.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.toolbar.search.selectAll()

    def _escape(self) -> None:
        if self.toolbar.search.text():
            self.toolbar.search.clear()
        elif self.toolbar.search.hasFocus():
            self.column.list.setFocus()
        else:
            self.close()

    # the window

    def showEvent(self, event: QShowEvent) -> None:
        """It is about to be seen (Qt)."""
        super().showEvent(event)
        self.column.list.setFocus()
        self._tick()
        self._run_clock()

    def hideEvent(self, event: QHideEvent) -> None:
        """It is no longer seen (Qt)."""
        # The list's width in a narrow window is forced, not chosen.
        placement.remember(self, None if self._narrow else self.splitter)
        super().hideEvent(event)
        self._second.stop()

    def closeEvent(self, event: QCloseEvent) -> None:
        """The user closes it (Qt)."""
        if not self._keep:
            self.quit_requested.emit()
        if self._tray or not self._keep:
            super().closeEvent(event)
            return
        event.ignore()
        self.showMinimized()

    def changeEvent(self, event: QEvent) -> None:
        """Theme, font or state changed (Qt)."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange and hasattr(self, "_second"):
            self._run_clock()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The size changed (Qt)."""
        super().resizeEvent(event)
        narrow, width = event.size().width() < NARROW_BELOW, event.size().width()
        if narrow and not self._narrow:
            self._list_width = self.splitter.sizes()[0] or LIST_WIDTH
        if narrow or self._narrow:
            left = LIST_MIN if narrow else self._list_width
            self.splitter.setSizes([left, width - left])
        self._narrow = narrow
