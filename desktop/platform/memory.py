"""Hands back to the system what the start has read and an idle tray does not need.

Starting touches some 45 MB of libraries (relocation, type tables, Qt's own start) of which idling needs less than half;
without this they stay in memory for as long as nothing presses. Only pages that hold nothing of our own are let go:
read-only mappings of files in which not one page was written. A page that is needed after all comes back from the page
cache by itself. Freed heap goes back too. Linux only; elsewhere, and when anything is unusual, nothing happens.
"""

import gc
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QGuiApplication

_LOG: Final = logging.getLogger(__name__)
AFTER_START_MS: Final = 5_000
AFTER_OPEN_MS: Final = 8_000
AFTER_CLOSE_MS: Final = 30_000
_DONTNEED: Final = 4
_HEAD: Final = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ (\d+)")


class Thrift(QObject):
    """Hands memory back once the start is over, and once the last window has been closed for a while.

    The screen does the same a while after the queue window has been made.
    """

    def __init__(self, app: QGuiApplication) -> None:
        super().__init__(app)
        self._wait = QTimer(self, singleShot=True)
        self._wait.timeout.connect(release)
        self._wait.start(AFTER_START_MS)
        app.lastWindowClosed.connect(self._closed)

    def _closed(self) -> None:
        self._wait.start(AFTER_CLOSE_MS)


def clean_mappings(smaps: str) -> Iterator[tuple[int, int]]:
    """Start and length of each read-only mapping of a file without a written or anonymous page (`/proc/*/smaps`)."""
    start = end = 0
    candidate = False
    for line in smaps.splitlines():
        if head := _HEAD.match(line):
            start, end = int(head[1], 16), int(head[2], 16)
            candidate = head[3] in {"r-xp", "r--p"} and head[4] != "0"
        elif candidate and line.startswith(("Private_Dirty:", "Shared_Dirty:", "Anonymous:", "Locked:")):
            candidate = line.split()[1] == "0"
        elif candidate and line.startswith("VmFlags:"):
            yield start, end - start


def release() -> None:
    """Let go of it now; some milliseconds."""
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - Linux only, once the start is over

    gc.collect()
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        madvise, trim = libc.madvise, libc.malloc_trim
        smaps = Path("/proc/self/smaps").read_text(encoding="utf-8", errors="replace")
    except (OSError, AttributeError) as exc:
        _LOG.debug("memory is not handed back here: %s", exc)
        return
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for start, length in clean_mappings(smaps):
        madvise(start, length, _DONTNEED)
    trim(0)
