"""A Debian with nothing on it, in a folder: what an administrator's computer is before the package comes."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_SHARED: Final = ("/proc", "/tmp")  # noqa: S108 - the display's and the session bus's sockets lie there
_TARGETS: Final = ["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE)", "Created-By: Packages"]


class CleanRoot:
    """Run things in it with `run`. Needs root, and apt's own sources for the packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *command: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """One command inside."""
        inside = ["chroot", str(self.folder), "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]
        done = subprocess.run(
            [*inside, "DEBIAN_FRONTEND=noninteractive", *command],
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        if check and done.returncode:
            raise AssertionError(
                f"{' '.join(command)}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
            )
        return done

    def path(self, inside: str) -> Path:
        """A path inside, seen from outside."""
        return self.folder / inside.lstrip("/")


def bootstrap(folder: Path, *packages: str) -> None:
    """This system's own release with these packages, as plain files."""
    found = subprocess.run(_TARGETS, capture_output=True, text=True, check=True).stdout.split()
    site, release = found[0], found[1]
    include = [f"--include={','.join(packages)}"] if packages else []
    subprocess.run(
        ["debootstrap", "--variant=minbase", *include, release, str(folder), site],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=900,
    )


@contextlib.contextmanager
def clean_root(folder: Path) -> Iterator[CleanRoot]:
    """Make one of this system's own release; taken away again afterwards."""
    bootstrap(folder)
    mounted: list[Path] = []
    try:
        for shared in _SHARED:
            subprocess.run(["mount", "--bind", shared, str(folder / shared[1:])], check=True)
            mounted.append(folder / shared[1:])
        root = CleanRoot(folder)
        root.run("apt-get", "update", "-q")
        yield root
    finally:
        for place in reversed(mounted):
            subprocess.run(["umount", "--lazy", str(place)], check=True)
