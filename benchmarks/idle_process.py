"""What a process costs while nobody uses it, read from Linux's own accounts."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SETTLE_S: Final = 12.0
IDLE_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Megabytes resident, of those not backed by a file, and its share of what is shared; wake-ups and CPU at rest."""

    resident_mb: float
    private_mb: float
    share_mb: float
    wakes_per_s: float
    cpu_percent: float

    def words(self) -> str:
        """One line of a table."""
        return (
            f"{self.resident_mb:6.1f} MB {self.private_mb:6.1f} MB {self.share_mb:6.1f} MB "
            f"{self.wakes_per_s:6.2f} /s {self.cpu_percent:7.4f} %"
        )


HEAD: Final = "resident   own heap    proportional  wake-ups   CPU"


def resident_mb(pid: int, row: str = "VmRSS") -> float:
    """`VmRSS`, or another row of the process's status."""
    rows = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(rows[row].split()[0]) / 1024


def wakes(pid: int) -> int:
    """Voluntary context switches of all threads: how often one was woken."""
    found = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                found += int(line.split()[1])
    return found


def cpu_ns(pid: int) -> int:
    """Nanoseconds that its threads have been on a core."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir())


def share_mb(pid: int) -> float:
    """Proportional set size."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


async def at_rest(pid: int, *, settle_s: float = SETTLE_S, idle_s: float = IDLE_S) -> Idle:
    """Let it settle, then watch it do nothing."""
    await asyncio.sleep(settle_s)
    woken, spent = wakes(pid), cpu_ns(pid)
    await asyncio.sleep(idle_s)
    woken, spent = wakes(pid) - woken, cpu_ns(pid) - spent
    return Idle(
        resident_mb=resident_mb(pid),
        private_mb=resident_mb(pid, "RssAnon"),
        share_mb=share_mb(pid),
        wakes_per_s=woken / idle_s,
        cpu_percent=spent / 1e7 / idle_s,
    )
