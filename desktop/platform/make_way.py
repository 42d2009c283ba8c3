"""Windows: an installer cannot replace the files of a running program, and people want it to run again afterwards.

The installer starts the installed program twice, as SYSTEM or as an administrator. `--make-way`, before it touches a
file: a mark in the machine's registry asks every running one to end, which each does once no claim is under way; who
has not ended in time is ended. `--start-in-sessions`, after: the new one is started for everyone who is signed in.
Where a file waits for a restart nothing is started: `--keep-files` then does the part that cannot wait (`at_restart`).
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from desktop.platform import at_restart
from desktop.platform.windows_sessions import Running
from desktop.settings.registry import MACHINE_KEY, Registry

MAKE_WAY_OPTION: Final = "--make-way"
START_OPTION: Final = "--start-in-sessions"
LOOK_EVERY_S: Final = 2.0
PATIENCE_S: Final = 25.0
"""What a running one has to end; a claim takes a second or two."""
KEY: Final = rf"{MACHINE_KEY}\Tray"
_ASKED: Final = "MakeWay"
_ENDED: Final = "EndedIn"
_STEP_S: Final = 0.25


class Sessions(Protocol):
    """What is asked of the system."""

    def signed_in(self) -> list[int]:
        """Numbers of people's sessions."""
        ...

    def running(self, program: Path) -> list[Running]:
        """Processes of this file."""
        ...

    def kill(self, process: int) -> None:
        """End it now."""
        ...

    def start(self, session: int, command: tuple[str, ...]) -> None:
        """Start it for that session's user. Raises `OSError`."""
        ...


def is_asked(registry: Registry) -> bool:
    """Whether an installer waits for the running ones to end."""
    try:
        return _ASKED in registry.values("HKLM", KEY)
    except OSError:
        return False


def make_way(
    registry: Registry,
    sessions: Sessions,
    program: Path,
    own: int,
    pause: Callable[[float], None] = time.sleep,
    patience_s: float = PATIENCE_S,
) -> None:
    """Answers when no process but `own` runs `program`. Raises `OSError` where the machine's registry is closed."""

    def others() -> list[Running]:
        return [one for one in sessions.running(program) if one.process != own]

    found = others()
    registry.write("HKLM", KEY, _ENDED, " ".join(sorted({str(one.session) for one in found})))
    if not found:
        return
    registry.write("HKLM", KEY, _ASKED, "1")
    try:
        waited = 0.0
        while others() and waited < patience_s:
            pause(_STEP_S)
            waited += _STEP_S
        for one in others():
            sessions.kill(one.process)
    finally:
        registry.delete("HKLM", KEY, _ASKED)


def start_in_sessions(registry: Registry, sessions: Sessions, program: Path) -> list[str]:
    """Start `program` for everyone signed in; where it ran before in any case, else by the setting `start_at_login`.

    Answers one line for each session in which it could not be started.
    """
    ended = str(registry.values("HKLM", KEY).get(_ENDED, "")).split()
    trouble = []
    for session in sessions.signed_in():
        command = (str(program),) if str(session) in ended else (str(program), "--autostart")
        try:
            sessions.start(session, command)
        except OSError as exc:
            trouble.append(f"session {session}: {exc.strerror}")
    registry.delete("HKLM", KEY, _ENDED)
    return trouble


def _kept(folder: Path) -> list[str]:
    try:
        at_restart.keep(folder)
    except OSError as exc:
        return [f"orders for the restart: {exc.strerror or exc}"]
    return []


def run(option: str) -> int:
    """What an installer has asked for; answers the exit code."""
    if os.name != "nt":
        sys.stderr.write(f"flowpilot-tray: {option} is for installers on Windows\n")
        return 2
    from desktop.platform.windows_sessions import WindowsSessions  # noqa: PLC0415 - the same
    from desktop.settings.registry import WinRegistry  # noqa: PLC0415 - the same

    registry, sessions, program = WinRegistry(), WindowsSessions(), Path(sys.executable)
    try:
        if option == MAKE_WAY_OPTION:
            make_way(registry, sessions, program, os.getpid())
            return 0
        trouble = _kept(program.parent)
        if option == START_OPTION:  # whatever came of it: people want their app today
            trouble += start_in_sessions(registry, sessions, program)
    except OSError as exc:
        trouble = [exc.strerror or str(exc)]
    sys.stderr.write("".join(f"flowpilot-tray: {line}\n" for line in trouble))
    return 1 if trouble else 0
