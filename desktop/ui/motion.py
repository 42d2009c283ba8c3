"""Whether the system wants motion."""

from PySide6.QtWidgets import QApplication, QStyle


def animated() -> bool:
    """False where the system asks for reduced motion (or draws none of its own)."""
    return QApplication.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration) > 0
