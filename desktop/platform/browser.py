"""The default browser. `BROWSER` in the environment comes first (a colon-separated list of commands, as elsewhere)."""

import asyncio
import logging
import os
import shlex
import shutil
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

_LOG: Final = logging.getLogger(__name__)
_SETTLE_S: Final = 1.0


class DefaultBrowser:
    """`desktop.core.ports.Browser`. An address may carry a one-time ticket: it is never logged.

    `chosen` answers the command that the settings name, empty for the default browser.
    """

    def __init__(self, chosen: Callable[[], str] = lambda: "") -> None:
        self._chosen = chosen

    async def open(self, url: str) -> bool:
        """Whether a browser took it."""
        for command in filter(None, (self._chosen(), *os.environ.get("BROWSER", "").split(os.pathsep))):
            if await _run(command, url):
                return True
        return QDesktopServices.openUrl(QUrl(url, QUrl.ParsingMode.StrictMode))


_KNOWN: Final = (
    ("Firefox", ("firefox", "firefox-esr")),
    ("Chromium", ("chromium", "chromium-browser")),
    ("Google Chrome", ("google-chrome", "google-chrome-stable")),
    ("Microsoft Edge", ("microsoft-edge", "microsoft-edge-stable")),
    ("Brave", ("brave-browser", "brave")),
    ("Vivaldi", ("vivaldi", "vivaldi-stable")),
)


def browsers() -> tuple[tuple[str, str], ...]:
    """Name and command of those found on this computer."""
    found = ((name, next(filter(shutil.which, commands), "")) for name, commands in _KNOWN)
    return tuple((name, command) for name, command in found if command)


async def _run(command: str, url: str) -> bool:
    words = shlex.split(command)
    argv = [word.replace("%s", url) for word in words] if "%s" in command else [*words, url]
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as exc:
        _LOG.warning("the browser %r did not start: %s", words[0] if words else command, type(exc).__name__)
        return False
    try:
        async with asyncio.timeout(_SETTLE_S):
            return await process.wait() == 0
    except TimeoutError:
        # A browser that was not running yet stays: that is what starting one looks like.
        return True
