"""The app runs for weeks: a step of its loop, a signal, a read of a model must not wear anything out, nor grow.

PySide6 6.12 takes one reference too many from a shared object with each step of a Qt loop under asyncio, and the
process aborts after some thousand of them. This runs more steps than that in a process of its own.
"""

import asyncio
import os
import sys

import pytest

STEPS = 50_000
_SOAK = f"""
import asyncio, sys
import qasync
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication
from desktop.ui.queue_model import QueueModel
from tests.support import desktop_samples
class Bell(QObject):
    rung = Signal(int)
def resident():
    rows = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(rows["VmRSS"].split()[0])
app = QApplication([])
async def steps():
    bell, model = Bell(), QueueModel()
    model.set_rows(desktop_samples.rows())
    bell.rung.connect(lambda number: model.data(model.index(number % 5)))
    for number in range({STEPS}):
        if number == {STEPS} // 10:
            before = resident()
        bell.rung.emit(number)
        await asyncio.sleep(0)
    grown = resident() - before
    sys.stdout.write("whole" if grown < 4_000 else f"grew by {{grown}} kB")
with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
    runner.run(steps())
"""


@pytest.mark.slow
async def test_fifty_thousand_steps_signals_and_reads_end_well_and_in_flat_memory() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _SOAK,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert (process.returncode, out) == (0, b"whole"), err.decode()
