"""Runs Windows programs on Linux: a prefix of its own, without a display, a menu or a browser engine."""

import os
import subprocess
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

HERE: Final = Path(__file__).resolve().parent
STAND_INS: Final = HERE / "stand-ins"
_LIBRARIES: Final[dict[str, tuple[str, ...]]] = {"icuuc": (), "mscms": (), "bcryptprimitives": ("-ladvapi32",)}
"""What Qt and Rust link and Wine 8 has not. They lie in system32, so that no bundle takes them along."""
_OVERRIDES: Final = "mscoree=d;mshtml=d;winemenubuilder.exe=d;mscms=n,b;netprofm=d"
"""No runtimes, no menus of the host, and no list of networks, on which Qt waits for ever."""
_BOOT_S: Final = 180
_LAST_WORDS_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Wine:
    """One prefix: `drive_c` lies in `folder`."""

    folder: Path
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def drive(self) -> Path:
        """What its programs see as `C:`."""
        return self.folder / "drive_c"

    def environment(self) -> dict[str, str]:
        """For `wine` and `wineserver`. Home is the prefix, so that no folder of the user's is linked into it."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        ours = {
            "WINEPREFIX": str(self.folder),
            "WINEARCH": "win64",
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": _OVERRIDES,
            "HOME": str(self.folder.parent),
        }
        return kept | ours | dict(self.extra)

    def boot(self) -> None:
        """Make the prefix if it is not there yet."""
        if not (self.folder / "system.reg").exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._run(["wineboot", "-i"], within_s=_BOOT_S)
            self.end()
        compile_stand_ins(self.drive / "windows" / "system32")

    def run(
        self,
        command: Iterable[str],
        *,
        within_s: float,
        extra: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> "subprocess.CompletedProcess[str]":
        """One program to its end. Its exit code is that of Windows modulo 256. Raises `TimeoutExpired`."""
        return self._run(["wine", *command], within_s=within_s, extra=extra, cwd=cwd)

    def end(self, *, kill: bool = False) -> None:
        """Wait until the prefix is at rest and written; or end all that runs in it."""
        self._run(["wineserver", "-k" if kill else "-w"], within_s=_BOOT_S)

    def _run(
        self, command: list[str], *, within_s: float, extra: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        # Standard streams are pipes: Python under Wine refuses files there. What a program leaves running keeps its end
        # of the pipe open, so the end of the program is what counts, not that of the pipe.
        process = subprocess.Popen(
            command,
            env=self.environment() | dict(extra or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=cwd,
        )
        said: list[str] = []
        reader = threading.Thread(target=_drain, args=(process.stdout, said), daemon=True)
        reader.start()
        try:
            code = process.wait(within_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        reader.join(_LAST_WORDS_S)
        return subprocess.CompletedProcess(command, code, "".join(said), "")


def _drain(stream: IO[str] | None, into: list[str]) -> None:
    if stream is not None:
        with stream:
            into.extend(stream)


def compile_stand_ins(folder: Path) -> None:
    """Make the stand-in libraries in `folder`. Raises CalledProcessError with the compiler's words."""
    for name, more in _LIBRARIES.items():
        target = folder / f"{name}.dll"
        source = STAND_INS / f"{name}.c"
        if target.exists() and name != "mscms" and target.stat().st_mtime > source.stat().st_mtime:
            continue
        subprocess.run(
            [
                "x86_64-w64-mingw32-gcc", "-O2", "-shared", "-nostdlib", "-Wl,--entry=0",
                "-o", str(target), str(source), *more,
            ],
            check=True,
        )  # fmt: skip


def windows_path(path: Path) -> str:
    """As a Windows program names a file of this system."""
    return "Z:" + str(path.resolve()).replace("/", "\\")
