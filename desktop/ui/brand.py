"""The program's mark."""

from PySide6.QtGui import QColor, QIcon

from desktop.ui.icons import icon_pixmap
from desktop.ui.tokens import LIGHT
from desktop.version import version


def app_icon() -> QIcon:
    """The arrow in the accent colour, at the sizes window managers ask for."""
    icon = QIcon()
    for size in (16, 24, 32, 48, 64, 128):
        icon.addPixmap(icon_pixmap("arrow", size, QColor(LIGHT.accent)))
    return icon


def version_text() -> str:
    """For instance `Version 0.1.0`."""
    return f"Version {version()}"
