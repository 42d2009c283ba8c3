"""The real `flowpilot serve` as a process of its own, to be asked, restarted and killed."""

import os
import re
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

import httpx

from tests.support import prepared
from tests.support.prepared import Prepared

READY = re.compile(r"is ready on (http://[0-9.]+:(\d+))$")
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 45.0
"""Above what the product takes at the longest when everything around it hangs; tests that ask how long measure it."""
ANSWER_TIMEOUT_S = 30.0
NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For httpx's `verify` where the server speaks plain HTTP: it trusts nobody, and is made once.

Without it each client reads all certificates anew: twenty milliseconds of processor time, most of what a client costs.
"""


class Server:
    """One server. `url` and `port` stand after the first start and stay over restarts.

    One of a single process starts from a process that has imported it already; `from_scratch` starts the command
    itself, as an installation does.
    Start and stop block; from async tests use `asyncio.to_thread` or the fixtures, which start it beforehand.
    """

    def __init__(
        self,
        database_url: str | None,
        data_dir: Path,
        *,
        workers: int = 1,
        environment: Mapping[str, str] | None = None,
        arguments: tuple[str, ...] = ("serve",),
        program: str = "backend.cli",
        from_scratch: bool = False,
    ) -> None:
        self.data_dir = data_dir
        self.log_path = data_dir / "server.log"
        self.port = 0
        self.url = ""
        self._workers = workers
        self._arguments = arguments
        self._program = program
        self._environment = _environment(database_url, environment or {})
        self._prepared = workers == 1 and not from_scratch
        self._process: subprocess.Popen[str] | Prepared | None = None
        self._ready = threading.Event()
        self._grew = threading.Condition()
        self._reader: threading.Thread | None = None

    @property
    def pid(self) -> int:
        """The process number of the (supervising) server process."""
        return self._running().pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def logs(self) -> str:
        """Everything it has written so far, over all starts."""
        return self.log_path.read_text() if self.log_path.exists() else ""

    def start(self) -> Self:
        """Start and return when `/readyz` says yes."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._ready.clear()
        arguments = [*self._arguments, "--port", str(self.port), "--data-dir", str(self.data_dir)]
        if self._workers > 1:
            arguments += ["--workers", str(self._workers)]
        if self._prepared:
            self._process = prepared.start(self._program, arguments, self._environment)
        else:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=self._environment,
                text=True,
            )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        if not self._ready.wait(START_TIMEOUT_S) or not self.alive:
            self.kill9()
            raise AssertionError(f"the server did not become ready:\n{self.logs}")
        try:
            answer = httpx.get(f"{self.url}/readyz", trust_env=False, verify=NO_TLS, timeout=ANSWER_TIMEOUT_S)
        except httpx.HTTPError as error:
            raise AssertionError(f"the server said it was ready, then: {error}\n{self.logs}") from error
        assert answer.status_code == 200, answer.text
        return self

    def stop(self) -> int:
        """Ask it to end (SIGTERM) and return its exit code; harmless when it does not run."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise AssertionError(f"the server did not end within {STOP_TIMEOUT_S} s:\n{self.logs}") from None
        self._finish()
        return code

    def kill9(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._finish()

    def restart(self) -> Self:
        """Stop if it still runs, and start again on the same port and data."""
        self.stop()
        return self.start()

    def said(self, words: str, *, timeout: float) -> bool:
        """Wait until the words stand in its log, `timeout` seconds at most."""
        with self._grew:
            return self._grew.wait_for(lambda: words in self.logs, timeout)

    def _running(self) -> "subprocess.Popen[str] | Prepared":
        assert self._process is not None, "the server was not started"
        return self._process

    def _finish(self) -> None:
        if self._reader is not None:
            self._reader.join(5)
        self._process = None

    def _read(self, process: "subprocess.Popen[str] | Prepared") -> None:
        assert process.stdout is not None
        with process.stdout as lines, self.log_path.open("a") as log:
            for line in lines:
                log.write(line)
                log.flush()
                with self._grew:
                    self._grew.notify_all()
                found = READY.search(line.rstrip("\n"))
                if found:
                    self.url, self.port = found.group(1), int(found.group(2))
                    self._ready.set()
        self._ready.set()  # it ended; nobody needs to wait any longer


def _environment(database_url: str | None, extra: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLOWPILOT_")}
    kept["PYTHONUNBUFFERED"] = "1"
    kept["FLOWPILOT_CANARY_EVERY_S"] = "0"  # its escalations stand in no test's way; its own tests switch it on
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # many starts of the same program: compile it once
    if database_url is not None:
        kept["FLOWPILOT_DATABASE_URL"] = database_url
    return {**kept, **extra}
