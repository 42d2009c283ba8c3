"""The Windows registry as a layer, behind a port of three calls. Tested against a fake; not run on Windows here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from desktop.settings.layers import Layer, Part
from desktop.settings.schema import BY_NAME

Hive = Literal["HKLM", "HKCU"]
POLICY_KEY: Final = r"Software\Policies\FlowPilot"
MACHINE_KEY: Final = r"Software\FlowPilot"
# Value names are free of case in a registry, and installers write them in theirs.
_INSTALLERS: Final = {"serverurl": "server", "cafile": "ca_file", "updatechannel": "update.channel"}
_NAMES: Final[dict[str, str]] = {name.lower(): name for name in BY_NAME} | _INSTALLERS


class Registry(Protocol):
    """What is asked of a registry."""

    def values(self, hive: Hive, key: str) -> Mapping[str, object]:
        """Every value of a key by name; empty when there is no such key. Raises `OSError`."""
        ...

    def write(self, hive: Hive, key: str, name: str, value: str) -> None:
        """Write one text value, making the key. Raises `OSError`."""
        ...

    def delete(self, hive: Hive, key: str, name: str) -> None:
        """Delete one value; none is nothing. Raises `OSError`."""
        ...


class RegistryKey:
    """`desktop.settings.sources.Source`: one key of HKLM."""

    def __init__(self, registry: Registry, key: str, layer: Layer) -> None:
        self._registry = registry
        self._key = key
        self._layer = layer

    def read(self) -> tuple[list[Part], list[str]]:
        """The part, and a line when the key could not be read."""
        where = f"HKLM\\{self._key}"
        try:
            values = self._registry.values("HKLM", self._key)
        except OSError as exc:
            return [], [f"{where}: {exc.strerror or exc}, passed over"]
        return [Part(self._layer, where, {_NAMES.get(k.lower(), k): v for k, v in values.items()})], []

    def watched(self) -> list[Path]:
        """No file."""
        return []


class WinRegistry:
    """`Registry` of this computer."""

    def __init__(self) -> None:
        # Typed as anything: the module exists on Windows alone, and is checked on other systems too.
        import winreg  # noqa: PLC0415 - Windows only

        self._api: Any = winreg

    def values(self, hive: Hive, key: str) -> Mapping[str, object]:
        """See the protocol."""
        found: dict[str, object] = {}
        try:
            opened = self._api.OpenKey(self._hive(hive), key)
        except FileNotFoundError:
            return found
        with opened:
            for place in range(self._api.QueryInfoKey(opened)[1]):
                name, value, _kind = self._api.EnumValue(opened, place)
                found[name] = value
        return found

    def write(self, hive: Hive, key: str, name: str, value: str) -> None:
        """See the protocol."""
        with self._api.CreateKey(self._hive(hive), key) as opened:
            self._api.SetValueEx(opened, name, 0, self._api.REG_SZ, value)

    def delete(self, hive: Hive, key: str, name: str) -> None:
        """See the protocol."""
        try:
            with self._api.OpenKey(self._hive(hive), key, 0, self._api.KEY_SET_VALUE) as opened:
                self._api.DeleteValue(opened, name)
        except FileNotFoundError:
            return

    def _hive(self, hive: Hive) -> Any:
        return self._api.HKEY_LOCAL_MACHINE if hive == "HKLM" else self._api.HKEY_CURRENT_USER
