"""What every benchmark hands in: a table for people, and with `--json FILE` the same for `docs/performance.md`.

    {"name": "claims", "machine": {...}, "versions": {...}, "date": "2026-11-28T01:30:00+00:00", "rows": [{...}, ...]}

A row is flat: a name or a number per column, None where there is nothing. Give units in the column's name (`p99_ms`).
"""

import argparse
import importlib.metadata
import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypedDict

from backend.db.embedded_files import pg_bin

Cell = str | float | None
Row = Mapping[str, Cell]
_PACKAGES: Final = ("asyncpg", "fastapi", "sqlalchemy", "uvicorn", "uvloop", "websockets")


class Report(TypedDict):
    """One benchmark's results as they are written."""

    name: str
    machine: dict[str, Cell]
    versions: dict[str, str]
    date: str
    rows: list[dict[str, Cell]]


def json_argument(parser: argparse.ArgumentParser) -> None:
    """The `--json FILE` of every benchmark."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")


def machine() -> dict[str, Cell]:
    """What the figures were made on. `load` is how many were at work in the last minute, the benchmark among them."""
    return {
        "cpu": _first(Path("/proc/cpuinfo"), r"model name\s*:\s*(.+)") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": _first(Path("/etc/os-release"), r'PRETTY_NAME="(.+)"') or platform.system(),
        "kernel": platform.release(),
        "load": round(os.getloadavg()[0], 1),
    }


def versions(**others: str) -> dict[str, str]:
    """Of Python, PostgreSQL and the libraries in the way of a request; a peer's by keyword."""
    postgres = subprocess.run([pg_bin() / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    found = {"python": platform.python_version(), "postgresql": postgres.split()[-1]}
    return found | {name: importlib.metadata.version(name) for name in _PACKAGES} | others


def report(name: str, rows: Sequence[Row], path: Path | None = None, **others: str) -> Report:
    """Print the rows as a table and write them to `path` when there is one. `others` are versions of peers."""
    made = Report(
        name=name,
        machine=machine(),
        versions=versions(**others),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        rows=[dict(row) for row in rows],
    )
    print(table(rows))
    if path is not None:
        path.write_text(json.dumps(made, indent=2) + "\n", "utf-8")
    return made


def table(rows: Sequence[Row]) -> str:
    """The rows in columns; numbers to the right, with three figures that say something."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([_shown(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(names))]
    words = [any(isinstance(row.get(name), str) for row in rows) for name in names]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if text else cell.rjust(width)
            for cell, width, text in zip(line, widths, words, strict=True)
        ).rstrip()
        for line in cells
    )


def _shown(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, str | int) or cell == 0:
        return str(cell)
    return f"{cell:.0f}" if abs(cell) >= 100 else f"{cell:.3g}"


def _first(file: Path, pattern: str) -> str | None:
    found = re.search(pattern, file.read_text("utf-8")) if file.is_file() else None
    return found[1].strip() if found else None
