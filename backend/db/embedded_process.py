"""The running server seen from outside: readiness, leftovers of a killed parent, its log."""

import contextlib
import logging.handlers
import os
import signal
import subprocess
import threading
import time
from collections import deque
from pathlib import Path

from backend.db.embedded_files import SOCKET_NAME, EmbeddedError

_LEFTOVER_TIMEOUT_S = 30.0
_LOG_BYTES = 5_000_000
_STATUS_LINE = 7  # of postmaster.pid; pg_ctl reads the same one


def is_ready(cluster: Path, pid: int | None) -> bool:
    """Say whether the server takes connections; with `pid`, whether it is that process and not a leftover's file."""
    lines = _pid_file(cluster)
    if len(lines) <= _STATUS_LINE or lines[_STATUS_LINE].strip() != "ready":
        return False
    return pid is None or lines[0].strip() == str(pid)


def end_leftover(cluster: Path) -> None:
    """Stop a server that a killed parent left on this cluster and remove its files. Call with the lock held."""
    lines = _pid_file(cluster)
    if not lines:
        return
    pid = int(lines[0]) if lines[0].strip().isdigit() else 0
    deadline = time.monotonic() + _LEFTOVER_TIMEOUT_S
    next_signal = 0.0
    while pid and _runs_cluster(pid, cluster):
        now = time.monotonic()
        if now > deadline:
            raise EmbeddedError(f"a PostgreSQL of an earlier start (process {pid}) does not end on {cluster}: stop it")
        if now > next_signal:  # it may be ending already, told by its parent's death; a second word does no harm
            next_signal = now + 5.0
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
        time.sleep(0.02)
    # PostgreSQL takes any live process with this number for itself and would refuse to start for ever.
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    if len(lines) > 4 and lines[4].strip():
        socket = Path(lines[4].strip()) / SOCKET_NAME
        socket.unlink(missing_ok=True)
        socket.with_name(SOCKET_NAME + ".lock").unlink(missing_ok=True)


def pump_log(process: subprocess.Popen[bytes], path: Path, last_lines: deque[str]) -> threading.Thread:
    """Copy the server's words to `path`, two files of 5 MB at most, and keep the last ones for error messages."""
    path.touch(mode=0o600)  # errors quote data, and others may pass through a data directory made by root
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(message)s"))

    def pump() -> None:
        if process.stderr is None:
            return
        with contextlib.closing(handler), process.stderr as lines:
            for raw in lines:
                line = raw.decode(errors="replace").rstrip()
                last_lines.append(line)
                handler.emit(logging.LogRecord("postgres", logging.INFO, "", 0, line, None, None))

    thread = threading.Thread(target=pump, name="postgres-log", daemon=True)
    thread.start()
    return thread


def _pid_file(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _runs_cluster(pid: int, cluster: Path) -> bool:
    """Say whether the process is a server of this cluster; numbers are used again, so a live one proves nothing."""
    with contextlib.suppress(OSError):
        if Path("/proc/self").exists():
            return Path(f"/proc/{pid}/cwd").readlink() == cluster.resolve() and not _is_zombie(pid)
        shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607 - macOS has no /proc
        return str(cluster) in shown.stdout
    return False


def _is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
