"""Windows: under which name this program's windows, icon and notifications belong together.

The installers' shortcut carries the same one; without it Windows goes by the path, and notifications by nothing.
"""

import ctypes
from typing import Any, Final

APP_ID: Final = "FlowPilot.Escalations"


def take() -> None:
    """Before the first window."""
    api: Any = ctypes
    api.windll.shell32.SetCurrentProcessExplicitAppUserModelID(APP_ID)
