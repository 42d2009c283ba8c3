"""The program's mark."""

from importlib.metadata import PackageNotFoundError, version

from PySide6.QtGui import QColor, QIcon

from desktop.ui.icons import icon_pixmap
from desktop.ui.tokens import LIGHT


def app_icon() -> QIcon:
    """The arrow in the accent colour, at the sizes window managers ask for."""
    icon = QIcon()
    for size in (16, 24, 32, 48, 64, 128):
        icon.addPixmap(icon_pixmap("arrow", size, QColor(LIGHT.accent)))
    return icon


def version_text() -> str:
    """`Version 0.1.0`, or nothing when run from a checkout that was never installed."""
    try:
        return f"Version {version('flowpilot-escalations')}"
    except PackageNotFoundError:
        return ""
