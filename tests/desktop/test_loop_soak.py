"""The app runs for weeks: its loop's step must not wear anything out.

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
from PySide6.QtWidgets import QApplication
app = QApplication([])
async def steps():
    for _ in range({STEPS}):
        await asyncio.sleep(0)
    sys.stdout.write("whole")
with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
    runner.run(steps())
"""


@pytest.mark.slow
async def test_the_loop_takes_fifty_thousand_steps_and_ends_well() -> None:
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
