"""Where the window was, per screen; brought back only onto a screen that still exists."""

from typing import Final

from PySide6.QtCore import QByteArray, QRect, QSettings
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QSplitter, QWidget

_SETTINGS: Final = ("FlowPilot", "Escalations-window")


def _settings() -> QSettings:
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, *_SETTINGS)


def _screen_key(window: QWidget) -> str:
    screen = window.screen()
    size = screen.geometry().size()
    return f"{screen.name()}-{size.width()}x{size.height()}".replace("/", "_")


def remember(window: QWidget, splitter: QSplitter | None) -> None:
    """Keep size and position for the screen the window is on, and the splitter unless None."""
    settings = _settings()
    settings.beginGroup(_screen_key(window))
    if not window.isMaximized():
        settings.setValue("geometry", window.geometry())
    if splitter is not None:
        settings.setValue("splitter", splitter.saveState())
    settings.endGroup()
    settings.setValue("screen", _screen_key(window))


def restore(window: QWidget, splitter: QSplitter) -> bool:
    """Bring the window back; false when nothing fitting is known, and nothing was changed."""
    settings = _settings()
    settings.beginGroup(str(settings.value("screen", _screen_key(window))))
    geometry, state = settings.value("geometry"), settings.value("splitter")
    if isinstance(state, QByteArray):
        splitter.restoreState(state)
    if not isinstance(geometry, QRect) or not _visible(geometry):
        return False
    window.setGeometry(geometry)
    return True


def _visible(geometry: QRect) -> bool:
    """Enough of the top edge lies on some screen to grab it."""
    handle = QRect(geometry.left(), geometry.top(), geometry.width(), 32)
    for screen in QGuiApplication.screens():
        seen = screen.availableGeometry().intersected(handle)
        if seen.width() >= 120 and seen.height() >= 16:
            return True
    return False
