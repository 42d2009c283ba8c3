"""The desktop app's installers: files of the folder that FLOWPILOT_INSTALLERS_DIR names, else `installers` of the data.

`SHA256SUMS` beside them, as `make release` writes it, is held against each file: one that differs is shown as damaged
and not given out.
"""

import asyncio
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

_KINDS: Final = (
    (".msi", "Windows 10, 11", "MSI for managed install"),
    (".exe", "Windows 10, 11", "EXE set-up, per machine"),
    (".pkg", "macOS 12 and later", "PKG for managed install"),
    (".dmg", "macOS 12 and later", "DMG, Apple silicon and Intel"),
    (".deb", "Debian, Ubuntu", "deb"),
    (".rpm", "Fedora, RHEL", "rpm"),
    (".tar.xz", "Other Linux", "tar.xz for one person"),
    (".appimage", "Other Linux", "AppImage"),
)
_VERSION: Final = re.compile(r"(?<!\d)(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?!\d)")
_BLOCK: Final = 1 << 20
SUMS: Final = "SHA256SUMS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installer:
    """One file. `size` in bytes, `sha256` in hexadecimal, `version` empty where its name has none."""

    name: str
    path: Path
    system: str
    kind: str
    version: str
    size: int
    sha256: str
    listed: bool | None
    """Whether SHA256SUMS says the same; None where it does not name the file, or is not there."""

    @property
    def damaged(self) -> bool:
        """It is not the file that was released."""
        return self.listed is False

    @property
    def trial(self) -> bool:
        """It is a test build by its name, for the builder's own computers."""
        return "-test." in self.name

    @property
    def size_words(self) -> str:
        """`74 MB`."""
        return f"{self.size / 1e6:.0f} MB" if self.size >= 1e6 else f"{max(self.size, 1) / 1e3:.0f} kB"


@dataclass(frozen=True, slots=True)
class Version:
    """A version that can be compared."""

    parts: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> "Version | None":
        """The version in a text, or None."""
        found = _VERSION.search(text)
        return cls(tuple(int(part) for part in found.groups())) if found else None

    def newer_than(self, text: str) -> bool:
        """Whether a computer that says `text` should be brought up to date; what cannot be read is left alone."""
        other = Version.of(text)
        return other is not None and self.parts > other.parts

    def __str__(self) -> str:
        return ".".join(str(part) for part in self.parts)


async def installers(folder: Path | None) -> list[Installer]:
    """The folder's installers, by system; none where there is no folder."""
    return await asyncio.to_thread(_look, folder) if folder is not None else []


async def newest(folder: Path | None) -> Version | None:
    """The newest version on offer."""
    versions = [Version.of(one.version) for one in await installers(folder)]
    return max((one for one in versions if one), key=lambda one: one.parts, default=None)


def _look(folder: Path) -> list[Installer]:
    if not folder.is_dir():
        return []
    found: list[Installer] = []
    sums = _sums(folder / SUMS)
    for suffix, system, kind in _KINDS:
        for path in sorted(folder.iterdir(), reverse=True):
            if path.name.lower().endswith(suffix) and _offered(path):
                stat = path.stat()
                sha256 = _checksum(str(path), stat.st_size, stat.st_mtime_ns)
                found.append(
                    Installer(
                        name=path.name,
                        path=path,
                        system=system,
                        kind=kind,
                        version=str(Version.of(path.name) or ""),
                        size=stat.st_size,
                        sha256=sha256,
                        listed=sums[path.name] == sha256 if path.name in sums else None,
                    )
                )
    return found


def _offered(path: Path) -> bool:
    """A plain file of this folder; a link that leads out of it is none."""
    inside = path.resolve().parent == path.parent.resolve()
    return inside and path.is_file() and not path.name.startswith(".")


def _sums(path: Path) -> dict[str, str]:
    """Name to checksum, of lines as `sha256sum` writes them."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    pairs = (line.split(maxsplit=1) for line in lines)
    return {pair[1].lstrip("*"): pair[0].lower() for pair in pairs if len(pair) == 2}


@lru_cache(maxsize=64)
def _checksum(path: str, _size: int, _changed_ns: int) -> str:
    """Read once for as long as the file stays as it is."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
