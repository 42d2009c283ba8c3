"""PostgreSQL carried by a wheel and run inside the data directory, for demos, tests and small installations.

One process at a time runs a data directory's server and holds its lock; commands that come beside it attach to the
socket. The server listens on a unix socket in a 0700 folder only, so the file system is the password.
"""

import contextlib
import logging
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from backend.db.embedded_account import Launcher, find_launcher, service_account
from backend.db.embedded_cluster import DATABASE, check_version, make_cluster, reason
from backend.db.embedded_files import (
    DataDirInUse,
    DataDirLock,
    EmbeddedError,
    Kind,
    pg_bin,
    prepare_data_dir,
    socket_directory,
    socket_directory_name,
)
from backend.db.embedded_process import end_leftover, is_ready, pump_log

__all__ = ["DataDirInUse", "EmbeddedError", "EmbeddedPostgres", "attach_or_start"]

log = logging.getLogger(__name__)

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 9.0
"""Longer than this (a checkpoint on a slow disk) nobody waits: the log is replayed at the next start then."""
STOP_AT_ONCE_S = 4.0
ATTACH_TIMEOUT_S = 30.0

_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "random_page_cost": "1.1",  # nothing this runs on has a spinning disk
    "jit": "off",  # every statement here is short; compiling one costs more than running it
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


class EmbeddedPostgres:
    """The server of one data directory; a context manager. Start it from a thread that lasts as long as it shall run.

    `options` are further server settings (tests switch fsync off). `kind` says to others who holds the data directory.
    """

    def __init__(
        self, data_dir: Path, *, options: Sequence[tuple[str, str]] = (), kind: Kind = "serve", sync: bool = True
    ) -> None:
        self.data_dir = data_dir.absolute()
        self._options = {**_SETTINGS, **dict(options)}
        self._kind: Kind = kind
        self._sync = sync
        self._lock = DataDirLock(self.data_dir)
        self._process: subprocess.Popen[bytes] | None = None
        self._last_lines: deque[str] = deque(maxlen=20)
        self._log_copied: threading.Thread | None = None
        self._turn = threading.Lock()  # stopping and starting again exclude each other
        self._stopping = False

    @property
    def url(self) -> str:
        """The database's address for its owning role, valid while a server runs on the data directory."""
        return _url(self.data_dir)

    @property
    def pid(self) -> int | None:
        """The server's process number, None when it does not run."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the server and return when it takes connections; makes the cluster the first time.

        Raises DataDirInUse when another process runs this data directory, EmbeddedError for anything else in the way.
        """
        programs = pg_bin()
        prepare_data_dir(self.data_dir)
        self._lock.acquire(self._kind)
        try:
            launcher = self._prepare(programs)
            end_leftover(self._cluster)
            self._stopping = False
            self._start_until_ready(launcher, programs)
            threading.Thread(
                target=self._start_again_when_it_ends, args=(launcher, programs), name="postgres-watch", daemon=True
            ).start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server after its running statements were cut off cleanly, and free the data directory."""
        self._stopping = True  # whoever is bringing it back up lets go then
        with self._turn:
            process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)  # leaves the log to be replayed at the next start
                try:
                    process.wait(STOP_AT_ONCE_S)
                except subprocess.TimeoutExpired:
                    process.kill()  # frozen; its children see it and end
            with contextlib.suppress(OSError):  # not empty after a hard stop; the next start clears it
                socket_directory_name(self.data_dir).rmdir()
        self._lock.release()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def _cluster(self) -> Path:
        return self.data_dir / "postgres"

    def _prepare(self, programs: Path) -> Launcher:
        account = service_account(self._cluster)
        sockets = socket_directory(self.data_dir, account.uid)
        launcher = find_launcher(account, programs / "postgres", [self.data_dir, sockets])
        if (self._cluster / "PG_VERSION").is_file():
            check_version(self._cluster, launcher, programs)
        else:
            make_cluster(self._cluster, account, launcher, programs, sync=self._sync)
        return launcher

    def _start_again_when_it_ends(self, launcher: Launcher, programs: Path) -> None:
        """Bring the server back when something killed it: the memory killer, an operator's slip.

        Runs in a thread of its own for as long as this process lives, which is what the server's parent must do.
        """
        while (copied := self._log_copied) is not None:
            process = self._process
            copied.join()  # ends when the last process of the server is gone, so nothing is in the way of the next
            with self._turn:
                if self._stopping:
                    return
                if process is not None:
                    process.wait()
                log.error("PostgreSQL ended unexpectedly, starting it again")
                try:
                    end_leftover(self._cluster)
                    self._start_until_ready(launcher, programs)
                except EmbeddedError:
                    log.exception("PostgreSQL could not be started again")
                    return
                log.warning("PostgreSQL runs again")

    def _start_until_ready(self, launcher: Launcher, programs: Path) -> None:
        command = [
            str(programs / "postgres"),
            "-D",
            str(self._cluster),
            "-k",
            str(socket_directory_name(self.data_dir)),
        ]
        for name, value in self._options.items():
            command += ["-c", f"{name}={value}"]
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            self._last_lines.clear()
            self._process = launcher.spawn(command, stderr=subprocess.PIPE)
            self._log_copied = pump_log(self._process, self.data_dir / "postgres.log", self._last_lines)
            while self._process.poll() is None and time.monotonic() < deadline and not self._stopping:
                if is_ready(self._cluster, self._process.pid):
                    return
                time.sleep(0.01)
            if self._process.poll() is None:
                if self._stopping:
                    return
                raise EmbeddedError(f"PostgreSQL was not ready within {START_TIMEOUT_S:.0f} s; see {self._log_name}")
            self._log_copied.join(5)
            # Processes of a killed server let go of its memory a moment after it died.
            if not any("shared memory block" in line for line in self._last_lines) or time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL did not start: {reason(self._last_lines)}; see {self._log_name}")
            time.sleep(0.1)

    @property
    def _log_name(self) -> Path:
        return self.data_dir / "postgres.log"


@contextlib.contextmanager
def attach_or_start(data_dir: Path) -> Iterator[str]:
    """Give the address of the data directory's database: of the server that runs it, else of one started for this time.

    Another short command that holds the data directory is waited for, since its server goes away with it.
    """
    data_dir = data_dir.absolute()
    server = EmbeddedPostgres(data_dir, kind="command")
    deadline = time.monotonic() + ATTACH_TIMEOUT_S
    while True:
        try:
            server.start()
        except DataDirInUse:
            holder = DataDirLock(data_dir).holder()
            if holder.kind == "serve" and is_ready(data_dir / "postgres", None):
                yield _url(data_dir)
                return
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            try:
                yield server.url
            finally:
                server.stop()
            return


def _url(data_dir: Path) -> str:
    return f"postgresql://postgres@/{DATABASE}?host={quote(str(socket_directory_name(data_dir)))}"
