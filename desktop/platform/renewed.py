"""Notices that an upgrade has replaced the files of the running program, and starts the new one in its place.

A bundle reads its parts from its files when they are first needed: with another version's files under it, a window that
has not been opened yet could not be opened any more.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

LOOK_EVERY_S: Final = 30.0
# A later start reads these anew, or must not do them again.
_ONCE: Final = frozenset({"--token-stdin", "--autostart"})


class Renewed:
    """Looks at one file. An installer at work is left alone: the file must stand still from one look to the next."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self._begun = self._last = _mark(program)

    def look(self) -> bool:
        """Whether another file has taken its place and stays."""
        now = _mark(self._program)
        stands_still = now == self._last
        self._last = now
        return stands_still and now is not None and now != self._begun


def program_file() -> Path | None:
    """The file to watch; null where the program is not a bundle and reads its own sources."""
    return Path(sys.executable) if getattr(sys, "frozen", False) else None


def start_again(arguments: Sequence[str]) -> NoReturn:
    """Become the new program, with what this one was told. Raises `OSError` when it cannot be started."""
    kept = [word for word in arguments if word not in _ONCE and "://open/" not in word]
    environment = os.environ | {"PYINSTALLER_RESET_ENVIRONMENT": "1"}  # a program of its own, not a part of this one
    os.execve(sys.executable, [sys.executable, *kept], environment)  # noqa: S606 - ourselves, no shell


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
