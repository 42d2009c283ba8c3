"""Eight hours of a senior's tray app in a few minutes: the real app on a desktop of its own, a simulated day of events.

Run: `.venv/bin/python -m benchmarks.desk_day [--hours 8] [--minute-s 0.5] [--seed 1]`. Each simulated minute somebody
escalates, claims, hands back or withdraws, or the policy tells people again; each hour the server goes away once, and
every socket is cut once. Ends with 1 when the app has ended, complained, grown, or shows another queue than there is.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
from asyncio.subprocess import Process
from pathlib import Path
from typing import Final

from benchmarks.idle_process import cpu_ns, resident_mb
from tests.desktop.computer import Computer, computer
from tests.support.fake_server import DANA, LEE, FakeServer

_GROWTH_MB: Final = 6.0
"""What memory may differ by between the second hour and the last: toasts and windows come and go."""
_MOST_WAITING: Final = 12
_LEFT: Final = 3
_TRIES: Final = 9
"""Of ten seconds each."""


def _minute(server: FakeServer, rng: random.Random) -> None:
    """What happens in one minute of a busy shop."""
    waiting = [each for each, row in server.handoffs.items() if row["status"] == "pending"]
    held = [each for each, row in server.handoffs.items() if row["status"] == "claimed"][-5:]
    if len(waiting) < _MOST_WAITING and rng.random() < 0.6:
        server.escalate(f"Problem {len(server.handoffs)} of the day", priority=rng.choice(["low", "normal", "urgent"]))
    if waiting and rng.random() < 0.5:
        server.claim(rng.choice(waiting), rng.choice([DANA, LEE]))
    elif waiting and rng.random() < 0.2:
        server.realert(rng.choice(waiting))
    elif waiting and rng.random() < 0.1:
        server.withdraw(rng.choice(waiting))
    if held and rng.random() < 0.1:
        server.release(rng.choice(held), None, "back to the queue")
    elif held and rng.random() < 0.3:
        server.first_step(rng.choice(held))


async def _hour(server: FakeServer, rng: random.Random, minute_s: float) -> None:
    away, cut = rng.randrange(10, 30), rng.randrange(30, 55)
    for minute in range(60):
        _minute(server, rng)
        if minute == away:
            await server.stop()
            await asyncio.sleep(minute_s * 3)
            await server.start()
        if minute == cut:
            await server.drop()
        await asyncio.sleep(minute_s)


async def _day(desk: Computer, arguments: argparse.Namespace) -> list[str]:
    rng, server = random.Random(arguments.seed), FakeServer()  # noqa: S311 - a day to be had again
    await server.start()
    await desk.start_desktop()
    app = await desk.start_app(server.url, "dana")
    await desk.desktop_event("tray-registered")
    memory = []
    try:
        for hour in range(1, arguments.hours + 1):
            before = cpu_ns(app.pid)
            await _hour(server, rng, arguments.minute_s)
            if app.returncode is not None:
                return [f"the app ended with {app.returncode} in hour {hour}", *await _said(app)]
            memory.append(resident_mb(app.pid, "RssAnon"))
            print(
                f"hour {hour}  {memory[-1]:6.1f} MB of its own  {(cpu_ns(app.pid) - before) / 1e9:5.1f} s on a core"
                f"  {len(server.handoffs):5} escalated  {server.head:6} events  {len(server.receipts()):6} receipts",
                flush=True,
            )
        return [*await _wrong(desk, server, memory), *await _ended(app)]
    finally:
        await server.stop()


async def _wrong(desk: Computer, server: FakeServer, memory: list[float]) -> list[str]:
    wrong = []
    waiting = [each for each, row in server.handoffs.items() if row["status"] == "pending"]
    for each in waiting[_LEFT:]:
        server.withdraw(each)
    while len(waiting) < _LEFT:
        waiting.append(server.escalate("One more at the end of the day"))
    for left in range(_TRIES, -1, -1):  # the last cut may have been a moment ago, and its pauses are not compressed
        try:
            await desk.tooltip(f"FlowPilot: {_LEFT} waiting")
            break
        except TimeoutError:
            wrong += [f"the tray does not say that {_LEFT} wait"] if left == 0 else []
    if len(memory) > 2 and memory[-1] - memory[1] > _GROWTH_MB:
        wrong.append(f"memory grew from {memory[1]:.1f} to {memory[-1]:.1f} MB between the second hour and the last")
    return wrong


async def _ended(app: Process) -> list[str]:
    app.terminate()
    return await _said(app)


async def _said(app: Process) -> list[str]:
    """What it complained of: a stack is a fault whoever caught it."""
    assert app.stderr is not None
    text = (await app.communicate())[1].decode()
    return [text[-2_000:]] if "Traceback" in text else []


async def _run(arguments: argparse.Namespace) -> list[str]:
    print(f"load average before: {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores, seed {arguments.seed}")
    with tempfile.TemporaryDirectory(prefix="fp-day-") as folder:
        async with computer(Path(folder)) as desk:
            return await _day(desk, arguments)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=int, default=8)
    parser.add_argument("--minute-s", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=1)
    wrong = asyncio.run(_run(parser.parse_args()))
    print("\n".join(wrong) or "whole: alive, silent, flat, and right about the queue")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
