"""An idle tray stays small: what it does not need is not loaded, on a computer that runs it all day."""

import asyncio
import sys

_IDLE = """
import sys
import desktop.app, desktop.desk, desktop.platform.notifications, desktop.updates.watch, qasync
heavy = {"rich", "pygments", "keyring", "pydantic", "sqlalchemy", "PySide6.QtSvg",
         "desktop.ui.queue_window", "desktop.ui.sign_in", "desktop.ui.dialogs", "desktop.ui.about",
         "desktop.ui.settings_window", "desktop.ui.first_run", "desktop.windows", "desktop.diagnostics",
         "desktop.net.probe", "desktop.platform.autostart", "plistlib", "configparser",
         "tuf", "securesystemslib", "urllib3", "tarfile", "desktop.updates.mirror", "desktop.updates.helper"}
sys.stdout.write(" ".join(sorted(heavy & set(sys.modules))))
"""


async def test_a_signed_in_tray_loads_nothing_that_only_windows_need() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _IDLE, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert (process.returncode, out.decode()) == (0, "")
