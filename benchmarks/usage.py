"""What a server's processes have used, read from /proc: the same for every peer, and not changed by a busy machine."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_TICK = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """The process and all below it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has just ended
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, left = [], [pid]
    while left:
        one = left.pop()
        found.append(one)
        left += parents.get(one, [])
    return found


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds of processor time and bytes of memory. `rss` counts shared pages in each process, `pss` once in all."""

    cpu_s: float
    rss: int
    pss: int

    @classmethod
    def of(cls, *pids: int) -> Self:
        """Of these processes together, their children included."""
        cpu, rss, pss = 0.0, 0, 0
        for pid in {below for one in pids for below in family(one)}:
            try:
                cpu += _on_core(pid)
                lines = dict(
                    line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
                )
            except (OSError, ValueError):  # it has just ended
                continue
            rss += int(lines["Rss"].split()[0]) * 1024
            pss += int(lines["Pss"].split()[0]) * 1024
        return cls(cpu, rss, pss)


def _on_core(pid: int) -> float:
    """Of all its threads; schedstat counts nanoseconds where stat counts ticks of 10 ms."""
    try:
        return (
            sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9
        )
    except (OSError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK
