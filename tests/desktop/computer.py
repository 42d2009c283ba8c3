"""A computer for the real tray app: a screen, a session bus, the scripted desktop, a browser that only takes notes."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from tests.desktop.session_bus import session_bus

ROOT = Path(__file__).parents[2]
WAIT_S = 60.0
"""For a process that starts, a window that comes: on a busy machine the app alone takes ten seconds to come up."""


@contextlib.contextmanager
def screen() -> Iterator[str]:
    """An Xvfb of its own; answers DISPLAY."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as number:
            yield f":{number.readline().strip()}"
    finally:
        server.terminate()
        server.wait(30)


class Computer:
    """Everything one user has. Use `computer()`."""

    def __init__(self, folder: Path, display: str, bus: str) -> None:
        self.folder = folder
        self.events_path = folder / "events.jsonl"
        self.opened_path = folder / "opened"
        browser = folder / "browser"
        browser.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" >> "{self.opened_path}"\n')
        browser.chmod(0o755)
        (folder / "run").mkdir(mode=0o700)
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder),
            "DISPLAY": display,
            "DBUS_SESSION_BUS_ADDRESS": bus,
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "QT_QPA_PLATFORM": "xcb",
            "BROWSER": str(browser),
            "FLOWPILOT_DATA_DIR": str(folder / "data"),
            "FLOWPILOT_TRAY_EVENTS": str(self.events_path),
        }
        self.program: tuple[str, ...] = (sys.executable, "-m", "desktop")
        """How the tray app is started here; a test of an installed one says so."""
        self._started: list[Process] = []
        self._desktop: Process | None = None
        self.desktop_events: list[dict[str, Any]] = []
        self._readers: list[asyncio.Task[None]] = []

    async def start_desktop(self, *options: str) -> None:
        """Notifications and tray."""
        program = ROOT / "tests" / "support" / "fake_desktop.py"
        desktop = self._desktop = await self._spawn(sys.executable, str(program), *options, stdin=PIPE, stdout=PIPE)
        self._readers.append(asyncio.create_task(self._read(desktop)))
        await self.desktop_event("ready")

    async def start_app(self, server: str, token: str | None, *options: str) -> Process:
        """The tray app itself."""
        arguments = ["--server", server, *(["--token-stdin"] if token else []), *options]
        app = await self._spawn(*self.program, *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        assert app.stdin is not None
        if token:
            app.stdin.write(f"{token}\n".encode())
            await app.stdin.drain()
        app.stdin.close()
        return app

    async def run_app(self, *arguments: str) -> Process:
        """Start the app as a desktop does, with nothing but these words."""
        return await self._spawn(sys.executable, "-m", "desktop", *arguments)

    async def wait_for_window(self, name: str) -> None:
        """Until a window with this in its name is on the screen."""
        async with asyncio.timeout(WAIT_S):
            while name not in await self.windows():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)

    async def command(self, line: str) -> None:
        """Do something at the desktop."""
        assert self._desktop is not None
        assert self._desktop.stdin is not None
        self._desktop.stdin.write(f"{line}\n".encode())
        await self._desktop.stdin.drain()

    async def desktop_event(self, name: str, **fields: Any) -> dict[str, Any]:
        """The first thing of this kind that happened at the desktop, waited for."""

        def find() -> dict[str, Any] | None:
            return next((e for e in self.desktop_events if {**e, "event": name, **fields} == e), None)

        found: dict[str, Any] = await self._wait(f"{name} {fields}", find)
        return found

    async def milestone(self, name: str, **fields: Any) -> dict[str, Any]:
        """The app's milestone, waited for."""

        def find() -> dict[str, Any] | None:
            return next((e for e in self.milestones() if {**e, "event": name, **fields} == e), None)

        found: dict[str, Any] = await self._wait(f"{name} {fields}", find)
        return found

    def milestones(self) -> list[dict[str, Any]]:
        """All so far."""
        text = self.events_path.read_text() if self.events_path.exists() else ""
        return [json.loads(line) for line in text.splitlines() if line.endswith("}")]

    async def tooltip(self, start: str) -> None:
        """Wait until the tray icon says this."""
        async with asyncio.timeout(WAIT_S):
            while True:
                self.desktop_events = [event for event in self.desktop_events if event["event"] != "tray"]
                await self.command("tray")
                told = (await self.desktop_event("tray"))["props"]["ToolTip"][2]
                if told.startswith(start):
                    return
                await asyncio.sleep(0.05)

    async def windows(self) -> str:
        """Names of the visible windows."""
        found = await self._spawn(
            "xdotool", "search", "--onlyvisible", "--name", ".", "getwindowname", "%@", stdout=PIPE
        )
        return (await found.communicate())[0].decode()

    async def xdotool(self, *arguments: str) -> None:
        """Mouse and keyboard; waits until it is done."""
        tool = await self._spawn("xdotool", *arguments)
        async with asyncio.timeout(WAIT_S):
            assert await tool.wait() == 0, f"xdotool {' '.join(arguments)}"

    async def wait_for(self, what: str, ready: Callable[[], Any], *, within_s: float = WAIT_S) -> Any:
        """Until true; other processes are watched from outside, so this asks again and again."""
        return await self._wait(what, ready, within_s)

    async def stop(self) -> None:
        """End everything that was started here."""
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        for process in reversed(self._started):
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGTERM)
                try:
                    async with asyncio.timeout(10):
                        await process.communicate()
                except TimeoutError:
                    process.kill()
                    await process.wait()

    async def _spawn(
        self, *command: str, stdin: int = DEVNULL, stdout: int = DEVNULL, stderr: int = DEVNULL
    ) -> Process:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=stdin, stdout=stdout, stderr=stderr, env=self.environment, cwd=ROOT
        )
        self._started.append(process)
        return process

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            self.desktop_events.append(json.loads(line))

    @staticmethod
    async def _wait(what: str, find: Callable[[], Any], within_s: float = WAIT_S) -> Any:
        try:
            async with asyncio.timeout(within_s):
                while not (found := find()):  # noqa: ASYNC110 - another process does it
                    await asyncio.sleep(0.02)
                return found
        except TimeoutError:
            raise AssertionError(f"waited {within_s:.0f} s for {what}") from None


@contextlib.asynccontextmanager
async def computer(folder: Path) -> AsyncIterator[Computer]:
    """A computer without its desktop services; start those with `start_desktop`."""
    with screen() as display, session_bus(folder) as bus:
        one = Computer(folder, display, bus)
        try:
            yield one
        finally:
            await one.stop()
