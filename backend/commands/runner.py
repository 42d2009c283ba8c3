"""uvicorn, as this program runs it: one process, or several under its supervisor."""

import ctypes
import gc
import http.client
import multiprocessing
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from backend.commands.ending import SERVING_S, cut_off_after_signal
from backend.commands.errors import CommandError
from backend.commands.listening import BACKLOG
from backend.commands.logs import configure_logging
from backend.commands.patience import patient
from backend.http.frames import FrameProtocol
from backend.settings import Settings

APPLICATION: Final = "backend.app:create_app"
FRAME_LIMIT: Final = 65_536
GRACEFUL_STOP_S: Final = 5
_READY_POLL_S: Final = 0.05
_PR_SET_PDEATHSIG: Final = 1


class _Config(uvicorn.Config):
    """uvicorn's configuration; it is what uvicorn hands to a worker process, so a worker's first steps are here."""

    def configure_logging(self) -> None:
        """Use the program's log in this process, supervisor or worker."""
        super().configure_logging()  # takes uvicorn's own access log away
        settings = Settings.from_environment()
        configure_logging(settings.log_level, settings.log_format)

    def load(self) -> None:
        """Load the application. In a worker, see that it outlives neither its supervisor nor a stop signal."""
        if multiprocessing.parent_process() is not None and sys.platform == "linux":
            # An orphan would keep the port and answer without a database.
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        cut_off_after_signal(SERVING_S)
        super().load()
        gc.freeze()  # the program itself: two hundred thousand objects, which every full collection looks through else


class _Supervisor(Multiprocess):
    """uvicorn's, which waits for its workers for ever."""

    def join_all(self) -> None:
        """Wait until all workers have ended, or end them."""
        deadline = time.monotonic() + SERVING_S + 1
        for one in self.processes:
            one.process.join(max(deadline - time.monotonic(), 0))
            if one.process.exitcode is None:
                one.kill()
                one.join()


def run_server(sock: socket.socket, *, workers: int, address: str, on_ready: Callable[[], None]) -> int:
    """Serve on `sock` until a stop signal; `on_ready` is called in a thread when /readyz says yes. Returns 0.

    Raises CommandError when the application could not start.
    """
    settings = Settings.from_environment()
    config = _Config(
        APPLICATION,
        factory=True,
        workers=workers,
        loop="auto",  # uvloop where there is one
        http=patient(settings.request_within_s),
        ws=FrameProtocol,
        ws_per_message_deflate=False,
        ws_max_size=FRAME_LIMIT,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACEFUL_STOP_S,
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
    )
    over = threading.Event()
    watcher = threading.Thread(target=_watch_readiness, args=(address, over, on_ready), daemon=True)
    watcher.start()
    try:
        if workers > 1:
            _run_workers(config, sock)
        else:
            _run_one(config, sock)
    finally:
        over.set()
        watcher.join(5)
    return 0


def _run_one(config: _Config, sock: socket.socket) -> None:
    server = uvicorn.Server(config)
    try:
        server.run(sockets=[sock])
    except SystemExit as error:
        if error.code == STARTUP_FAILURE:
            raise CommandError("the server could not start: see the log above") from error
        raise


def _run_workers(config: _Config, sock: socket.socket) -> None:
    supervisor = _Supervisor(config, sockets=[sock])
    supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise CommandError("the server could not start: see the log above")


def _watch_readiness(address: str, over: threading.Event, on_ready: Callable[[], None]) -> None:
    while not over.wait(_READY_POLL_S):
        if _answers(address):
            on_ready()
            return


def _answers(address: str) -> bool:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False  # not yet
    finally:
        connection.close()
