"""Where the starts of one profile meet, and what a later one tells the first. No Qt: a link is handed over at once.

One line of JSON with the protocol's version, answered by `ok`. The peer is this same user (a folder of theirs alone,
socket mode 0700, and the system's word on whose process it is), and what it says is looked at as if it were a stranger:
a link passes a browser before it comes here.
"""

import hashlib
import json
import logging
import os
import socket
import stat
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from desktop.core.links import handoff_of, link_to

PROTOCOL: Final = 1
MOST_BYTES: Final = 1024
OK: Final = b"ok\n"
ANSWER_S: Final = 5.0
# A socket's path holds 107 bytes, and Qt makes its own longer for a moment.
_PATH_MOST: Final = 90
_SHARED: Final = Path("/tmp")  # noqa: S108 - only for a folder that is checked to be this user's alone
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Errand:
    """What a later start wants: the window, with this handoff in it if one is named."""

    handoff_id: str | None = None

    def line(self) -> bytes:
        """As it goes over."""
        return json.dumps({"v": PROTOCOL, "open": self.handoff_id}).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> "Errand | None":
        """Null for anything that this version does not understand."""
        try:
            said: Any = json.loads(line)
        except (ValueError, RecursionError):
            return None
        match said:
            case {"v": 1, "open": None}:
                return cls()
            case {"v": 1, "open": str(handoff_id)} if handoff_of(link_to(handoff_id)) is not None:
                return cls(handoff_id)
            case _:
                return None


@dataclass(frozen=True, slots=True)
class Place:
    """`lock` is the lock file, `name` the socket's path, or on Windows the pipe's name."""

    lock: Path
    name: str

    @classmethod
    def of(cls, profile: str) -> "Place":
        """The profile's, for this user and on Windows this session of theirs."""
        who = str(os.getuid()) if os.name == "posix" else f"{os.environ.get('USERNAME', '')}:{_session()}"
        folder = _folder()
        digest = hashlib.sha256(f"{who}:{folder}:{profile}".encode()).hexdigest()[:16]
        name = f"flowpilot-tray-{digest}"
        path = str(_socket_path(folder, name)) if os.name == "posix" else name
        return cls(folder / f"{name}.lock", path)


def hand_over(place: Place, errand: Errand, within_s: float = ANSWER_S) -> bool:
    """Whether the first start has taken it. One that is not there, or does not answer, has not."""
    try:
        return _posix(place, errand, within_s) if os.name == "posix" else _windows(place, errand)
    except OSError as exc:
        _LOG.debug("no first start to be reached: %s", exc)
        return False


def _posix(place: Place, errand: Errand, within_s: float) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(within_s)
        peer.connect(place.name)
        if not _same_user(peer):
            _LOG.warning("another user listens at %s; nothing is said to them", place.name)
            return False
        peer.sendall(errand.line())
        return peer.recv(len(OK)) == OK


def _windows(place: Place, errand: Errand) -> bool:
    with Path(rf"\\.\pipe\{place.name}").open("r+b", buffering=0) as pipe:
        pipe.write(errand.line())
        return pipe.read(len(OK)) == OK


def _session() -> int:
    """The number of the Windows session; two sessions of one user have an app each."""
    import ctypes  # noqa: PLC0415 - Windows only

    number = ctypes.c_ulong()
    windows: Any = ctypes
    windows.windll.kernel32.ProcessIdToSessionId(os.getpid(), ctypes.byref(number))
    return number.value


def _socket_path(folder: Path, name: str) -> Path:
    """In `folder`, or where that is too deep for a socket in a folder of this user's own under `/tmp`."""
    path = folder / f"{name}.sock"
    if len(os.fsencode(path)) <= _PATH_MOST:
        return path
    own = _own(_SHARED / f"flowpilot-{os.getuid()}")
    return own / f"{name}.sock" if own else path


def _folder() -> Path:
    """The session's runtime folder; without one a folder of this user's own, in the shared `/tmp` or else at home."""
    if os.name != "posix":
        return Path(tempfile.gettempdir())  # on Windows each user's own
    if given := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(given)
    return _own(_SHARED / f"flowpilot-{os.getuid()}") or _own(Path.home() / ".flowpilot-run") or Path.home()


def _own(folder: Path) -> Path | None:
    """The folder, made where it is missing, if it is this user's alone, and no link to another."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return folder if ours else None


def _same_user(peer: socket.socket) -> bool:
    """What the system says of whoever listens: process, user, group."""
    if not hasattr(socket, "SO_PEERCRED"):  # not Linux: the folder alone has to do
        return True
    said = struct.Struct("3i")
    _process, user, _group = said.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, said.size))
    return bool(user == os.getuid())
