"""The tray app beside gotify-tray and beside bare icons, in one run: start to tray, memory, wake-ups and CPU at rest.

Run: `.venv/bin/python -m benchmarks.beside_gotify [--rounds 3]`. A screen, a session bus and a tray of its own; both
programs are connected to a server on loopback. gotify-tray comes from the package registry into an environment that
is thrown away; where it cannot be installed its row says so. Prints figures beside the goals; asserts nothing.
"""

import argparse
import asyncio
import importlib.metadata
import os
import statistics
import subprocess
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from benchmarks.gotify_server import GotifyServer
from benchmarks.idle_process import HEAD, Idle, at_rest, cpu_ns, resident_mb
from benchmarks.report import Cell, json_argument, report
from tests.desktop.computer import Computer, computer
from tests.support.fake_server import FakeServer

ROWS: Final = 10_000
_BARE: Final = """
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QApplication, QSystemTrayIcon
app = QApplication([]); pixmap = QPixmap(22, 22); pixmap.fill(); icon = QSystemTrayIcon(QIcon(pixmap)); icon.show()
app.exec()
"""
_STACK: Final = """
import asyncio
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QApplication, QSystemTrayIcon
app = QApplication([]); pixmap = QPixmap(22, 22); pixmap.fill(); icon = QSystemTrayIcon(QIcon(pixmap)); icon.show()
import qasync, msgspec, websockets.asyncio.client
from desktop.net.lean_httpx import httpx
async def main():
    async with httpx.AsyncClient():
        await asyncio.Event().wait()
with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
    runner.run(main())
"""
_measured: Final[list[dict[str, Cell]]] = []
"""A row for each program, as they come."""
_versions: Final[dict[str, str]] = {"pyside6": importlib.metadata.version("PySide6-Essentials")}
Start = Callable[[Computer], Awaitable[Process]]


async def _spawn(desk: Computer, *command: str, stdin: bytes = b"") -> Process:
    process = await asyncio.create_subprocess_exec(
        *command, env=desk.environment, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL
    )
    assert process.stdin is not None
    process.stdin.write(stdin)
    process.stdin.close()
    return process


async def _to_tray(desk: Computer, start: Start) -> tuple[float, float, Process]:
    """Seconds from the start of the process to its icon in the tray: by the wall, and on a core."""
    desk.desktop_events = [event for event in desk.desktop_events if event["event"] != "tray-registered"]
    began = time.monotonic()
    process = await start(desk)
    while not any(event["event"] == "tray-registered" for event in desk.desktop_events):
        if process.returncode is not None or time.monotonic() - began > 30:
            raise RuntimeError("it came to no icon")
        await asyncio.sleep(0.002)
    return time.monotonic() - began, cpu_ns(process.pid) / 1e9, process


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _row(desk: Computer, name: str, start: Start, rounds: int) -> tuple[float, Idle]:
    starts, worked = [], []
    for last in range(1 - rounds, 1):
        seconds, on_core, process = await _to_tray(desk, start)
        starts.append(seconds)
        worked.append(on_core)
        if last < 0:
            await asyncio.sleep(1.0)
            await _end(process)
    idle = await at_rest(process.pid)
    await _end(process)
    middle = statistics.median(starts)
    _measured.append(
        {
            "program": name,
            "start_to_tray_s": middle,
            "start_on_core_s": statistics.median(worked),
            "resident_mb": idle.resident_mb,
            "private_mb": idle.private_mb,
            "proportional_mb": idle.share_mb,
            "wakes_per_s": idle.wakes_per_s,
            "cpu_percent_at_rest": idle.cpu_percent,
        }
    )
    print(f"{name:34s} {middle:6.2f} s {statistics.median(worked):6.2f} s {idle.words()}", flush=True)
    return middle, idle


