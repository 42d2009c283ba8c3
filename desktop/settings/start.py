"""Where one profile of the tray app keeps its things, and what it remembers.

    DATA/tray/PROFILE/profile.json    the server's address (never the token: that is the keyring's)
    DATA/tray/PROFILE/queue.json      the last queue, for when there is no server; goes with the sign-in
    DATA/tray/PROFILE/tray.log        the log, rotated at 1 MB, three old ones kept
    CONFIG/tray/PROFILE/settings.json the user's own settings

DATA is `--data-dir`, else `FLOWPILOT_DATA_DIR`, else the user's data folder; CONFIG is the user's configuration folder,
or DATA where that is named. `FLOWPILOT_CA_FILE` names a PEM file with further certificate authorities;
`FLOWPILOT_LOG_LEVEL=debug` also logs to standard error.
"""

import json
import logging
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from desktop.settings.files import Given, UserFile
from desktop.settings.schema import BY_NAME
from desktop.settings.sources import all_sources, given
from desktop.settings.store import Store

_LOG: Final = logging.getLogger(__name__)
_PROFILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class SettingsError(ValueError):
    """One plain line for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One start of the app. `server` is null before the first sign-in."""

    profile: str
    folder: Path
    server: str | None
    ca_file: Path | None
    log_level: str
    events_path: Path | None
    store: Store

    @property
    def log_path(self) -> Path:
        """The log file."""
        return self.folder / "tray.log"

    @property
    def queue_path(self) -> Path:
        """The last queue, to be read without a server."""
        return self.folder / "queue.json"

    def remember(self, server: str) -> None:
        """Keep the server's address for the next start."""
        temporary = self.folder / "profile.json.new"
        temporary.write_text(json.dumps({"server": server}) + "\n", encoding="utf-8")
        temporary.replace(self.folder / "profile.json")


def load(
    *, server: str | None, profile: str, data_dir: str | None, overrides: Iterable[str] = (), write: bool = True
) -> Settings:
    """From the command line and the environment; with `write` false no folder is made. Raises `SettingsError`."""
    if not _PROFILE.fullmatch(profile):
        raise SettingsError(f"{profile!r} is no profile name: use up to 64 letters, digits, dots, dashes")
    folder = _data_dir(data_dir) / "tray" / profile
    address = server_address(server) if server is not None else None
    first = _first(address, overrides)
    if write:
        _make(folder)
    user = UserFile(_config_dir(data_dir) / "tray" / profile / "settings.json")
    store = Store(all_sources(first, user), user)
    ca_file = store.words("ca_file")
    events = os.environ.get("FLOWPILOT_TRAY_EVENTS")
    return Settings(
        profile=profile,
        folder=folder,
        server=address or _server(store, folder),
        ca_file=Path(ca_file) if ca_file else None,
        log_level=os.environ.get("FLOWPILOT_LOG_LEVEL", "info").lower(),
        events_path=Path(events) if events else None,
        store=store,
    )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "tray.log").open("a", encoding="utf-8").close()
    except OSError as exc:
        raise SettingsError(f"cannot write in {folder}: {exc.strerror}") from exc


def _first(server: str | None, overrides: Iterable[str]) -> Given:
    options: list[tuple[str, str, object]] = []
    if ca_file := os.environ.get("FLOWPILOT_CA_FILE"):
        options.append(("FLOWPILOT_CA_FILE", "ca_file", ca_file))
    if server is not None:
        options.append(("--server", "server", server))
    for text in overrides:
        name, sign, value = text.partition("=")
        if not sign or name not in BY_NAME:
            raise SettingsError(f"--set wants NAME=VALUE with a name that --print-settings shows, not {text!r}")
        try:
            options.append(("--set", name, BY_NAME[name].accept(value)))
        except ValueError as exc:
            raise SettingsError(str(exc)) from exc
    return given(options)


def _server(store: Store, folder: Path) -> str | None:
    """Set from above, else what was signed in to last, else where this computer's users begin."""
    found = store.get("server")
    named = str(found.value) or None
    if not found.locked and (remembered := _remembered(folder)) is not None:
        return remembered
    try:
        return server_address(named) if named else None
    except SettingsError as exc:
        _LOG.warning("settings: %s: %s", found.where, exc)
        return _remembered(folder)


def server_address(text: str) -> str:
    """`https://host[:port][/path]` without a slash at the end. Raises `SettingsError`."""
    try:
        parts = urlsplit(text.strip())
        well_formed = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        well_formed = False
    if not well_formed:
        raise SettingsError(f"{text!r} is no server address: it looks like https://flowpilot.example.com")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise SettingsError("a server address has no user, password, query or fragment")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _data_dir(given: str | None) -> Path:
    named = given or os.environ.get("FLOWPILOT_DATA_DIR")
    if named:
        return Path(named)
    from platformdirs import user_data_path  # noqa: PLC0415 - only where no folder is named

    return user_data_path("flowpilot", appauthor=False)


def _config_dir(given_data: str | None) -> Path:
    if given_data or os.environ.get("FLOWPILOT_DATA_DIR"):
        return _data_dir(given_data)
    from platformdirs import user_config_path  # noqa: PLC0415 - only where no folder is named

    return user_config_path("flowpilot", appauthor=False)


def _remembered(folder: Path) -> str | None:
    try:
        kept: Any = json.loads((folder / "profile.json").read_text(encoding="utf-8"))
        return server_address(kept["server"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # No profile yet, or one that cannot be read: sign-in asks for the address again.
        return None
