"""`flowpilot backup FILE` and `flowpilot restore FILE`: one file that holds everything, and a server made from it.

    FILE (tar, 0600)
    ├── manifest.json    format, program, revision, moment, sha256 of the dump
    ├── database.dump    pg_dump's own format, compressed
    ├── secret.key       where the data directory keeps it; without it nothing sealed can be opened again
    └── audit-anchors.jsonl

A backup is taken while everyone works on. It is a secret: whoever has it can read everything.
"""

import argparse
import asyncio
import hashlib
import io
import json
import os
import tarfile
import tempfile
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from backend.audit.anchors import FILE as ANCHORS
from backend.commands.console import tell
from backend.commands.database import bring_up_to_date, command_database_url, refuse_without_database, wait_for_database
from backend.commands.errors import CommandError
from backend.db.archive import ArchiveError, Origin, dump, origin, restore
from backend.db.embedded import attach_or_start
from backend.db.migrate import knows
from backend.settings import Settings, data_directory

FORMAT: Final = 1
_MANIFEST: Final = "manifest.json"
_DUMP: Final = "database.dump"
_KEY: Final = "secret.key"
_MOST_MANIFEST: Final = 1_000_000


def back_up(arguments: argparse.Namespace) -> int:
    """Write the backup; the file is there whole or not at all."""
    refuse_without_database()
    settings = Settings.from_environment()
    target: Path = arguments.file.absolute()
    if target.exists():
        raise CommandError(f"{target} is there already: name a new file")
    if not target.parent.is_dir():
        raise CommandError(f"there is no folder {target.parent}")
    with command_database_url(settings) as url, tempfile.TemporaryDirectory(dir=target.parent) as folder:
        part = Path(folder) / "part"
        try:
            came_from = asyncio.run(origin(url))
            dump(url, Path(folder) / _DUMP)
        except ArchiveError as error:
            raise CommandError(str(error)) from error
        _pack(part, Path(folder) / _DUMP, came_from, settings.data_dir)
        part.rename(target)
    tell(f"{target}: {target.stat().st_size / 1e6:.1f} MB")
    return 0


def _pack(part: Path, dumped: Path, came_from: Origin, data_dir: Path) -> None:
    manifest = {
        "format": FORMAT,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": came_from.revision,
        "server": came_from.server,
        "definer_functions": list(came_from.definer_functions),
        "sha256": _sha256(dumped),
    }
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            text = json.dumps(manifest, indent=2).encode()
            head = tarfile.TarInfo(_MANIFEST)
            head.size, head.mode = len(text), 0o600
            tar.addfile(head, io.BytesIO(text))
            tar.add(dumped, _DUMP)
            for name in (_KEY, ANCHORS):
                if (data_dir / name).is_file():
                    tar.add(data_dir / name, name)
        file.flush()
        os.fsync(file.fileno())


def bring_back(arguments: argparse.Namespace) -> int:
    """Make a new data directory, or fill an empty database, from a backup."""
    source: Path = arguments.file.absolute()
    named = os.environ.get("FLOWPILOT_DATABASE_URL", "").strip()
    data_dir = data_directory()
    if not named and (data_dir / "postgres").exists():
        raise CommandError(f"{data_dir} holds a database already: restore into a new --data-dir")
    with _opened(source) as tar, tempfile.TemporaryDirectory() as folder:
        manifest = _manifest(tar, source)
        dumped = Path(folder) / _DUMP
        _take(tar, _DUMP, dumped, source)
        if _sha256(dumped) != manifest["sha256"]:
            raise CommandError(f"{source} is damaged: its database is not what was written")
        _keep(tar, _KEY, data_dir, source)
        settings = Settings.from_environment()
        came_from = Origin(manifest["revision"], manifest["server"], manifest["definer_functions"])
        with nullcontext(named) if named else attach_or_start(settings.data_dir) as url:
            asyncio.run(wait_for_database(url, wait_s=0))
            try:
                restore(url, dumped, came_from)
            except ArchiveError as error:
                raise CommandError(str(error)) from error
            asyncio.run(bring_up_to_date(url))
        _keep(tar, ANCHORS, data_dir, source)
    tell(f"restored what was written at {manifest['at']}; start the server: every client takes its queue anew")
    return 0


def _opened(source: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(source, mode="r:")
    except OSError as error:
        raise CommandError(f"{source}: {error.strerror or error}") from error
    except tarfile.TarError as error:
        raise CommandError(f"{source} is no backup of FlowPilot") from error


def _manifest(tar: tarfile.TarFile, source: Path) -> dict[str, Any]:
    try:
        member = tar.getmember(_MANIFEST)
        file = tar.extractfile(member)
        found: Any = json.loads(file.read(_MOST_MANIFEST)) if file is not None else None
        plain = all(isinstance(found[name], str) for name in ("at", "revision", "server", "sha256"))
        if not plain or not isinstance(found["definer_functions"], list):
            raise CommandError(f"{source} is no backup of FlowPilot")
    except (KeyError, ValueError, TypeError, tarfile.TarError) as error:
        raise CommandError(f"{source} is no backup of FlowPilot") from error
    if found["format"] != FORMAT or not knows(found["revision"]):
        raise CommandError(f"{source} was written by a newer FlowPilot: restore it with that version")
    return dict(found)


def _take(tar: tarfile.TarFile, name: str, target: Path, source: Path) -> None:
    """Copy one member's bytes to `target`; its own path, mode and owner count for nothing."""
    try:
        file = tar.extractfile(name)
    except (KeyError, tarfile.TarError) as error:
        raise CommandError(f"{source} is damaged: it holds no {name}") from error
    if file is None:
        raise CommandError(f"{source} is damaged: its {name} is no file")
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as kept:
        while block := file.read(1 << 20):
            kept.write(block)


def _keep(tar: tarfile.TarFile, name: str, data_dir: Path, source: Path) -> None:
    """Put a file of the backup into the data directory, unless one is there already."""
    if name not in tar.getnames() or (data_dir / name).exists():
        return
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    _take(tar, name, data_dir / name, source)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
