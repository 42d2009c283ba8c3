"""General: starting, the tray, the browser, colours, keys, language."""

from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit

from desktop.settings.layers import Resolved
from desktop.ui.settings_bind import Binder, set_locked
from desktop.ui.settings_page import Facts, Page, add_row, hint
from desktop.ui.settings_parts import Check, Choice
from desktop.ui.tokens import CONTROL_HEIGHT

THEMES: Final = (("System", "system"), ("Light", "light"), ("Dark", "dark"))
NO_TRAY: Final = "This desktop has no tray. FlowPilot keeps its window instead."
_NAMES: Final = frozenset(
    {"start_at_login", "keep_in_tray", "browser", "theme", "hotkey", "single_letter_keys", "language"}
)
_START: Final = "Start when I log in"
_KEEP: Final = "Keep running in the tray when the window closes"


class GeneralPage(Page):
    """See the module. `autostart_requested` asks the system; what it then really does comes by `show_facts`."""

    autostart_requested = Signal(bool)

    def __init__(self, binder: Binder) -> None:
        super().__init__("General", "General", binder, _NAMES)
        self._facts = Facts()
        self.start = Check("startAtLogin", _START, _START)
        self.start.clicked.connect(self.autostart_requested)
        self.start_hint = hint(name="startHint")
        self.keep = Check("keepInTray", _KEEP, _KEEP)
        binder.check(self.keep, "keep_in_tray")
        self.tray_hint = hint(NO_TRAY, name="trayHint")
        for widget in (self.start, self.start_hint, self.keep, self.tray_hint):
            self.body.addWidget(widget)
        self.body.setSpacing(6)
        self.body.addSpacing(12)
        self.browser = Choice("browserCombo", "Open sessions in", (("Default browser", ""),))
        self.theme = binder.choice(Choice("themeCombo", "Theme", THEMES, width=160), "theme")
        self.hotkey = QLineEdit()
        self.hotkey.setObjectName("hotkeyEdit")
        self.hotkey.setAccessibleName("Global shortcut for the queue")
        self.hotkey.setProperty("field", "true")
        self.hotkey.setPlaceholderText("Off")
        self.hotkey.setFixedSize(160, CONTROL_HEIGHT)
        self.hotkey.setTextMargins(8, 0, 8, 0)
        self.hotkey_hint = hint(name="hotkeyHint")
        keys = Check(
            "singleLetterKeys", "Single-letter keys such as J, K and C", "Single-letter keys such as J, K and C"
        )
        self.keys = binder.check(keys, "single_letter_keys")
        self.language = Choice("languageCombo", "Language", (("English", "en"),), width=160)
        binder.choice(self.language, "language")
        grid = self.rows()
        add_row(grid, "Open sessions in", binder.choice(self.browser, "browser"))
        add_row(grid, "Theme", self.theme)
        add_row(grid, "Global shortcut", binder.line(self.hotkey, "hotkey"))
        grid.addWidget(self.hotkey_hint, grid.rowCount(), 1)
        add_row(grid, "Language", self.language)
        self.body.addSpacing(12)
        self.body.addWidget(self.keys)
        self.body.addSpacing(6)
        self.body.addWidget(self.notice)
        for name in ("start_at_login", "keep_in_tray", "hotkey", "organisation"):
            binder.follow(name, lambda _each: self._show())

    def show_facts(self, facts: Facts) -> None:
        """What is no setting has changed."""
        self._facts = facts
        for words, command in facts.browsers:
            if self.browser.findData(command) < 0:
                self.browser.addItem(words, command)
        self.browser.show_value(self.binder.store.words("browser"))
        self._show()

    def _show(self) -> None:
        facts, store = self._facts, self.binder.store
        wanted: Resolved = store.get("start_at_login")
        # What happens at the next login is shown, not what somebody wished for.
        self.start.setChecked(facts.autostart)
        set_locked(self.start, _START, self.binder.lock_words(wanted) or facts.autostart_held)
        self.start_hint.setText(facts.autostart_held)
        self.start_hint.setVisible(bool(facts.autostart_held))
        self.tray_hint.setVisible(not facts.tray)
        if not facts.tray:
            set_locked(self.keep, _KEEP, NO_TRAY)
        else:
            set_locked(self.keep, _KEEP, self.binder.lock_words(store.get("keep_in_tray")))
        words = "For instance Ctrl+Shift+E. It opens the queue from anywhere."
        self.hotkey_hint.setText(facts.hotkey or facts.hotkey_trouble or words)
        set_locked(self.hotkey, "Global shortcut for the queue", facts.hotkey)
