"""The queue window under load, in this process: 10,000 rows, a burst of 200 events, a soak of 50,000 steps.

Run: `.venv/bin/python -m benchmarks.tray_window`. Times are CPU time of the main thread, which is what a person waits
for and what other programs on the machine do not change; the soak has to end with 0 and flat memory. Draws offscreen.
"""

import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import qasync
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication

from backend.contract.handoffs import QueuePage
from backend.contract.people import Me
from benchmarks.idle_process import resident_mb
from desktop.core.controller import Controller, Ports
from desktop.core.ports import Api
from desktop.core.views import RowView, ToastView
from desktop.platform.clock import SystemClock
from desktop.screen import QtScreen, Wishes
from desktop.ui.queue_window import QueueWindow
from desktop.ui.theme import apply_theme
from tests.support import desktop_samples as samples

ROWS: Final = 10_000
BURST: Final = 200
STEPS: Final = 50_000
USER: Final = {"id": "u-dana", "name": "Dana Reyes", "email": "dana@example.test", "role": "engineer"}
MINA: Final = {"id": "u-mina", "name": "Mina Okafor"}


def _many(start: int) -> tuple[RowView, ...]:
    base = samples.rows()
    return tuple(
        replace(
            base[number % len(base)],
            id=f"h{start + number}",
            title=f"Problem {number} of the day",
            customer=f"Customer {number % 313}",
            waiting_since=samples.NOW - timedelta(seconds=number),
        )
        for number in range(ROWS)
    )


def _cpu_ms(act: Callable[[], object], app: QApplication) -> float:
    began = time.thread_time()
    act()
    app.processEvents()
    return (time.thread_time() - began) * 1000


def _say(name: str, found: list[float], goal_ms: float) -> None:
    middle = statistics.median(found)
    kept = "kept" if middle <= goal_ms else "MISSED"
    print(f"{name:34s} {middle:7.1f} ms p50 {max(found):7.1f} ms max   goal {goal_ms:g} ms   {kept}", flush=True)


def rows(app: QApplication) -> None:
    """Reset, new order, search and filter of 10,000 rows."""
    window = QueueWindow()
    window.show()
    app.processEvents()
    empty = samples.queue(rows=())
    some, others = _many(0), _many(ROWS)
    turned = tuple(reversed(others))
    found: dict[str, list[float]] = {"reset": [], "sort": [], "search": [], "filter": []}
    # With a hand-off on the right the window selects nothing by itself, after which it would hold its rows still.
    window.show_detail(samples.detail())
    for _ in range(7):
        window.show_queue(replace(empty, rows=some))
        app.processEvents()
        found["reset"].append(_cpu_ms(lambda: window.show_queue(replace(empty, rows=others)), app))
        assert window.column.list.rows.rows() == others
        found["sort"].append(_cpu_ms(lambda: window.show_queue(replace(empty, rows=turned)), app))
        assert window.column.list.rows.rows() == turned
        found["search"].append(_cpu_ms(lambda: window.toolbar.search.setText("customer 77"), app))
        window.toolbar.search.clear()
        app.processEvents()
        found["filter"].append(_cpu_ms(lambda: window.toolbar.filter.setCurrentIndex(2), app))
        window.toolbar.filter.setCurrentIndex(0)
        app.processEvents()
    for name, goal in (("reset", 100.0), ("sort", 50.0), ("search", 50.0), ("filter", 50.0)):
        _say(f"{ROWS} rows, {name}", found[name], goal)
    window.close()
    window.deleteLater()
    app.processEvents()


