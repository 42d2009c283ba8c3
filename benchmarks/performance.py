"""Writes docs/performance.md and its plots from the JSON files that the benchmarks left; no figure is typed by hand.

Run: `.venv/bin/python -m benchmarks.performance FOLDER`. A file that is not there is a section that says so.
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from benchmarks.report import Cell, Report

_DOCS: Final = Path(__file__).parents[1] / "docs"
_OURS: Final = "FlowPilot"
_FLOOR: Final = "bare uvicorn broadcaster"
_KIB_FLOOR: Final = 40
_MANY, _MB_FLOOR = 10_000, 450
_STYLE: Final = (
    "<style>text{font:13px system-ui,sans-serif;fill:#1f2933}rect{fill:#9aa5b1}.ours{fill:#2563eb}"
    "@media(prefers-color-scheme:dark){text{fill:#e4e7eb}}</style>"
)
_ABOUT_FANOUT: Final = (
    "From the commit of an escalation to the frame read by the client. One load program for all, each peer alone, in"
    " turn. **Compare processor time and memory**; milliseconds say how busy the machine was. FlowPilot's figures are"
    " those of the process that has the sockets: its hints, its reads of events, the sign-ins; a peer's are of its own"
    " process, with the requests to publish. Both have in them what a process does for itself meanwhile. What keeping"
    " the event costs (the writing process, PostgreSQL) has no counterpart at the peers, which keep nothing; it is told"
    " below each table and is in no ratio. Hints that keep coming are followed every 50 ms: much of the p50 of the"
    " first two shapes. There all are asked for 200 events/s; ours are hand-offs that are escalated, each with a flush"
    " to disk, and *events/s* is how many this machine let through beside the load."
)
_ABOUT_CLAIMS: Final = (
    "pgbench calls the function that the request is about; the server does more"
    " ([what](performance-claims.md)). Compare processor time with one client. *ratio per s* is our rate over"
    " pgbench's; it flatters us where clients are many, as pgbench's clock has its own start and the opening of its"
    " connections in it. *ratio p50* is pgbench's median over ours: it has none of that, and leaves out that pgbench's"
    " slowest wait longer. What holds lies between the two."
)
_ABOUT_PROCESSES: Final = (
    "Load, PostgreSQL and processes share this machine's cores, so a further process adds little by the clock (*per"
    " s*). *per s on cores of their own* is reckoned, not run: what the processor time per request lets so many"
    " processes answer with a core each, PostgreSQL's left out."
)
_ABOUT: Final = (
    "Made by `make bench` (`BENCH=full make bench` for all sizes) from what it measured; do not edit. The tray app's"
    " figures stand in [performance-desktop.md](performance-desktop.md), those of the pages in"
    " [performance-web.md](performance-web.md), how claims are made cheap in"
    " [performance-claims.md](performance-claims.md), half an hour of five thousand sockets in"
    " [performance-soak.md](performance-soak.md), what they mean for many customers in [scale.md](scale.md)."
)
_COLUMNS: Final = {
    "peer": "",
    "kib_per_idle_socket": "KiB per idle socket",
    "mb_in_all": "resident, MB",
    "connect_cpu_ms": "CPU ms per connect",
    "connect_s": "all connected, s",
    "cpu_s_per_million": "CPU s per million deliveries",
    "ratio": "against the bare broadcaster",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "flush_ms": "one flush to disk, ms",
    "events_per_s": "events/s",
    "undelivered": "lost",
    "version": "version",
}


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2g}"


def _table(names: dict[str, str], rows: Iterable[dict[str, Cell]]) -> str:
    lines = [f"| {' | '.join(names.values())} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(_cell(row.get(name)) for name in names)} |" for row in rows]
    return "\n".join(lines)


def _bars(title: str, values: Sequence[tuple[str, float]]) -> str:
    """A bar chart as SVG, light and dark by the reader's own setting."""
    most, height = max(value for _, value in values), 26
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 {len(values) * height + 40}" role="img">',
        f"<title>{escape(title)}</title>",
        _STYLE,
        f'<text x="0" y="16" font-weight="600">{escape(title)}</text>',
    ]
    for n, (name, value) in enumerate(values):
        y, width = 30 + n * height, max(value / most * 340, 1)
        kind = ' class="ours"' if name == _OURS else ""
        parts.append(f'<text x="190" y="{y + 14}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<rect x="200" y="{y + 2}" width="{width:.1f}" height="16" rx="2"{kind}/>')
        parts.append(f'<text x="{206 + width:.1f}" y="{y + 14}">{_cell(value)}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _machine(found: Report) -> str:
    machine, versions = found["machine"], found["versions"]
    return (
        f"{found['date'][:16].replace('T', ' ')} UTC on {machine['cores']} cores of {machine['cpu']},"
        f" {machine['memory_gib']} GiB, {machine['system']}, kernel {machine['kernel']}; load average {machine['load']}"
        f" at the end. " + ", ".join(f"{name} {version}" for name, version in versions.items()) + "."
    )


def _verdict(ours: dict[str, Cell], bare: dict[str, Cell] | None) -> list[str]:
    lines = []
    memory = ours.get("kib_per_idle_socket")
    if isinstance(memory, int | float):
        holds = "holds" if memory <= _KIB_FLOOR else "is missed"
        lines.append(f"- {ours['shape']}: {memory:.0f} KiB per idle socket; the bound of {_KIB_FLOOR} {holds}.")
    whole, sockets = ours.get("mb_in_all"), ours.get("sockets")
    if isinstance(whole, int | float) and isinstance(sockets, int | float) and sockets >= _MANY:
        holds = "holds" if whole <= _MB_FLOOR else "is missed"
        lines.append(
            f"- {ours['shape']}: one process with {sockets:,.0f} idle sockets is {whole:.0f} MB resident; the bound of"
            f" {_MB_FLOOR} {holds}."
        )
    mine, floor = ours.get("cpu_s_per_million"), (bare or {}).get("cpu_s_per_million")
    if isinstance(mine, int | float) and isinstance(floor, int | float):
        lines.append(
            f"- {ours['shape']}: telling costs {mine / floor:.2f} times the processor time of the bare broadcaster"
            " (which keeps nothing and asks nobody who they are)."
        )
    writer, keeping = ours.get("writer_cpu_s_per_million"), ours.get("postgres_cpu_s_per_million")
    if isinstance(writer, int | float) and isinstance(keeping, int | float):
        lines.append(
            f"- {ours['shape']}: escalating and keeping cost {writer:.0f} s in the writing process and {keeping:.0f} s"
            " in PostgreSQL (its reads for the sockets among them) per million deliveries; no peer does that."
        )
    back, each = ours.get("back_s"), ours.get("back_transactions_per_socket")
    if isinstance(back, int | float) and isinstance(each, int | float):
        lines.append(
            f"- {ours['shape']}: after the process was killed everyone was back and told what they had missed within"
            f" {back:.1f} s, with {each:.2f} transactions of the database per socket."
        )
    return lines


def _fanout(found: Report, plots: Path) -> str:
    parts = [
        "## Telling everyone",
        f"Measured {_machine(found)}",
        _ABOUT_FANOUT,
    ]
    rows = [dict(row) for row in found["rows"]]
    for shape in dict.fromkeys(str(row["shape"]) for row in rows):
        mine = [row for row in rows if row["shape"] == shape]
        bare = next((row for row in mine if row["peer"] == _FLOOR), None)
        for row in mine:
            cost, floor = row.get("cpu_s_per_million"), (bare or {}).get("cpu_s_per_million")
            row["ratio"] = cost / floor if isinstance(cost, int | float) and isinstance(floor, int | float) else None
        parts += [f"### {shape}", _table(_COLUMNS, mine)]
        for column in ("cpu_s_per_million", "kib_per_idle_socket"):
            values = [(str(row["peer"]), float(row[column] or 0)) for row in mine if row.get(column) is not None]
            if values:
                name = f"{''.join(c if c.isalnum() else '-' for c in shape)}-{column.replace('_', '-')}.svg"
                (plots / name).write_text(_bars(f"{shape}: {_COLUMNS[column]}", sorted(values, key=lambda v: v[1])))
                parts.append(f"![{_COLUMNS[column]}](performance/{name})")
        ours = next((row for row in mine if row["peer"] == _OURS), None)
        if ours is not None:
            parts.append("\n".join(_verdict(ours, bare)))
    return "\n\n".join(parts)


def plain(title: str, found: Report) -> str:
    """A section with all columns as they are."""
    names = {name: name.replace("_", " ") for row in found["rows"] for name in row}
    return f"## {title}\n\nMeasured {_machine(found)}\n\n{_table(names, found['rows'])}"


def _claims(title: str, found: Report) -> str:
    """The same with pgbench's median beside ours, which has nothing of pgbench's own start in it."""
    rows = [dict(row) for row in found["rows"]]
    for row in rows:
        mine, floor = row.get("ours_p50_ms"), row.get("pgbench_p50_ms")
        row["ratio_p50"] = floor / mine if isinstance(mine, int | float) and isinstance(floor, int | float) else None
    found["rows"] = rows
    return _explained(plain(title, found), _ABOUT_CLAIMS)


def _explained(section: str, words: str) -> str:
    """With words before its table."""
    head, measured_on, table = section.split("\n\n")
    return f"{head}\n\n{measured_on}\n\n{words}\n\n{table}"


def _read(file: Path) -> Report:
    found: Any = json.loads(file.read_text("utf-8"))
    report: Report = found
    return report


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the benchmarks' JSON files lie")
    folder: Path = parser.parse_args().folder
    plots = _DOCS / "performance"
    plots.mkdir(exist_ok=True)
    for old in plots.glob("*.svg"):
        old.unlink()
    parts = ["# Performance", _ABOUT]
    titles = {
        "fanout": "Telling everyone",
        "processes": "Several processes",
        "claims": "Escalating, claiming, reading the queue, beside pgbench",
        "tray": "The tray app, beside gotify-tray",
    }
    for file in sorted(folder.glob("*.json"), key=lambda f: [*titles, f.stem].index(f.stem)):
        found = _read(file)
        title = titles.get(file.stem, file.stem.replace("_", " ").capitalize())
        match file.stem:
            case "fanout":
                parts.append(_fanout(found, plots))
            case "claims":
                parts.append(_claims(title, found))
            case "processes":
                parts.append(_explained(plain(title, found), _ABOUT_PROCESSES))
            case _:
                parts.append(plain(title, found))
    (_DOCS / "performance.md").write_text("\n\n".join(parts) + "\n", "utf-8")


if __name__ == "__main__":
    main()
