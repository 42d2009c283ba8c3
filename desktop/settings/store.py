"""The settings in force: read from their layers, changed in the user's own file, told to whoever listens."""

import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from desktop.settings.files import UserFile
from desktop.settings.layers import Resolved, flattened, resolve
from desktop.settings.schema import BY_NAME, TABLE, Value
from desktop.settings.sources import Source

# A proxy's address may hold a password, and these lines are copied into mails.
_SECRET: Final = re.compile(r"//[^/@\s]+@")
_LOG: Final = logging.getLogger(__name__)


class LockedError(Exception):
    """An administrator or the command line has set it."""


class Store:
    """`sources` in reading order; `user` is the one of them that is written.

    Listeners get the names whose value, origin or lock has changed.
    """

    def __init__(self, sources: Sequence[Source], user: UserFile) -> None:
        self._sources = tuple(sources)
        self._user = user
        self._listeners: list[Callable[[frozenset[str]], None]] = []
        self._said: set[str] = set()
        self._untold: list[str] = []
        self._values = self._read()

    def get(self, name: str) -> Resolved:
        """One setting; KeyError for a name that is not in the table."""
        return self._values[name]

    def flag(self, name: str) -> bool:
        """The value of a yes or no."""
        return self._values[name].value is True

    def number(self, name: str) -> int:
        """The value of a number."""
        value = self._values[name].value
        return value if isinstance(value, int) else 0

    def words(self, name: str) -> str:
        """The value of a text, a choice or a time."""
        return str(self._values[name].value)

    def days(self, name: str) -> tuple[str, ...]:
        """The value of a list of days."""
        value = self._values[name].value
        return value if isinstance(value, tuple) else ()

    @property
    def organisation(self) -> str:
        """Who manages this computer, as its policy says."""
        return self.words("organisation") or "your organisation"

    def listen(self, listener: Callable[[frozenset[str]], None]) -> Callable[[], None]:
        """Call it after each change; answers how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def set(self, name: str, value: object) -> None:
        """The user's own choice. Raises `LockedError`, `ValueError`, and `OSError` when it cannot be kept."""
        setting = BY_NAME[name]
        if self._values[name].locked or not setting.personal:
            raise LockedError(name)
        accepted = setting.accept(value)
        mine = self._mine()
        if mine.get(name) == accepted:
            return
        self._user.write({**mine, name: accepted})
        self.reload()

    def reload(self) -> None:
        """Read every layer anew and tell what has changed."""
        before, self._values = self._values, self._read()
        self.tell_trouble()
        changed = frozenset(name for name in self._values if self._values[name] != before[name])
        if changed:
            _LOG.info("settings changed: %s", ", ".join(sorted(changed)))
            for listener in list(self._listeners):
                listener(changed)

    def trouble(self) -> list[str]:
        """One line for each thing that was passed over since this was asked last; never the same line twice."""
        untold, self._untold = self._untold, []
        return untold

    def tell_trouble(self) -> None:
        """Into the log, which begins later than the settings are read."""
        for line in self.trouble():
            _LOG.warning("settings: %s", line)

    def watched(self) -> list[Path]:
        """Files and folders to watch."""
        return [path for source in self._sources for path in source.watched()]

    def lines(self) -> list[str]:
        """`name = value    (layer: place)` for each setting, in the table's order."""
        width = max(len(setting.name) for setting in TABLE)
        return [
            f"{name:<{width}} = {_shown(each.value)}  ({_origin(each)})".replace("=   (", "= (")
            for name, each in self._values.items()
        ]

    def _mine(self) -> dict[str, Value]:
        """What the user has chosen so far; what is not understood is not carried on."""
        mine: dict[str, Value] = {}
        for part in self._user.read()[0]:
            for name, raw in flattened(part.values).items():
                if (setting := BY_NAME.get(name)) is not None and setting.personal:
                    try:
                        mine[name] = setting.accept(raw)
                    except ValueError:
                        _LOG.debug("%s is written anew without %s", part.where, name)
        return mine

    def _read(self) -> dict[str, Resolved]:
        parts, trouble = [], []
        for source in self._sources:
            found, wrong = source.read()
            parts += found
            trouble += wrong
        values, refused = resolve(parts)
        for line in [*trouble, *refused]:
            # Said once, not at each reload: a broken file may stay for months.
            if line not in self._said:
                self._said.add(line)
                self._untold.append(line)
        return values


def _shown(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case tuple():
            return " ".join(value)
        case _:
            return _SECRET.sub("//…@", str(value))


def _origin(each: Resolved) -> str:
    return each.origin if each.where == each.origin else f"{each.origin}: {each.where}"
