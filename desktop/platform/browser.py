"""The default browser. `BROWSER` in the environment comes first (a colon-separated list of commands, as elsewhere)."""

import asyncio
import logging
import os
import shlex
from typing import Final

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

_LOG: Final = logging.getLogger(__name__)
_SETTLE_S: Final = 1.0


class DefaultBrowser:
    """`desktop.core.ports.Browser`. An address may carry a one-time ticket: it is never logged."""

    async def open(self, url: str) -> bool:
        """Whether a browser took it."""
        for command in filter(None, os.environ.get("BROWSER", "").split(os.pathsep)):
            if await _run(command, url):
                return True
        return QDesktopServices.openUrl(QUrl(url, QUrl.ParsingMode.StrictMode))


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
