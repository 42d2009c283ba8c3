"""What one installation remembers of updates: its share, the version on trial, those that it has gone back from.

DATA/tray/updates/state.json; the signatures believed so far lie beside it, in `metadata`. Small and free of heavy
imports: it is read at each start.
"""

import json
import os
import random
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

_FILE: Final = "state.json"
MOST_TRIES: Final = 2
"""Starts of a new version that did not last; with the next one the former version is back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """`segment` from 0 to 99 decides when a staged roll-out comes. `trial` is a version that has not proved itself."""

    segment: int
    trial: str = ""
    tries: int = 0
    refused: tuple[str, ...] = ()


def read(folder: Path) -> State:
    """As it was kept; a new one, with a share of its own, where there is none or none that can be read."""
    try:
        said: Any = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        return State(
            segment=int(said["segment"]) % 100,
            trial=str(said["trial"]),
            tries=int(said["tries"]),
            refused=tuple(str(version) for version in said["refused"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return State(segment=random.SystemRandom().randrange(100))


def write(folder: Path, state: State) -> None:
    """Keep it. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = folder / f"{_FILE}.new"
    with new.open("w", encoding="utf-8") as file:
        json.dump(asdict(state), file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / _FILE)


def begun(state: State, version: str) -> tuple[State, bool]:
    """This version starts: the state to keep, and whether to go back to the former one instead."""
    if state.trial != version:
        return state, False
    if state.tries >= MOST_TRIES:
        return replace(state, trial="", tries=0, refused=(*state.refused[-9:], version)), True
    return replace(state, tries=state.tries + 1), False


def proved(state: State) -> State:
    """The version on trial runs well."""
    return replace(state, trial="", tries=0)
