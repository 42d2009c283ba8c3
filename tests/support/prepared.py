"""Programs of ours, started from a process that has imported them already.

Importing the server costs two seconds of processor time, and a run of the tests starts several hundred. A prepared
process (one per test process, see `_main`) imports once and forks for each start: the program then runs from its
command line on, in a process, environment and working directory of its own, and is killed and frozen like any other.
What only a fresh interpreter shows (arguments in the process list, several server processes, errors while importing)
is for tests that start the command itself.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

_IMPORTED: Final = (
    "backend.app",
    "backend.commands.serve",
    "backend.commands.worker",
    "backend.db.migrate",
    "alembic.config",
    "alembic.script",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "uvicorn.lifespan.on",
    "uvloop",
    "asyncpg",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "aiosmtplib.protocol",
)
_LONGEST_REQUEST: Final = 1 << 20
_lock = threading.Lock()
_control: socket.socket | None = None
_keeper: "subprocess.Popen[bytes] | None" = None


class Prepared:
    """A started program; the part of `subprocess.Popen` that tests use. `stdout` is text when it was to be piped."""

    def __init__(self, pid: int, status: IO[bytes], stdout: IO[str] | None) -> None:
        self.pid = pid
        self.stdout = stdout
        self.returncode: int | None = None
        self._status = status

    def poll(self) -> int | None:
        """Its exit code, minus the signal that ended it, or None while it runs."""
        if self.returncode is None and select.select([self._status], [], [], 0)[0]:
            line = self._status.readline()
            self._status.close()
            self.returncode = json.loads(line)["code"] if line else -signal.SIGKILL
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        if self.returncode is None and not select.select([self._status], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("a prepared program", timeout or 0.0)
        code = self.poll()
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.send_signal(signal.SIGKILL)


def start(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], *, log: IO[bytes] | None = None
) -> Prepared:
    """Run `python -m module arguments…`; both outputs go to `log`, or can be read as `stdout` when it is left out."""
    request = {"module": module, "arguments": list(arguments), "environment": dict(environment), "cwd": str(Path.cwd())}
    out_in, out = os.pipe() if log is None else (None, os.dup(log.fileno()))
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        pid, status = _started(request, nothing, out, out)
    finally:
        os.close(nothing)
        os.close(out)
    stdout = os.fdopen(out_in, encoding="utf-8", errors="replace") if out_in is not None else None
    return Prepared(pid, status, stdout)


def run(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], *, text_in: str, timeout: float
) -> "subprocess.CompletedProcess[str]":
    """Run `python -m module arguments…` to its end with `text_in` as its input. Raises subprocess.TimeoutExpired."""
    request = {"module": module, "arguments": list(arguments), "environment": dict(environment), "cwd": str(Path.cwd())}
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(text_in.encode())
        given.seek(0)
        program = Prepared(*_started(request, given.fileno(), out.fileno(), err.fileno()), None)
        try:
            code = program.wait(timeout)
        finally:
            program.kill()
        said = []
        for stream in (out, err):
            stream.seek(0)
            said.append(stream.read().decode())
    return subprocess.CompletedProcess([module, *arguments], code, *said)


def _started(request: Mapping[str, Any], given: int, out: int, err: int) -> tuple[int, IO[bytes]]:
    """Have it started with these three streams; the number of its process, and where its end will be told."""
    status_in, status_out = os.pipe()
    try:
        with _lock:
            socket.send_fds(_keeper_at_work(), [json.dumps(request).encode()], [given, out, err, status_out])
    finally:
        os.close(status_out)
    status = os.fdopen(status_in, "rb", buffering=0)
    line = status.readline()
    assert line, "the prepared process has ended"
    return json.loads(line)["pid"], status


def _keeper_at_work() -> socket.socket:
    """The connection to the prepared process, which the first to come starts; it ends with this process."""
    global _control, _keeper  # noqa: PLW0603 - one per process, like the interpreter
    if _keeper is None or _keeper.poll() is not None:
        _control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            environment = {name: value for name, value in os.environ.items() if not name.startswith("FLOWPILOT_")}
            environment.pop("PYTHONDONTWRITEBYTECODE", None)
            _keeper = subprocess.Popen(
                [sys.executable, "-m", "tests.support.prepared", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=environment,
                cwd=Path(__file__).parents[2],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        atexit.register(_let_go, _control, _keeper)
    assert _control is not None
    return _control


def _let_go(control: socket.socket, keeper: "subprocess.Popen[bytes]") -> None:
    control.close()
    keeper.wait(10)


# --- the prepared process ---


def _main(control: socket.socket) -> None:
    for name in _IMPORTED:
        importlib.import_module(name)
    assert threading.active_count() == 1, "a thread does not live through a fork"
    gc.collect()
    gc.freeze()  # pages that nobody touches stay shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the watchers below are nobody's concern
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, _LONGEST_REQUEST, 4)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            _watch(json.loads(message), *descriptors)
        for number in descriptors:
            os.close(number)


def _watch(request: Mapping[str, Any], given: int, out: int, err: int, status: int) -> None:
    """Between the prepared process and the program: tells the program's number, and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(status)
        _become(request, given, out, err)
    for number in (given, out, err):
        os.close(number)
    os.write(status, json.dumps({"pid": pid}).encode() + b"\n")
    ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with contextlib.suppress(BrokenPipeError):  # nobody asks any more
        os.write(status, json.dumps({"code": ended}).encode() + b"\n")
    os._exit(0)


def _become(request: Mapping[str, Any], given: int, out: int, err: int) -> None:
    """Become the program."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, place in ((given, 0), (out, 1), (err, 2)):
        os.dup2(number, place)
    os.closerange(3, max(given, out, err) + 1)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["cwd"])
    sys.argv = [request["module"], *request["arguments"]]
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", buffering=1, closefd=False, errors="backslashreplace")
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    sys.exit(0)


if __name__ == "__main__":
    _main(socket.socket(fileno=int(sys.argv[1])))
