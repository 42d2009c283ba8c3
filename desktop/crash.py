"""What became of the last run: a marker while the app runs, and what the interpreter wrote when it fell.

    DATA/tray/PROFILE/running.json    there while the app runs; one that is still there at a start tells of a crash
    DATA/tray/PROFILE/crash.log       stacks of a fatal signal, written by faulthandler

A computer that was switched off leaves its marker too; another boot since, and no stack, is no crash of ours.
"""

import faulthandler
import json
import logging
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, TextIO

from desktop.version import version

_LOG: Final = logging.getLogger(__name__)
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_MOST: Final = 200_000
UNKNOWN: Final = "it was ended from outside, or ran out of memory"


@dataclass(frozen=True, slots=True)
class Crash:
    """When the run that fell had begun (UTC), and what is known of why."""

    began: datetime
    why: str


class CrashWatch:
    """One profile's. `begin` once nobody else runs with it, `end` at a proper end."""

    def __init__(self, folder: Path) -> None:
        self._marker = folder / "running.json"
        self._stacks = folder / "crash.log"
        self._file: TextIO | None = None
        self.last: Crash | None = None

    def begin(self) -> None:
        """Find out about the last run, and mark this one."""
        try:
            self.last = self._read()
            if self._stacks.exists() and self._stacks.stat().st_size > _MOST:
                self._stacks.unlink()
            self._file = self._stacks.open("a", encoding="utf-8")
            faulthandler.enable(self._file)
            told = {"began": datetime.now(UTC).isoformat(), "boot": _boot(), "stacks": self._stacks.stat().st_size}
            self._marker.write_text(json.dumps(told) + "\n", encoding="utf-8")
        except OSError as exc:
            _LOG.warning("a crash would not be noticed: %s", exc.strerror)
        if self.last is not None:
            _LOG.warning("the last run did not end properly: %s", self.last.why)

    def end(self) -> None:
        """This run ends as it should."""
        if self._file is not None:
            faulthandler.disable()
            self._file.close()
            self._file = None
        self._marker.unlink(missing_ok=True)

    def _read(self) -> Crash | None:
        try:
            told = json.loads(self._marker.read_text(encoding="utf-8"))
            began, boot, size = datetime.fromisoformat(told["began"]), told["boot"], int(told["stacks"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
        written = self._stacks.read_text(encoding="utf-8", errors="replace")[size:] if self._stacks.exists() else ""
        why = next((line.removeprefix("Fatal Python error: ") for line in written.splitlines() if line.strip()), "")
        if not why and boot != _boot():
            return None
        return Crash(began, why.strip().rstrip(".") or UNKNOWN)


def watch_errors() -> None:
    """Errors that nobody caught go to the log, wherever they happen: callbacks of Qt, threads, the main line."""

    def told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            _LOG.error("an error that nobody caught (%s)", version(), exc_info=(kind, error, trace))
        sys.__excepthook__(kind, error, trace)

    def thread_told(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            told(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook = told
    threading.excepthook = thread_told


def _boot() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""
