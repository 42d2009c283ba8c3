"""A process that runs a data directory's PostgreSQL until it is killed; the stand-in for a server that crashes."""

import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Self

_PROGRAM = """
import sys
from pathlib import Path
from backend.db.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), kind=sys.argv[2], sync=False)
server.start()
print(server.pid, flush=True)
sys.stdin.readline()
server.stop()
"""


def wait_gone(pid: int) -> None:
    """Wait until a process that is not our child has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([handle], [], [], 60)[0], f"process {pid} is still there after 60 s"
    finally:
        os.close(handle)


class Holder:
    """A context manager; `pid` is the holder's number, `postgres_pid` its server's."""

    def __init__(self, data_dir: Path, kind: str = "serve") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(data_dir), kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the holder could not start PostgreSQL"
        self.pid = self._process.pid
        self.postgres_pid = int(line)

    def kill9(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()

    def let_go(self) -> None:
        """Ask it to stop its server and end; does not wait."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.kill()
        wait_gone(self.postgres_pid)
