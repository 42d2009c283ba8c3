"""Where the window was, per screen; brought back only onto a screen that still exists."""

from typing import Final

from PySide6.QtCore import QByteArray, QRect, QSettings
from PySide6.QtGui import QGuiApplication, QScreen
from PySide6.QtWidgets import QSplitter, QWidget

_SETTINGS: Final = ("FlowPilot", "Escalations-window")


def _settings() -> QSettings:
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, *_SETTINGS)


def remember(window: QWidget, splitter: QSplitter | None, name: str = "queue") -> None:
    """Keep size and position for the screen the window is on, and the splitter unless None."""
    settings, key = _settings(), _screen_key(window.screen())
    if not window.isMaximized():
        settings.setValue(f"{name}/{key}/geometry", window.geometry())
    if splitter is not None:
        settings.setValue(f"{name}/{key}/splitter", splitter.saveState())
    settings.setValue(f"{name}/screen", key)


def restore(window: QWidget, splitter: QSplitter | None, name: str = "queue") -> bool:
    """Bring the window back to the screen it was on last, or as it was on one that is there now.

    False when nothing fitting is known; then its place was not changed.
    """
    settings = _settings()
    for key in _candidates(str(settings.value(f"{name}/screen", ""))):
        geometry, state = settings.value(f"{name}/{key}/geometry"), settings.value(f"{name}/{key}/splitter")
        if splitter is not None and isinstance(state, QByteArray):
            splitter.restoreState(state)
        if isinstance(geometry, QRect) and _visible(geometry):
            window.setGeometry(geometry)
            return True
    return False


def _candidates(last: str) -> list[str]:
    """The last screen first, if it is still there; then the first screen of this computer."""
    present = [_screen_key(screen) for screen in QGuiApplication.screens()]
    return [*([last] if last in present else []), *present[:1]]


def _screen_key(screen: QScreen) -> str:
    size = screen.geometry().size()
    return f"{screen.name()}-{size.width()}x{size.height()}".replace("/", "_")


def _visible(geometry: QRect) -> bool:
    """Enough of the top edge lies on some screen to grab it."""
    handle = QRect(geometry.left(), geometry.top(), geometry.width(), 32)
    for screen in QGuiApplication.screens():
        seen = screen.availableGeometry().intersected(handle)
        if seen.width() >= 120 and seen.height() >= 16:
            return True
    return False
