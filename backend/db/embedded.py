"""PostgreSQL carried by a wheel and run inside the data directory, for demos, tests and small installations.

One process at a time runs a data directory's server and holds its lock; commands that come beside it attach to the
socket. The server listens on a unix socket in a 0700 folder only, so the file system is the password.
"""

import contextlib
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from backend.db.embedded_account import Account, Launcher, find_launcher, service_account
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

DATABASE = "flowpilot"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
ATTACH_TIMEOUT_S = 30.0

_INITDB = (
    "--username=postgres",
    "--auth-local=trust",  # the socket's folder is 0700
    "--auth-host=reject",
    "--encoding=UTF8",
    "--locale-provider=builtin",  # sorts the same on every operating system and release
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--no-instructions",
)
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
            account = service_account(self._cluster)
            launcher = self._prepare(account, programs)
            end_leftover(self._cluster)
            self._start_until_ready(launcher, programs)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server after its running statements were cut off cleanly, and free the data directory."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)  # leaves the log to be replayed at the next start
                process.wait()
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

    def _prepare(self, account: Account, programs: Path) -> Launcher:
        sockets = socket_directory(self.data_dir, account.uid)
        launcher = find_launcher(account, programs / "postgres", [self.data_dir, sockets])
        if (self._cluster / "PG_VERSION").is_file():
            _check_version(self._cluster, launcher, programs)
        else:
            self._make_cluster(account, launcher, programs)
        return launcher

    def _make_cluster(self, account: Account, launcher: Launcher, programs: Path) -> None:
        """Build the cluster and its database beside the final name, then rename: a kill leaves nothing half-made."""
        fresh = self.data_dir / "postgres.new"
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.mkdir(mode=0o700)
        shutil.chown(fresh, account.uid, account.gid)
        sync = () if self._sync else ("--no-sync",)
        made = launcher.run([str(programs / "initdb"), "-D", str(fresh), *_INITDB, *sync])
        if made.returncode == 0:
            single = [str(programs / "postgres"), "--single", "-D", str(fresh), "postgres"]
            made = launcher.run(single, text_in=f"CREATE DATABASE {DATABASE}\n")
        if made.returncode != 0:
            raise EmbeddedError(f"the database could not be made in {fresh}: {_reason(made.stdout.splitlines())}")
        if self._cluster.is_dir() and not any(self._cluster.iterdir()):
            self._cluster.rmdir()
        fresh.rename(self._cluster)

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
            logged = pump_log(self._process, self.data_dir / "postgres.log", self._last_lines)
            while self._process.poll() is None and time.monotonic() < deadline:
                if is_ready(self._cluster, self._process.pid):
                    return
                time.sleep(0.01)
            if self._process.poll() is None:
                raise EmbeddedError(f"PostgreSQL was not ready within {START_TIMEOUT_S:.0f} s; see {self._log_name}")
            logged.join(5)
            # Processes of a killed server let go of its memory a moment after it died.
            if not any("shared memory block" in line for line in self._last_lines) or time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL did not start: {_reason(self._last_lines)}; see {self._log_name}")
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


def _check_version(cluster: Path, launcher: Launcher, programs: Path) -> None:
    made_by = (cluster / "PG_VERSION").read_text().strip()
    carried = launcher.run([str(programs / "postgres"), "--version"]).stdout.split()[-1].split(".")[0]
    if made_by != carried:
        raise EmbeddedError(
            f"{cluster} was made by PostgreSQL {made_by} and this version carries {carried}: "
            "move the data over with pg_dump as docs/operations.md says"
        )


def _reason(lines: Sequence[str] | deque[str]) -> str:
    """Return the line a person needs from PostgreSQL's output."""
    for mark in ("FATAL:", "ERROR:", "error:"):
        for line in lines:
            if mark in line:
                return line.split(mark, 1)[1].strip()
    return lines[-1].strip() if lines else "it said nothing"
