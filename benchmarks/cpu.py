"""Processor time of other processes, which a busy machine stretches much less than the wall clock's (Linux)."""

import os
from pathlib import Path
from typing import Final

_TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")


def of_process(pid: int) -> float:
    """Seconds that a process has used, and the children of it that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return sum(int(value) for value in fields[11:15]) * _TICK_S


def of_tree(pid: int) -> float:
    """Seconds of a process with all that it has started: PostgreSQL's backends, whether they still run or not."""
    total = of_process(pid)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text("utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked: its parent has its time
        if int(fields[1]) == pid:
            total += of_tree(int(folder.name))
    return total
