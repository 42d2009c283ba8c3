"""`flowpilot:` links lead to this program, behind one port.

XDG: a desktop file that names the scheme, and the two tools that tell the desktop, where they are installed; Windows:
the user's classes in the registry (tested against a fake); macOS: the bundle's property list says so.
"""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, Protocol

from desktop.core.links import SCHEME
from desktop.platform.program import NAME, quoted, this_program
from desktop.settings.registry import Registry

CLASS_KEY: Final = rf"Software\Classes\{SCHEME}"
_TOOL_S: Final = 20.0
_LOG: Final = logging.getLogger(__name__)


class LinkHandler(Protocol):
    """One system's way."""

    def register(self) -> None:
        """From now on links lead here. Raises `OSError`."""
        ...

    def unregister(self) -> None:
        """They do not any more. Raises `OSError`."""
        ...


class XdgLinkHandler:
    """A desktop file of the user's own; `folder` is where those are."""

    def __init__(self, command: tuple[str, ...], folder: Path | None = None) -> None:
        data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
        self._command = command
        self._path = (folder or data / "applications") / f"{NAME}.desktop"

    def register(self) -> None:
        """See the port."""
        lines = [
            "[Desktop Entry]",
            "Type=Application",
            "Name=FlowPilot Escalations",
            "Comment=Escalations as notifications, claimed with one click",
            f"Exec={' '.join(map(quoted, self._command))} %u",
            f"Icon={NAME}",
            "Terminal=false",
            "Categories=Network;",
            f"MimeType=x-scheme-handler/{SCHEME};",
        ]
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = self._path.with_suffix(".new")
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
        temporary.replace(self._path)
        self._tell("xdg-mime", "default", self._path.name, f"x-scheme-handler/{SCHEME}")

    def unregister(self) -> None:
        """See the port."""
        self._path.unlink(missing_ok=True)
        self._tell()

    def _tell(self, *default: str) -> None:
        """The desktop's caches. Where a tool is missing the files themselves are read, or the program is offered."""
        for command in (("update-desktop-database", str(self._path.parent)), default):
            if command and (tool := shutil.which(command[0])) is not None:
                try:
                    subprocess.run(  # noqa: S603 - a fixed tool with our own words
                        [tool, *command[1:]], check=True, capture_output=True, timeout=_TOOL_S
                    )
                except subprocess.SubprocessError as exc:
                    _LOG.warning("%s: %s", command[0], exc)


class WindowsLinkHandler:
    """The user's classes. The link comes as one quoted word, and is looked at before anything is done with it."""

    def __init__(self, command: tuple[str, ...], registry: Registry) -> None:
        self._command = command
        self._registry = registry

    def register(self) -> None:
        """See the port."""
        self._registry.write("HKCU", CLASS_KEY, "", "URL:FlowPilot Escalations")
        self._registry.write("HKCU", CLASS_KEY, "URL Protocol", "")
        command = f'{subprocess.list2cmdline(self._command)} "%1"'
        self._registry.write("HKCU", rf"{CLASS_KEY}\shell\open\command", "", command)

    def unregister(self) -> None:
        """See the port. Without its command the class opens nothing."""
        self._registry.delete("HKCU", rf"{CLASS_KEY}\shell\open\command", "")
        self._registry.delete("HKCU", CLASS_KEY, "URL Protocol")


class BundledLinkHandler:
    """macOS: the installed bundle declares the scheme."""

    def register(self) -> None:
        """Nothing to do."""

    def unregister(self) -> None:
        """The same."""


def of_this_computer(profile: str) -> LinkHandler:
    """This system's way to lead links to this very program."""
    command = this_program(profile)
    if sys.platform == "win32":
        from desktop.settings.registry import WinRegistry  # noqa: PLC0415 - there only

        return WindowsLinkHandler(command, WinRegistry())
    if sys.platform == "darwin":
        return BundledLinkHandler()
    return XdgLinkHandler(command)
