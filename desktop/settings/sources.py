"""Where the layers of this computer come from, by operating system."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from desktop.settings.files import MACHINE, POLICY, ROOT, Given, JsonFolder, UserFile
from desktop.settings.layers import Part


class Source(Protocol):
    """One place, or one folder of places."""

    def read(self) -> tuple[list[Part], list[str]]:
        """What it says now, and one line for each thing that could not be read. Never raises."""
        ...

    def watched(self) -> list[Path]:
        """Files and folders whose change means that it says something else."""
        ...


def of_this_computer() -> list[Source]:
    """Policy and machine defaults."""
    if sys.platform == "win32":
        from desktop.settings.registry import MACHINE_KEY, POLICY_KEY, RegistryKey, WinRegistry  # noqa: PLC0415 - there

        registry = WinRegistry()
        return [RegistryKey(registry, POLICY_KEY, "policy"), RegistryKey(registry, MACHINE_KEY, "machine")]
    if sys.platform == "darwin":
        from desktop.settings.managed import managed_preferences  # noqa: PLC0415 - there only

        return [*managed_preferences(os.environ.get("USER", ""))]
    return [JsonFolder(POLICY, "policy", ROOT), JsonFolder(MACHINE, "machine", ROOT)]


def given(options: Iterable[tuple[str, str, object]]) -> Given:
    """`(where, name, value)` of the command line and the environment; these come before everything."""
    return Given(Part("command line", where, {name: value}) for where, name, value in options)


def all_sources(first: Given, user: UserFile) -> list[Source]:
    """The layers in reading order."""
    return [first, *of_this_computer(), user]
