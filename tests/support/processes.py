"""Programs of ours beside the server, to be frozen and killed."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, Self

from tests.support import prepared
from tests.support.history import History
from tests.support.prepared import Prepared
from tests.support.server import Server, _environment

STOPPED_WITHIN_S: Final = 30.0


class WorkerProcess:
    """`flowpilot worker` as a process of its own."""

    def __init__(
        self, database_url: str, data_dir: Path, environment: Mapping[str, str], *, program: str = "backend.cli"
    ) -> None:
        self.data_dir = data_dir
        self._environment = _environment(database_url, environment)
        self._program = program
        self._process: Prepared | None = None

    @property
    def log_path(self) -> Path:
        """Where everything that it writes goes."""
        return self.data_dir / "worker.log"

    @property
    def pid(self) -> int:
        """Its process number."""
        assert self._process is not None, "the worker was not started"
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start it; returns at once."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        arguments = ["worker", "--data-dir", str(self.data_dir)]
        with self.log_path.open("ab") as log:
            self._process = prepared.start(self._program, arguments, self._environment, log=log)
        return self

    def kill9(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self, within_s: float = 20.0) -> int:
        """Ask it to end; answers its exit code."""
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise AssertionError(f"the worker did not end:\n{self.log_path.read_text()}") from None


@contextlib.contextmanager
def frozen(process: Server | WorkerProcess, history: History, kind: str) -> Iterator[None]:
    """Stop a process (SIGSTOP) for as long as the block runs; the history knows it as `kind`."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        _wait_for_state(process.pid, "T")
        with history.disturbed(kind):
            yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGCONT)


@contextlib.contextmanager
def frozen_until_woken(process: Server) -> Iterator[Callable[[], None]]:
    """Stop a process; the block is given what wakes it, which the end of the block does at the latest."""
    pid = process.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        _wait_for_state(pid, "T")
        yield lambda: os.kill(pid, signal.SIGCONT)
    finally:
        os.kill(pid, signal.SIGCONT)


def _wait_for_state(pid: int, state: str) -> None:
    """The kernel stops each thread on its own, once it gets its turn; wait until it says so of the process."""
    deadline = time.monotonic() + STOPPED_WITHIN_S
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != state:
        assert time.monotonic() < deadline, f"process {pid} did not stop"
        time.sleep(0.001)
