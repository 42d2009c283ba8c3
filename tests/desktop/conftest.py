"""Qt without a screen for the tests of what is drawn; set before Qt starts."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent, QSettings
from PySide6.QtWidgets import QApplication

from desktop.ui.theme import apply_theme


@pytest.fixture
def themed(qapp: QApplication, tmp_path: Path) -> Iterator[None]:
    """The light theme, and window placement kept away from the user's own."""
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path))
    apply_theme(qapp, "light")
    yield
    apply_theme(qapp, "light")
    # Without a running loop Qt keeps what was to be deleted later, and every test would drag it along.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
