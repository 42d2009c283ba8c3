"""Which of several layers speaks for a setting. Pure.

    command line  >  admin policy  >  user  >  machine default  >  built-in

A policy's value for a setting that is not lockable ranks below the user's. Every layer is checked against the
schema; what does not fit is passed over, and said once for each place.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from desktop.settings.schema import BY_NAME, TABLE, Setting, Value

Layer = Literal["command line", "policy", "user", "machine", "built-in"]
_RANK: Final[dict[Layer, int]] = {"command line": 0, "policy": 1, "user": 2, "machine": 4, "built-in": 5}
_LOCKS: Final = 1
_WISH: Final = 3


@dataclass(frozen=True, slots=True)
class Part:
    """What one place (a file, a registry key, the command line) says, as it was read. `where` names the place."""

    layer: Layer
    where: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Resolved:
    """The value in force, the layer and the place that it comes from; `locked` when the user cannot change it here."""

    value: Value
    origin: Layer
    where: str
    locked: bool = False


def resolve(parts: Iterable[Part]) -> tuple[dict[str, Resolved], list[str]]:
    """Every setting's value in force, and one line for each that was passed over.

    Within a layer the later part wins: files of one folder are read in the order of their names.
    """
    found: dict[str, dict[int, Resolved]] = {name: {} for name in BY_NAME}
    trouble: list[str] = []
    for part in parts:
        for name, raw in flattened(part.values).items():
            setting = BY_NAME.get(name)
            if setting is None or (part.layer == "user" and not setting.personal):
                what = "is not known" if setting is None else "cannot be set here"
                trouble.append(f"{part.where}: {name} {what}")
                continue
            try:
                value = setting.accept(raw)
            except ValueError as exc:
                trouble.append(f"{part.where}: {exc}")
                continue
            rank = _rank(setting, part.layer)
            found[name][rank] = Resolved(value, part.layer, part.where, locked=rank <= _LOCKS)
    return {setting.name: _first(found[setting.name], setting) for setting in TABLE}, trouble


def flattened(values: Mapping[str, object], before: str = "") -> dict[str, object]:
    """`{"notify": {"scope": "all"}}` and `{"notify.scope": "all"}` say the same."""
    flat: dict[str, object] = {}
    for name, value in values.items():
        full = f"{before}{name}"
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{full}.")
        else:
            flat[full] = value
    return flat


def _rank(setting: Setting, layer: Layer) -> int:
    """0 speaks first. A policy that may not lock speaks after the user, before the machine."""
    return _WISH if layer == "policy" and not setting.lockable else _RANK[layer]


def _first(ranks: Mapping[int, Resolved], setting: Setting) -> Resolved:
    return ranks[min(ranks)] if ranks else Resolved(setting.default, "built-in", "built-in")
