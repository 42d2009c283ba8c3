"""A PostgreSQL of one test's own that keeps what it has acknowledged, to be stopped, killed and started again."""

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from shutil import rmtree

from backend.db.embedded import EmbeddedPostgres
from backend.db.migrate import upgrade

_OPTIONS = (("max_connections", "200"), ("shared_buffers", "64MB"))


class Cluster:
    """Durable, unlike the cluster of the other tests: an immediate stop may lose nothing that was committed."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedPostgres(folder, options=_OPTIONS, sync=False)

    @property
    def url(self) -> str:
        """Its migrated database, for the role that owns it."""
        return self._server.url

    async def start(self) -> None:
        """Start it, after a stop of either kind too."""
        await asyncio.to_thread(self._server.start)

    async def stop(self) -> None:
        """Stop it in order."""
        await asyncio.to_thread(self._server.stop)

    async def stop_at_once(self) -> None:
        """`pg_ctl stop -m immediate`: every process drops everything; the next start replays the log."""
        server = self._server
        with server._turn:  # or it would start itself again, as it does for customers
            server._stopping = True
        process = server._process
        assert process is not None
        os.kill(process.pid, signal.SIGQUIT)
        await asyncio.to_thread(process.wait)
        await asyncio.to_thread(server.stop)

    async def crash(self) -> None:
        """The same, and the supervisor starts it again by itself."""
        process = self._server._process
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGQUIT)


@contextlib.asynccontextmanager
async def own_cluster() -> AsyncIterator[Cluster]:
    """A cluster with a migrated database, gone with the block."""
    folder = _folder()
    cluster = Cluster(folder)
    try:
        await cluster.start()
        await upgrade(cluster.url)
        yield cluster
    finally:
        await cluster.stop()
        rmtree(folder, ignore_errors=True)


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="fp-own-"))
    folder.chmod(0o711)
    return folder
