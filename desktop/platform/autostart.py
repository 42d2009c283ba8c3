"""Start at login, behind one port: what is asked for, and what is really so.

XDG: a desktop file in the user's autostart folder, over the computer's own; Windows: the Run key, and what the user
turned off in the Task Manager; macOS: a launch agent. The last two are tested against fakes; not run there.
"""

import os
import plistlib
import subprocess
import sys
from configparser import ConfigParser, Error
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from desktop.platform.program import NAME, quoted, this_program
from desktop.settings.registry import Registry

LABEL: Final = "com.flowpilot.tray"
RUN_KEY: Final = r"Software\Microsoft\Windows\CurrentVersion\Run"
APPROVED_KEY: Final = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"


@dataclass(frozen=True, slots=True)
class AutostartState:
    """What will happen at the next login. `held_by` names what decides against the user's own choice."""

    on: bool
    held_by: str | None = None


class Autostart(Protocol):
    """One system's way."""

    def state(self) -> AutostartState:
        """Read back. Raises `OSError`."""
        ...

    def set(self, *, on: bool) -> None:
        """Ask for it. Raises `OSError`."""
        ...


class XdgAutostart:
    """Desktop files. An entry that is hidden in the user's folder switches the computer's entry off."""

    def __init__(
        self, command: tuple[str, ...], user: Path | None = None, system: tuple[Path, ...] | None = None
    ) -> None:
        home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        folders = (os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")
        self._command = command
        self._mine = (user or home / "autostart") / f"{NAME}.desktop"
        self._system = [each / f"{NAME}.desktop" for each in system or tuple(Path(f) / "autostart" for f in folders)]

    def state(self) -> AutostartState:
        """See the port."""
        for path in (self._mine, *self._system):
            if path.exists():
                return AutostartState(on=_starts(path))
        return AutostartState(on=False)

    def set(self, *, on: bool) -> None:
        """See the port."""
        system = next((path for path in self._system if path.exists()), None)
        if on and system is not None and _starts(system):
            self._mine.unlink(missing_ok=True)
        elif on:
            self._write(hidden=False)
        elif system is not None:
            self._write(hidden=True)
        else:
            self._mine.unlink(missing_ok=True)

    def _write(self, *, hidden: bool) -> None:
        lines = [
            "[Desktop Entry]",
            "Type=Application",
            "Name=FlowPilot Escalations",
            f"Exec={' '.join(map(quoted, self._command))}",
            "Icon=flowpilot-tray",
            "Terminal=false",
            f"Hidden={'true' if hidden else 'false'}",
            f"X-GNOME-Autostart-enabled={'false' if hidden else 'true'}",
        ]
        self._mine.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = self._mine.with_suffix(".new")
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
        temporary.replace(self._mine)


class WindowsAutostart:
    """The user's Run key; an installer's for all users counts too. What the Task Manager says is not written over."""

    def __init__(self, command: tuple[str, ...], registry: Registry, name: str = "FlowPilot") -> None:
        self._command = command
        self._registry = registry
        self._name = name

    def state(self) -> AutostartState:
        """See the port."""
        named = self._name in self._registry.values("HKCU", RUN_KEY)
        shared = self._name in self._registry.values("HKLM", RUN_KEY)
        for hive in ("HKCU", "HKLM"):
            verdict = self._registry.values(hive, APPROVED_KEY).get(self._name)
            # The first byte is even while it may start, odd once it was turned off.
            if (named or shared) and isinstance(verdict, bytes) and verdict[:1] and verdict[0] % 2:
                return AutostartState(on=False, held_by="Turned off in the Task Manager")
        return AutostartState(on=named or shared, held_by="Set for everyone on this computer" if shared else None)

    def set(self, *, on: bool) -> None:
        """See the port."""
        if on:
            self._registry.write("HKCU", RUN_KEY, self._name, subprocess.list2cmdline(self._command))
        else:
            self._registry.delete("HKCU", RUN_KEY, self._name)


class LaunchAgent:
    """A property list in the user's library."""

    def __init__(self, command: tuple[str, ...], folder: Path | None = None) -> None:
        self._command = command
        self._path = (folder or Path.home() / "Library" / "LaunchAgents") / f"{LABEL}.plist"

    def state(self) -> AutostartState:
        """See the port."""
        try:
            agent = plistlib.loads(self._path.read_bytes())
        except (FileNotFoundError, plistlib.InvalidFileException, ValueError):
            return AutostartState(on=False)
        return AutostartState(on=agent.get("RunAtLoad") is True and not agent.get("Disabled", False))

    def set(self, *, on: bool) -> None:
        """See the port."""
        if not on:
            self._path.unlink(missing_ok=True)
            return
        agent = {
            "Label": LABEL,
            "ProgramArguments": list(self._command),
            "RunAtLoad": True,
            "ProcessType": "Interactive",
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_bytes(plistlib.dumps(agent))


def of_this_computer(profile: str) -> Autostart:
    """This system's way to start this very program."""
    command = this_program(profile)
    if sys.platform == "win32":
        from desktop.settings.registry import WinRegistry  # noqa: PLC0415 - there only

        return WindowsAutostart(command, WinRegistry())
    if sys.platform == "darwin":
        return LaunchAgent(command)
    return XdgAutostart(command)


def _starts(path: Path) -> bool:
    parser = ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # keys of desktop files differ by case
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
        entry = parser["Desktop Entry"]
    except (Error, KeyError, UnicodeDecodeError):
        return False
    hidden = entry.get("Hidden", "false").strip().lower() == "true"
    return not hidden and entry.get("X-GNOME-Autostart-enabled", "true").strip().lower() != "false"
