"""A real nats-server of one test's own, to be killed and started again on the same port."""

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Self

from tests.support.listener import held_port

WITHIN_S = 30.0
USER, PASSWORD = "flowpilot", "hush/hush@1"


class NatsServer:
    """Asks for a sign-in, so that tests see where the password goes."""

    def __init__(self, folder: Path) -> None:
        self._held = held_port()
        self.port = int(self._held.getsockname()[1])
        self.log_path = folder / "nats.log"
        self._config = folder / "nats.conf"
        self._config.write_text(
            f'listen: "127.0.0.1:{self.port}"\nlog_file: "{self.log_path}"\n'
            f'authorization {{ user: "{USER}", password: "{PASSWORD}" }}\n'
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The setting's value, with the password as a URL writes it."""
        return f"nats://{USER}:hush%2Fhush%401@127.0.0.1:{self.port}"

    async def start(self) -> Self:
        """Start it; returns when it takes connections."""
        program = shutil.which("nats-server") or "/usr/sbin/nats-server"
        self._process = await asyncio.to_thread(subprocess.Popen, [program, "-c", str(self._config)])
        async with asyncio.timeout(WITHIN_S):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    await asyncio.sleep(0.02)
                    continue
                writer.close()
                return self

    def kill9(self) -> None:
        """End it as a power cut would; harmless when it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def end(self) -> None:
        """End it for good, and give its port back."""
        self.kill9()
        self._held.close()
