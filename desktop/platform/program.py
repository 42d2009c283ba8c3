"""How this very program is started again, for autostart and links."""

import shutil
import sys
from typing import Final

NAME: Final = "flowpilot-tray"
_RESERVED: Final = frozenset(" \t\n\"'\\><~|&;$*?#()`")


def this_program(profile: str) -> tuple[str, ...]:
    """The command; installed, frozen, or from its sources."""
    installed = shutil.which(NAME)
    if getattr(sys, "frozen", False):
        program: tuple[str, ...] = (sys.executable,)
    elif installed is not None:
        program = (installed,)
    else:
        program = (sys.executable, "-m", "desktop")
    return program if profile == "default" else (*program, "--profile", profile)


def quoted(word: str) -> str:
    """As a desktop entry's `Exec` wants it: quotes, and a backslash before what they do not protect."""
    word = word.replace("%", "%%")
    if not _RESERVED & set(word):
        return word
    inner = "".join(f"\\{char}" if char in '"`$\\' else char for char in word)
    return f'"{inner}"'.replace("\\", "\\\\")