def _gotify(folder: Path) -> Path | None:
    """The program, in an environment of its own; null when it cannot be had."""
    python = folder / "bin" / "python"
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True, timeout=120)
        subprocess.run(
            [str(python), "-m", "pip", "install", "-q", "gotify-tray"], check=True, capture_output=True, timeout=240
        )
    except (OSError, subprocess.SubprocessError) as exc:
        print(f"gotify-tray                        could not be installed: {type(exc).__name__}")
        _measured.append({"program": f"gotify-tray, which could not be installed ({type(exc).__name__})"})
        return None
    _versions["gotify-tray"] = _version(python)
    return folder / "bin" / "gotify-tray"


def _version(python: Path) -> str:
    asked = "import importlib.metadata; print(importlib.metadata.version('gotify-tray'))"
    return subprocess.run([python, "-c", asked], check=True, capture_output=True, text=True).stdout.strip()


async def _beside(desk: Computer, program: Path, rounds: int) -> None:
    server = GotifyServer()
    await server.start()
    config = desk.folder / ".config"
    config.mkdir(exist_ok=True)
    (desk.folder / ".local" / "share").mkdir(parents=True, exist_ok=True)
    (config / "gotify-tray.conf").write_text(f"[Server]\nurl={server.url}\nclient_token=C\n")
    try:
        await _row(desk, "gotify-tray, connected", lambda d: _spawn(d, str(program)), rounds)
        print("" if server.connected.is_set() else "  (it did not connect)", end="")
    finally:
        await server.stop()


async def _ours(desk: Computer, rounds: int) -> None:
    server = FakeServer()
    await server.start()

    def start(to: Computer) -> Awaitable[Process]:
        return _spawn(to, sys.executable, "-m", "desktop", "--server", server.url, "--token-stdin", stdin=b"dana\n")

    try:
        seconds, idle = await _row(desk, "FlowPilot, connected", start, rounds)
        _goals(seconds, idle)
        await _many(desk, server, start)
    finally:
        await server.stop()


def _goals(seconds: float, idle: Idle) -> None:
    goals = (
        ("start to tray", f"{seconds:.2f} s", "1.2 s", seconds <= 1.2),
        ("resident at rest", f"{idle.resident_mb:.1f} MB", "80 MB", idle.resident_mb <= 80),
        ("wake-ups at rest", f"{idle.wakes_per_s:.2f} /s", "1 /s", idle.wakes_per_s <= 1),
        ("CPU at rest", f"{idle.cpu_percent:.4f} %", "0.05 %", idle.cpu_percent < 0.05),
    )
    for name, found, goal, good in goals:
        print(f"  {name:20s} {found:>10s}   goal {goal:8s} {'kept' if good else 'MISSED'}")


async def _many(desk: Computer, server: FakeServer, start: Start) -> None:
    """The same with 10,000 rows and its window open."""
    for number in range(ROWS):
        server.escalate(f"Problem {number} of the day", customer=f"Customer {number % 313}")
    server.min_seq = server.head
    _, _, process = await _to_tray(desk, start)
    await asyncio.sleep(6.0)
    await desk.command("activate")
    await asyncio.sleep(15.0)
    opened = resident_mb(process.pid)
    print(f"  {'with 10,000 rows':20s} {opened:>7.1f} MB   goal 110 MB   {'kept' if opened <= 110 else 'MISSED'}")
    await _end(process)


async def compare(rounds: int) -> None:
    """All rows."""
    print(f"load average before: {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores")
    print(f"{'':34s} to tray  on a core {HEAD}")
    with tempfile.TemporaryDirectory(prefix="fp-gotify-") as venv, tempfile.TemporaryDirectory(prefix="fp-desk-") as at:
        program = await asyncio.to_thread(_gotify, Path(venv))
        async with computer(Path(at)) as desk:
            await desk.start_desktop()
            bare = (sys.executable, "-c")
            await _row(desk, "bare PySide6 icon", lambda d: _spawn(d, *bare, _BARE), rounds)
            await _row(desk, "bare icon, qasync, httpx, sockets", lambda d: _spawn(d, *bare, _STACK), rounds)
            if program is not None:
                await _beside(desk, program, rounds)
            await _ours(desk, rounds)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    json_argument(parser)
    arguments = parser.parse_args()
    asyncio.run(compare(arguments.rounds))
    report("tray", _measured, arguments.json, **_versions)


if __name__ == "__main__":
    main()
