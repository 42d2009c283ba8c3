"""Property lists as layers on macOS: managed preferences (policy) and the machine's. Tested with files; not run there.

Device management writes managed preferences for the computer and for the user; the user's speak last.
"""

import plistlib
from pathlib import Path
from typing import Final

from desktop.settings.layers import Layer, Part

DOMAIN: Final = "com.flowpilot.escalations"
MANAGED: Final = Path("/Library/Managed Preferences")
MACHINE: Final = Path("/Library/Preferences")


class PropertyList:
    """`desktop.settings.sources.Source`: one property list."""

    def __init__(self, path: Path, layer: Layer) -> None:
        self._path = path
        self._layer = layer

    def read(self) -> tuple[list[Part], list[str]]:
        """The part, and a line when it could not be read."""
        try:
            values = plistlib.loads(self._path.read_bytes())
        except FileNotFoundError:
            return [], []
        except OSError as exc:
            return [], [f"{self._path}: {exc.strerror}, passed over"]
        except Exception as exc:  # noqa: BLE001 - the parser lets many kinds out for a broken file
            return [], [f"{self._path}: no property list ({type(exc).__name__}), passed over"]
        if not isinstance(values, dict):
            return [], [f"{self._path}: no dictionary, passed over"]
        ours = {str(name): value for name, value in values.items() if not str(name).startswith("Payload")}
        return [Part(self._layer, str(self._path), ours)], []

    def watched(self) -> list[Path]:
        """The folder and the file."""
        return [self._path.parent, self._path]


def managed_preferences(user: str, managed: Path = MANAGED, machine: Path = MACHINE) -> list[PropertyList]:
    """All that there may be for one user, weakest first within each layer."""
    name = f"{DOMAIN}.plist"
    return [
        PropertyList(managed / name, "policy"),
        PropertyList(managed / user / name, "policy"),
        PropertyList(machine / name, "machine"),
    ]