class _World:
    """The server and the toasts, without a wire: frames come when they are given."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[str] = asyncio.Queue()
        self.shown: list[str] = []

    async def connect(self) -> "_World":
        return self

    async def receive(self) -> str:
        return await self.frames.get()

    async def send(self, _text: str) -> None:
        return None

    async def echo(self) -> float:
        return 0.0

    async def close(self) -> None:
        return None

    async def me(self) -> Me:
        raise NotImplementedError

    async def queue(self) -> QueuePage:
        return QueuePage(items=[], next_cursor=None, seq=0)

    async def show(self, view: ToastView) -> str:
        self.shown.append(view.variant)
        return "system"

    async def withdraw(self, _toast_id: str) -> None:
        return None

    async def open(self, _url: str) -> bool:
        return True

    def mark(self, _name: str, **_fields: object) -> None:
        return None


def _event(number: int) -> str:
    at = datetime.now(UTC).isoformat()
    row = {
        "id": f"h-{number}",
        "handoff_id": f"h-{number}",
        "session_id": f"s-{number}",
        "title": f"Problem {number} of the day",
        "customer": f"Customer {number % 31}",
        "ticket": None,
        "priority": ("low", "normal", "high")[number % 3],
        "status": "pending",
        "reason": "I cannot see the head office firewall.",
        "need": "Someone with access.",
        "created_at": at,
        "handed_off_by": MINA,
        "session_owner": MINA,
        "target_user_id": None,
        "claimed_by": None,
        "claimed_at": None,
        "assessment_status": "pending",
    }
    frame = {"type": "event", "seq": number, "prev": number - 1, "kind": "handoff.created", "at": at, "replay": False}
    return json.dumps({**frame, "data": row})


def _wishes() -> Wishes:
    nothing: Any = lambda *_given: None  # noqa: E731 - one for all of them
    return Wishes(**dict.fromkeys(Wishes.__dataclass_fields__, nothing))


async def burst(app: QApplication) -> None:
    """200 escalations in one moment, with the window open."""
    world = _World()
    screen = QtScreen(app, _wishes())
    port = cast("Any", world)
    controller = Controller(
        "https://flow.example",
        Ports(
            api=cast("Api", world),
            connector=port,
            toasts=port,
            browser=port,
            screen=screen,
            clock=SystemClock(),
            trace=port,
        ),
    )
    screen.controller = controller
    controller.start(signed_in=True)
    hello = {"type": "hello", "protocol": 1, "epoch": "e", "head": 0, "heartbeat_s": 20, "user": USER}
    world.frames.put_nowait(json.dumps({**hello, "server_time": datetime.now(UTC).isoformat()}))
    screen.raise_window()
    await asyncio.sleep(1.0)
    frames = [_event(number) for number in range(1, BURST + 1)]
    before = time.thread_time()
    for frame in frames:
        world.frames.put_nowait(frame)
    await asyncio.sleep(3.0)
    _say(f"{BURST} events at once", [(time.thread_time() - before) * 1000], 150.0)
    singles = sum(variant == "new" for variant in world.shown)
    print(f"  toasts: {singles} single, {world.shown.count('digest')} of the digest, updated in place")
    await controller.stop()
    screen.close()


class _Bell(QObject):
    rung = Signal(int)


async def soak(app: QApplication) -> None:
    """50,000 steps of the loop, signals and reads of the model; memory before and after."""
    bell, heard = _Bell(), []
    bell.rung.connect(lambda number: heard.append(number) if number % 10_000 == 0 else None)
    window = QueueWindow()
    window.show_queue(samples.queue())
    model = window.column.list.rows
    warm = 5_000

    async def run(steps: int) -> None:
        for number in range(1, steps + 1):
            bell.rung.emit(number)
            model.data(model.index(number % 5))
            await asyncio.sleep(0)

    await run(warm)
    before = resident_mb(os.getpid())
    began = time.monotonic()
    await run(STEPS)
    grown = resident_mb(os.getpid()) - before
    kept = "kept" if grown < 2.0 else "MISSED"
    took = time.monotonic() - began
    print(f"soak of {STEPS} steps and signals    {grown:+7.2f} MB in {took:.1f} s   goal flat   {kept}")
    window.deleteLater()
    app.processEvents()


def main() -> None:
    """Run all three."""
    app = QApplication([])
    apply_theme(app, "light")
    print(f"load average before: {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores")
    rows(app)

    async def both() -> None:
        await burst(app)
        await soak(app)

    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
        runner.run(both())
    print("ended with 0")


if __name__ == "__main__":
    main()
