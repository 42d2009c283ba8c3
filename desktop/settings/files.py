"""Layers that are files: folders of JSON files as administrators place them, and the user's own file.

A file that is not there says nothing. One that cannot be read is passed over with one line; the app works on. So is one
in a folder of the computer that somebody else than root could have written: it speaks for everybody on the computer.
"""

import json
import os
import stat
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from desktop.settings.layers import Layer, Part
from desktop.settings.schema import Value

POLICY: Final = Path("/etc/flowpilot/policy.d")
MACHINE: Final = Path("/etc/flowpilot/defaults.d")
MOST_BYTES: Final = 256 * 1024
ROOT: Final = 0


class JsonFolder:
    """`desktop.settings.sources.Source`: every `*.json` of one folder, by name.

    With `owner` (a user's number) only files of that user that nobody else can write.
    """

    def __init__(self, folder: Path, layer: Layer, owner: int | None = None) -> None:
        self._folder = folder
        self._layer = layer
        self.owner = owner

    def read(self) -> tuple[list[Part], list[str]]:
        """The parts, and a line for each file that could not be read."""
        try:
            paths = sorted(path for path in self._folder.iterdir() if path.suffix == ".json")
        except OSError as exc:
            missing = isinstance(exc, FileNotFoundError)
            return [], [] if missing else [f"{self._folder}: {exc.strerror}"]
        parts, trouble = [], []
        for path in paths:
            values, wrong = read_json(path, self.owner)
            trouble += wrong
            parts.append(Part(self._layer, str(path), values))
        return parts, trouble

    def watched(self) -> list[Path]:
        """The folder and what is in it."""
        try:
            return [self._folder, *sorted(self._folder.glob("*.json"))]
        except OSError:
            return [self._folder]


class UserFile:
    """`desktop.settings.sources.Source`: one JSON object, replaced as a whole so that it is never half written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[list[Part], list[str]]:
        """The part, and a line when it could not be read."""
        values, trouble = read_json(self.path)
        return [Part("user", str(self.path), values)], trouble

    def watched(self) -> list[Path]:
        """The folder and the file."""
        return [self.path.parent, self.path]

    def write(self, values: Mapping[str, Value]) -> None:
        """Replace the file; raises `OSError`. The former one stays when anything fails."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if read_json(self.path)[1]:
            # Somebody's own hand broke it; what they wrote is theirs to mend.
            self.path.replace(self.path.with_name(f"{self.path.name}.broken"))
        number, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                json.dump(dict(sorted(values.items())), file, indent=2)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


class Given:
    """`desktop.settings.sources.Source`: what the command line and the environment say; it never changes."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = list(parts)

    def read(self) -> tuple[list[Part], list[str]]:
        """As given."""
        return self._parts, []

    def watched(self) -> list[Path]:
        """Nothing."""
        return []


def read_json(path: Path, owner: int | None = None) -> tuple[dict[str, Any], list[str]]:
    """One object; empty, with one line that says why, when the file holds none or is not `owner`'s alone."""
    try:
        with path.open("rb") as file:
            # The open file is asked, not its name: what is judged is what is read.
            wrong = _foreign(os.fstat(file.fileno()), owner) if owner is not None else ""
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            wrong = f"larger than {MOST_BYTES} bytes"
        values = json.loads(content) if not wrong else {}
        if not isinstance(values, dict):
            values, wrong = {}, "no JSON object"
    except FileNotFoundError:
        return {}, []
    except OSError as exc:
        values, wrong = {}, str(exc.strerror)
    except (ValueError, RecursionError) as exc:
        values, wrong = {}, f"no JSON ({str(exc)[:80]})"
    return values, [f"{path}: {wrong}, passed over"] if wrong else []


def _foreign(found: os.stat_result, owner: int) -> str:
    """Why somebody else may have written it; empty when nobody can have."""
    if found.st_uid != owner:
        return f"belongs to user {found.st_uid}, not to root"
    group = found.st_mode & stat.S_IWGRP and found.st_gid != ROOT
    return "can be written by others" if group or found.st_mode & stat.S_IWOTH else ""
