"""Light and dark, live: one palette and one style sheet for the whole program.

Containers take their fill from palette roles, so a theme change reaches them without style sheets; the sheet names
only fields, text tones, the list and the scroll bars. In high contrast the sheet is dropped and the system's palette
is left alone; everything drawn by hand then uses the palette too (`plain()`).
"""

import sys
from typing import Final, Literal

from PySide6.QtCore import QObject, QRectF, Qt
from PySide6.QtGui import QAccessibilityHints, QColor, QPainter, QPalette, QPen, QStyleHints
from PySide6.QtWidgets import QApplication, QWidget

from desktop.ui.tokens import DARK, LIGHT, Tokens

ThemeChoice = Literal["system", "light", "dark"]


class _Theme(QObject):
    """Follows the system's colour scheme unless the user chose one."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens: Tokens = LIGHT
        self.plain = False
        self.choice: ThemeChoice = "system"
        self._worn: tuple[bool, bool] | None = None
        self._app: QApplication | None = None
        # Kept, because the bindings invalidate the inner object when the outer one is collected.
        self._hints: QStyleHints | None = None
        self._access: QAccessibilityHints | None = None

    def start(self, app: QApplication, choice: ThemeChoice) -> None:
        self.choice = choice
        if self._app is not app:
            self._app = app
            if sys.platform.startswith("linux"):
                app.setStyle("Fusion")
            self._hints = hints = app.styleHints()
            self._access = access = hints.accessibility()
            hints.colorSchemeChanged.connect(self._scheme_changed)
            access.contrastPreferenceChanged.connect(lambda _preference: self._apply())
        self._scheme_changed(app.styleHints().colorScheme())

    def _scheme_changed(self, scheme: Qt.ColorScheme) -> None:
        dark = scheme == Qt.ColorScheme.Dark if self.choice == "system" else self.choice == "dark"
        self.tokens = DARK if dark else LIGHT
        self._apply()

    def _apply(self) -> None:
        app, access = self._app, self._access
        if app is None or access is None:
            return
        self.plain = access.contrastPreference() == Qt.ContrastPreference.HighContrast
        wanted = (self.tokens.dark, self.plain)
        if wanted == self._worn:
            return  # polishing every widget again costs half a millisecond each
        self._worn = wanted
        if self.plain:
            app.setStyleSheet("")
            app.setPalette(app.style().standardPalette())
        else:
            app.setPalette(palette(self.tokens))
            app.setStyleSheet(style_sheet(self.tokens))
        # Hand-painted widgets without own palette entries still have to repaint.
        for widget in app.topLevelWidgets():
            widget.update()


_theme: Final = _Theme()


def apply_theme(app: QApplication, choice: ThemeChoice = "system") -> None:
    """Dress the program; from then on it follows the system (or stays as chosen). May be called again."""
    _theme.start(app, choice)


def tokens() -> Tokens:
    """The colours in force."""
    return _theme.tokens


def plain() -> bool:
    """True in high contrast: draw with the system's palette."""
    return _theme.plain


def outline(widget: QWidget) -> None:
    """In high contrast, over what the style has drawn: it draws its own outline in a colour of the ground."""
    painter = QPainter(widget)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    wide = 2 if widget.hasFocus() else 1
    painter.setPen(QPen(widget.palette().color(QPalette.ColorRole.WindowText), wide))
    inset = wide / 2
    painter.drawRoundedRect(QRectF(widget.rect()).adjusted(inset, inset, -inset, -inset), 4, 4)


def ink(widget: QWidget, token: str) -> QColor:
    """A text colour by token name, or the system's text colour in high contrast."""
    return widget.palette().color(QPalette.ColorRole.WindowText) if _theme.plain else QColor(getattr(tokens(), token))


