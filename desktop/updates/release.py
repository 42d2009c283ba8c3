"""What a release says of itself, and whether it is offered to this installation. Pure.

A release is one signed JSON file per channel, `stable.json` or `early.json`:

    {"version": "1.2.0", "rollout": 25, "files": {"linux-x86_64": "flowpilot-tray-1.2.0-linux-x86_64.tar.xz"}}

`rollout` is the share of installations that it is offered to, in percent.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_VERSION: Final = re.compile(r"\d{1,6}(\.\d{1,6}){2}")
_BOUND: Final = re.compile(r"\d{1,6}(\.\d{1,6}){0,2}")
_FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
SEGMENTS: Final = 100


class BadReleaseError(ValueError):
    """It is signed, and says nothing that can be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """`files` by platform, as names of targets. `rollout` from 0 to 100."""

    version: str
    rollout: int
    files: Mapping[str, str]

    @classmethod
    def read(cls, content: bytes) -> "Release":
        """Raises `BadReleaseError`."""
        try:
            said: Any = json.loads(content)
        except ValueError as exc:
            raise BadReleaseError(str(exc)) from exc
        match said:
            case {"version": str(version), "rollout": int(rollout), "files": dict(files)} if (
                _VERSION.fullmatch(version)
                and not isinstance(rollout, bool)
                and 0 <= rollout <= SEGMENTS
                and all(isinstance(name, str) and _FILE.fullmatch(name) for name in files.values())
            ):
                return cls(version=version, rollout=rollout, files={str(key): name for key, name in files.items()})
        raise BadReleaseError("it is not of the form that this version knows")


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """This installation: its version, the bound of its settings, its share from 0 to 99, what it has gone back from."""

    version: str
    pin: str
    segment: int
    refused: frozenset[str] = frozenset()


def offered(release: Release, here: Here) -> bool:
    """Whether this installation is to have it: newer, within the bound, its share's turn, not gone back from before."""
    return (
        numbers(release.version) > numbers(here.version)
        and within(release.version, here.pin)
        and here.segment < release.rollout
        and release.version not in here.refused
    )


def within(version: str, pin: str) -> bool:
    """`1.2` allows every 1.2.x. A bound that is none allows nothing: whoever wrote it wanted to hold something back."""
    bound = pin.strip()
    if not bound:
        return True
    return _BOUND.fullmatch(bound) is not None and numbers(version)[: bound.count(".") + 1] == numbers(bound)


def numbers(version: str) -> tuple[int, ...]:
    """`1.10.0` after `1.9.2`."""
    return tuple(int(part) for part in version.split("."))
