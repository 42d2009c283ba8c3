"""Light and dark: live, readable, and dropped where the system asks for high contrast."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.ui import theme
from desktop.ui.buttons import Button
from desktop.ui.fields import SearchEdit
from desktop.ui.queue_window import QueueWindow
from desktop.ui.settings_parts import Check, Choice
from desktop.ui.tokens import DARK, LIGHT, Tokens
from tests.support import desktop_samples as samples

pytestmark = pytest.mark.usefixtures("themed")
TEXT_PAIRS = [
    ("text", "canvas"),
    ("text", "surface"),
    ("text", "selected"),
    ("text_2", "canvas"),
    ("text_2", "surface"),
    ("text_2", "sunken"),
    ("text_2", "selected"),
    ("text_3", "canvas"),
    ("text_3", "surface"),
    ("text_3", "sunken"),
    ("text_3", "raised"),
    ("on_accent", "accent"),
    ("on_accent", "accent_hover"),
    ("accent_text", "accent_bg"),
    ("accent_text", "surface"),
    ("success", "success_bg"),
    ("warning", "warning_bg"),
    ("danger", "danger_bg"),
    ("ai", "ai_bg"),
    ("text_2", "ai_bg"),
    ("link", "surface"),
]
UI_PAIRS = [
    ("border_strong", "surface"),
    ("focus", "surface"),
    ("focus", "canvas"),
    ("selected_bar", "selected"),
    ("disabled_text", "disabled_bg"),
]


def light(colour: str) -> float:
    """Relative luminance."""
    shown = QColor(colour)
    parts = (shown.redF(), shown.greenF(), shown.blueF())
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in parts)
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)


def contrast(one: str, other: str) -> float:
    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[QueueWindow]:
    shown = QueueWindow()
    qtbot.addWidget(shown)
    shown.show()
    shown.show_queue(samples.queue())
    shown.show_detail(samples.detail())
    yield shown
    shown.close()


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_is_readable_and_every_border_seen(tokens: Tokens) -> None:
    for one, other in TEXT_PAIRS:
        assert contrast(getattr(tokens, one), getattr(tokens, other)) >= 4.5, (one, other)
    for one, other in UI_PAIRS:
        assert contrast(getattr(tokens, one), getattr(tokens, other)) >= 3.0, (one, other)
    for priority, colours in tokens.priority.items():
        for ground in (colours.bg, tokens.canvas, tokens.surface, tokens.selected):
            assert contrast(colours.fg, ground) >= 4.5, (priority, ground)


def test_the_theme_follows_the_system_while_the_window_is_open(window: QueueWindow, qapp: QApplication) -> None:
    theme.apply_theme(qapp, "system")
    assert window.grab().toImage().pixelColor(10, 600).name().upper() == LIGHT.canvas
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    picture = window.grab().toImage()
    assert theme.tokens() is DARK
    assert picture.pixelColor(10, 600).name().upper() == DARK.canvas
    assert picture.pixelColor(365, 400).name().upper() == DARK.surface
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert window.grab().toImage().pixelColor(10, 600).name().upper() == LIGHT.canvas


def test_a_forced_theme_does_not_follow(qapp: QApplication) -> None:
    theme.apply_theme(qapp, "dark")
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert theme.tokens() is DARK


def test_the_palette_carries_the_tokens(qapp: QApplication) -> None:
    shown = qapp.palette()
    assert shown.color(QPalette.ColorRole.Window).name().upper() == LIGHT.canvas
    assert shown.color(QPalette.ColorRole.Highlight).name().upper() == LIGHT.selected
    assert shown.color(QPalette.ColorRole.Accent).name().upper() == LIGHT.accent


def test_high_contrast_drops_the_style_sheet_and_draws_with_the_systems_colours(
    window: QueueWindow, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Access:
        @staticmethod
        def contrastPreference() -> Qt.ContrastPreference:  # noqa: N802 - Qt's name
            return Qt.ContrastPreference.HighContrast

    monkeypatch.setattr(theme._theme, "_access", Access())
    theme._theme._apply()
    try:
        assert qapp.styleSheet() == ""
        assert theme.plain()
        assert theme.ink(window, "danger") == window.palette().color(QPalette.ColorRole.WindowText)
        assert not window.grab().isNull()  # every hand-drawn part draws without tokens
    finally:
        monkeypatch.undo()
        theme._theme._apply()
    assert not theme.plain()


def test_on_a_black_ground_every_control_has_an_edge_that_is_seen(
    qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The style takes its outlines from the ground, where high contrast has them black on black."""
    monkeypatch.setattr(theme._theme, "plain", True)
    qapp.setStyleSheet("")
    black = QPalette(QColor("black"))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        black.setColor(role, QColor("white"))
    controls = (Check("c", "Box"), Button("Claim", name="b"), Choice("o", "Choice", (("One", 1),)), SearchEdit())
    for control in controls:
        qtbot.addWidget(control)
        control.setPalette(black)
        control.show()
        image = control.grab().toImage()
        middle = image.height() // 2
        row = [image.pixelColor(x, middle).lightness() for x in range(12)]
        assert max(row) > 120, f"{type(control).__name__} has no edge on its left"
    monkeypatch.undo()
    theme._theme._worn = None  # the sheet was taken off behind its back


def test_the_sheet_never_names_everything() -> None:
    assert "*" not in theme.style_sheet(LIGHT)
