"""Where one profile of the tray app keeps its things, and what it remembers.

    DATA/tray/PROFILE/profile.json    the server's address (never the token: that is the keyring's)
    DATA/tray/PROFILE/tray.log        the log, rotated at 1 MB, three old ones kept

DATA is `--data-dir`, else `FLOWPILOT_DATA_DIR`, else the user's data folder. `FLOWPILOT_CA_FILE` names a PEM file with
further certificate authorities; `FLOWPILOT_LOG_LEVEL=debug` also logs to standard error.
"""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

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

    @property
    def log_path(self) -> Path:
        """The log file."""
        return self.folder / "tray.log"

    def remember(self, server: str) -> None:
        """Keep the server's address for the next start."""
        temporary = self.folder / "profile.json.new"
        temporary.write_text(json.dumps({"server": server}) + "\n", encoding="utf-8")
        temporary.replace(self.folder / "profile.json")


def load(*, server: str | None, profile: str, data_dir: str | None) -> Settings:
    """From the command line and the environment. Raises `SettingsError`."""
    if not _PROFILE.fullmatch(profile):
        raise SettingsError(f"{profile!r} is no profile name: use up to 64 letters, digits, dots, dashes")
    folder = _data_dir(data_dir) / "tray" / profile
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "tray.log").open("a", encoding="utf-8").close()
    except OSError as exc:
        raise SettingsError(f"cannot write in {folder}: {exc.strerror}") from exc
    ca_file = os.environ.get("FLOWPILOT_CA_FILE")
    events = os.environ.get("FLOWPILOT_TRAY_EVENTS")
    return Settings(
        profile=profile,
        folder=folder,
        server=server_address(server) if server is not None else _remembered(folder),
        ca_file=Path(ca_file) if ca_file else None,
        log_level=os.environ.get("FLOWPILOT_LOG_LEVEL", "info").lower(),
        events_path=Path(events) if events else None,
    )


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


def _remembered(folder: Path) -> str | None:
    try:
        kept: Any = json.loads((folder / "profile.json").read_text(encoding="utf-8"))
        return server_address(kept["server"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # No profile yet, or one that cannot be read: sign-in asks for the address again.
        return None
