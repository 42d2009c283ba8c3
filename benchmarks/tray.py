"""The tray app on a real desktop (Xvfb, session bus, dunst, trayer): start, memory, idle wake-ups, frame to toast.

Run: `.venv/bin/python -m benchmarks.tray [--rounds 20]`. Prints figures beside the goals; asserts nothing.
The floor of the same run is a bare PySide6 tray icon with nothing else, started the same way.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from backend.db.embedded import EmbeddedPostgres
from backend.db.engine import Database
from backend.db.migrate import upgrade
from benchmarks.idle_process import at_rest, resident_mb
from tests.support.people import Crew, make_crew
from tests.support.senior_desk import SeniorDesk, wait_until
from tests.support.server import Server

BARE = """
import sys, time
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QApplication, QSystemTrayIcon
app = QApplication([]); pixmap = QPixmap(22, 22); pixmap.fill(); icon = QSystemTrayIcon(QIcon(pixmap)); icon.show()
app.processEvents(); print(time.monotonic(), flush=True); sys.stdin.read()
"""


def _bare_start(desk: SeniorDesk) -> tuple[float, float]:
    """Seconds to the icon, and MB, of a bare tray icon: the floor."""
    start = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", BARE],
        env=desk.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        shown = float(process.stdout.readline())
        resident = resident_mb(process.pid)
        process.terminate()
    return shown - start, resident


async def _escalate(server: Server, crew: Crew, rounds: int) -> None:
    headers = {"Authorization": f"Bearer {crew.technician.token}"}
    senior = {"Authorization": f"Bearer {crew.second_engineer.token}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, trust_env=False) as client:
        for n in range(rounds):
            session = (await client.post("/api/v1/ai-sessions", json={"title": f"T {n}", "problem": "P"})).json()
            handoff = (
                await client.post(f"/api/v1/ai-sessions/{session['id']}/handoff", json={"reason": "Stuck on this"})
            ).json()
            await asyncio.sleep(1.5)  # one at a time, as in a shop; bursts are made into a digest
            await client.post(f"/api/v1/handoffs/{handoff['id']}/claim", headers=senior)


async def _report(desk: SeniorDesk, started: float, floor: tuple[float, float]) -> None:
    assert desk.tray is not None
    icon_s = desk.events("icon_visible")[0]["mono"] - started
    live_s = desk.events("live")[0]["mono"] - started
    idle = await at_rest(desk.tray.pid)
    print(f"start to icon       {icon_s:6.2f} s       goal 1.2 s     {icon_s / floor[0]:4.1f} x a bare icon")
    print(f"start to live       {live_s:6.2f} s")
    times = idle.resident_mb / floor[1]
    print(f"resident, idle      {idle.resident_mb:6.1f} MB      goal 80 MB     {times:4.1f} x a bare icon")
    print(f"proportional, idle  {idle.share_mb:6.1f} MB")
    print(f"wake-ups, idle      {idle.wakes_per_s:6.2f} /s      goal 1 /s")
    print(f"CPU, idle           {idle.cpu_percent:6.4f} %      goal 0.05 %")


def _toasts(desk: SeniorDesk) -> None:
    frames = {e["handoff"]: e["mono"] for e in desk.events("frame") if e["kind"] == "handoff.created"}
    called = {e["toast"]: e["mono"] for e in reversed(desk.events("toast_called"))}
    taken = sorted((called[h] - frames[h]) * 1000 for h in frames if h in called)
    middle = statistics.median(taken)
    print(f"frame to toast call {middle:6.1f} ms p50, {taken[-1]:.1f} ms max of {len(taken)}, goal 300 ms")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds: int = parser.parse_args().rounds
    print(f"load average before: {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(prefix="fp-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with EmbeddedPostgres(folder / "data") as postgres:
            crew = asyncio.run(_crew(postgres.url))
            server = Server(postgres.url, folder / "server").start()
            desk = SeniorDesk(folder / "desk", server.url, crew.engineer.token)
            try:
                desk.start_desktop()
                floor = min(_bare_start(desk) for _ in range(3))
                started = time.monotonic()
                desk.start_tray()
                asyncio.run(_report(desk, started, floor))
                asyncio.run(_escalate(server, crew, rounds))
                wait_until("the toasts", lambda: len(desk.events("toast_called")) >= rounds)
                _toasts(desk)
            finally:
                desk.stop()
                server.stop()


async def _crew(url: str) -> Crew:
    await upgrade(url)
    database = await Database.open(url)
    try:
        return await make_crew(database, url)
    finally:
        await database.close()


if __name__ == "__main__":
    main()
