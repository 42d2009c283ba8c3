"""Unpacks a new version beside the one that runs, tries it, and lets the two change places in one step.

.flowpilot-tray.new      the new one, until it has been tried
flowpilot-tray           the one that runs
.flowpilot-tray.former   the one before, until the new one has proved itself
"""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

NAME: Final = "flowpilot-tray"
TRIED_WITHIN_S: Final = 120
_AT_FDCWD: Final = -100
_EXCHANGE: Final = 2
_NOT_THERE: Final = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}


class StagingError(Exception):
    """The text is one plain line for people."""


def own_folder() -> Path | None:
    """The folder of this installation, where it may renew itself: a bundle on Linux in a folder of the user's own."""
    if sys.platform != "linux" or not getattr(sys, "frozen", False):
        return None
    folder = Path(sys.executable).parent
    return folder if may_renew(folder) else None


def may_renew(folder: Path) -> bool:
    """Whether this user owns the folder and what it lies in. What a package manager has put there is not theirs."""
    try:
        mine = os.getuid() != 0 and all(one.stat().st_uid == os.getuid() for one in (folder, folder.parent))
    except OSError:
        return False
    return mine and not folder.is_symlink() and os.access(folder.parent, os.W_OK)


def stage(archive: Path, folder: Path) -> Path:
    """Unpack and try it; answers the new folder. Raises `StagingError`, with nothing left behind."""
    import tarfile  # noqa: PLC0415 - in the helper process alone

    place = _beside(folder, "new")
    shutil.rmtree(place, ignore_errors=True)
    try:
        place.mkdir(mode=0o755)
        with tarfile.open(archive, "r:xz") as file:
            file.extractall(place, filter="data")
        made = place / NAME
        _try(made / NAME)
    except (OSError, tarfile.TarError, subprocess.SubprocessError) as exc:
        shutil.rmtree(place, ignore_errors=True)
        raise StagingError(f"The new version does not run on this computer ({type(exc).__name__}).") from exc
    os.sync()
    return made


def change_places(new: Path, folder: Path) -> None:
    """The new one stands where the running one stood, which is kept as the former. Raises `OSError`."""
    _exchange(new, folder)
    former = _beside(folder, "former")
    shutil.rmtree(former, ignore_errors=True)
    new.rename(former)
    shutil.rmtree(_beside(folder, "new"), ignore_errors=True)


def go_back(folder: Path) -> bool:
    """The former one stands in its place again; false where there is none. Raises `OSError`."""
    former = _beside(folder, "former")
    if not (former / NAME).is_file():
        return False
    _exchange(former, folder)
    shutil.rmtree(former, ignore_errors=True)
    return True


def forget_former(folder: Path) -> None:
    """The new one has proved itself."""
    shutil.rmtree(_beside(folder, "former"), ignore_errors=True)


def _beside(folder: Path, what: str) -> Path:
    return folder.parent / f".{folder.name}.{what}"


def _try(program: Path) -> None:
    """Whether it starts here, with every library that it needs."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("LD_", "_PYI", "QT_"))}
    subprocess.run(  # noqa: S603 - signed by the release's keys
        [str(program), "--self-check"],
        check=True,
        env=environment | {"PYINSTALLER_RESET_ENVIRONMENT": "1"},
        timeout=TRIED_WITHIN_S,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _exchange(one: Path, other: Path) -> None:
    """Both names change what they mean in one step, so that no power cut leaves the computer without the program."""
    import ctypes  # noqa: PLC0415 - a few times a year

    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE)
    if done == 0:
        return
    number = ctypes.get_errno()
    if number not in _NOT_THERE:
        raise OSError(number, os.strerror(number), str(other))
    aside = _beside(other, "aside")  # a file system without it: two steps, the old one back if the second fails
    other.rename(aside)
    try:
        one.rename(other)
    except OSError:
        aside.rename(other)
        raise
    aside.rename(one)