def palette(theme: Tokens) -> QPalette:
    """The palette of one theme."""
    role = QPalette.ColorRole
    colours = {
        role.Window: theme.canvas,
        role.WindowText: theme.text,
        role.Base: theme.surface,
        role.AlternateBase: theme.sunken,
        role.Text: theme.text,
        role.PlaceholderText: theme.text_3,
        role.Button: theme.surface,
        role.ButtonText: theme.text,
        role.Highlight: theme.selected,
        role.HighlightedText: theme.text,
        role.Link: theme.link,
        role.LinkVisited: theme.link,
        role.Accent: theme.accent,
        role.ToolTipBase: theme.raised,
        role.ToolTipText: theme.text,
        role.BrightText: theme.danger,
        role.Light: theme.hover,
        role.Midlight: theme.active,
        role.Mid: theme.border,
        role.Dark: theme.border_strong,
        role.Shadow: theme.border_strong,
    }
    result = QPalette()
    for each, value in colours.items():
        result.setColor(each, QColor(value))
    for each in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, each, QColor(theme.disabled_text))
    return result


def style_sheet(theme: Tokens) -> str:
    """The sheet of one theme: fields, text tones, the list, scroll bars. Never `*`."""
    tones = {
        "2": theme.text_2,
        "3": theme.text_3,
        "ai": theme.ai,
        "danger": theme.danger,
        "success": theme.success,
        "warning": theme.warning,
        "accent": theme.accent_text,
    }
    parts = [f'QLabel[tone="{name}"], QTextEdit[tone="{name}"] {{ color: {value}; }}' for name, value in tones.items()]
    parts.append(_FIELDS.format(t=theme))
    if sys.platform.startswith("linux"):
        parts.append(_SCROLL_BARS.format(t=theme))
    return "\n".join(parts)


_FIELDS: Final = """
QTextEdit[prose="true"] {{ background: transparent; border: 0; padding: 0; }}
QLineEdit[field="true"], QPlainTextEdit[field="true"] {{
    background: {t.surface}; color: {t.text}; border: 1px solid {t.border_strong}; border-radius: 4px; padding: 1px;
    selection-background-color: {t.accent}; selection-color: {t.on_accent};
}}
QLineEdit[field="true"]:focus, QPlainTextEdit[field="true"]:focus {{ border: 2px solid {t.focus}; padding: 0; }}
QLineEdit[field="true"]:disabled {{
    background: {t.disabled_bg}; color: {t.disabled_text}; border-color: {t.disabled_bg};
}}
QListView#settingsNav {{ background: {t.canvas}; border: 0; outline: 0; }}
QListView#queueList {{ background: {t.canvas}; border: 0; outline: 0; }}
QScrollArea#detailScroll {{ background: {t.surface}; border: 0; }}
QSplitter#queueSplitter::handle {{ background: {t.border}; }}
QToolTip {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.border_strong}; padding: 4px 6px; }}
QMenu {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.border_strong}; padding: 4px; }}
QMenu::item {{ padding: 5px 24px 5px 12px; border-radius: 4px; }}
QMenu::item:selected {{ background: {t.selected}; color: {t.text}; }}
QMenu::item:disabled {{ color: {t.text_3}; }}
QMenu::separator {{ height: 1px; background: {t.border}; margin: 4px 0; }}
"""

_SCROLL_BARS: Final = """
QListView#queueList QScrollBar:vertical, QScrollArea#detailScroll QScrollBar:vertical,
QPlainTextEdit[field="true"] QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QListView#queueList QScrollBar::handle:vertical, QScrollArea#detailScroll QScrollBar::handle:vertical,
QPlainTextEdit[field="true"] QScrollBar::handle:vertical {{
    background: {t.border_strong}; border-radius: 3px; margin: 2px; min-height: 32px;
}}
QListView#queueList QScrollBar::add-line, QListView#queueList QScrollBar::sub-line,
QScrollArea#detailScroll QScrollBar::add-line, QScrollArea#detailScroll QScrollBar::sub-line,
QPlainTextEdit[field="true"] QScrollBar::add-line, QPlainTextEdit[field="true"] QScrollBar::sub-line {{ height: 0; }}
QListView#queueList QScrollBar::add-page, QListView#queueList QScrollBar::sub-page,
QScrollArea#detailScroll QScrollBar::add-page, QScrollArea#detailScroll QScrollBar::sub-page {{ background: none; }}
"""
