"""An idle tray is small: what starting touched is handed back, and nothing that was written is lost by it."""

import asyncio
import os
import sys

import pytest

from desktop.platform.memory import clean_mappings

SMAPS = """\
55d000-55f000 r--p 00000000 08:01 77 /usr/lib/libclean.so
Rss:                   8 kB
Private_Dirty:         0 kB
Anonymous:             0 kB
VmFlags: rd mr mw me
55f000-560000 r-xp 00002000 08:01 77 /usr/lib/libclean.so
Private_Dirty:         0 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
560000-561000 r--p 00003000 08:01 77 /usr/lib/librelocated.so
Private_Dirty:         4 kB
Anonymous:             4 kB
VmFlags: rd mr mw me
561000-562000 rw-p 00004000 08:01 77 /usr/lib/libclean.so
Private_Dirty:         0 kB
Anonymous:             0 kB
VmFlags: rd wr mr mw me
562000-563000 r--p 00000000 00:00 0
Private_Dirty:         0 kB
Anonymous:             0 kB
VmFlags: rd mr mw me
563000-564000 r--s 00000000 08:01 78 /var/cache/fontconfig/x
Private_Dirty:         0 kB
Anonymous:             0 kB
VmFlags: rd mr me
"""
_IDLE = """
import desktop.app, desktop.desk, qasync
from PySide6.QtWidgets import QApplication
from desktop.platform.memory import release
from desktop.ui.about import AboutWindow
def resident():
    rows = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(rows["VmRSS"].split()[0])
app = QApplication([])
before = resident()
for _ in range(3):
    release()
after = resident()
window = AboutWindow([("Server", "flow.example")])
window.show()
app.processEvents()
print(before - after, window.text())
"""


def test_only_read_only_pages_of_files_that_nobody_wrote_are_let_go() -> None:
    assert list(clean_mappings(SMAPS)) == [(0x55D000, 0x2000), (0x55F000, 0x1000)]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's own way")
async def test_it_lets_go_of_ten_megabytes_and_everything_works_afterwards() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _IDLE,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    freed_kb, _, rest = out.decode().partition(" ")
    assert int(freed_kb) > 10_000
    assert rest.strip() == "Server: flow.example"
