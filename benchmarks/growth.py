"""What many customers cost, from measured unit costs, and how long everyone takes to come back: writes docs/scale.md.

Run: `.venv/bin/python -m benchmarks.growth FOLDER [--seniors 10] [--sockets-per-process 10000]`. FOLDER holds the JSON
files of `benchmarks.fanout` and `benchmarks.processes`; every unit cost is read from them. What people do is assumed,
and stands in the page's first table.
"""

import argparse
import json
import math
import random
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

_PAGE: Final = Path(__file__).parents[1] / "docs/scale.md"
_SIZES: Final = (100, 1_000, 5_000, 20_000)
_HEADROOM: Final = 0.6
"""A core is planned to be busy for this share of the time at most."""
_STEP_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class People:
    """What is assumed of customers. Rates are per MSP."""

    seniors: int = 10
    open_sockets_per_senior: float = 1.3
    escalations_per_day: float = 8.0
    busy_hour_share: float = 0.2
    """Of a day's escalations, in its busiest hour; all customers in one zone of the world, the worst case."""
    events_per_escalation: float = 14.0
    """Made, assessed, claimed, resolved, and a delivery for each senior."""
    requests_per_socket_per_minute: float = 0.2
    comes_back_within_s: float = 5.0
    """How far apart clients put their returns: `retry_after_ms` of the farewell, and the desktop's own jitter."""
    gives_up_after_s: float = 10.0
    """A client whose connection is not ready by then tries again, a little later each time."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Measured. Seconds of one core, bytes."""

    connect_s: float
    socket_bytes: float
    process_bytes: float
    idle_s_per_socket_s: float
    delivery_s: float
    event_s: float
    escalation_s: float
    request_s: float
    connect_transactions: float

    @classmethod
    def read(cls, folder: Path) -> "Costs":
        """From the benchmarks' files. An event's own cost is what a delivery costs more where few read it than many."""
        ours = [row for row in _rows(folder / "fanout.json") if row["peer"] == "FlowPilot"]
        few = min(ours, key=_per_event)
        many = max(ours, key=_per_event)
        reads = next(row for row in _rows(folder / "processes.json") if row["what"] == "queue read at 1 process")
        delivery = many["cpu_s_per_million"] / 1e6
        return cls(
            connect_s=max(row["back_cpu_ms"] for row in ours) / 1_000,
            socket_bytes=max(row["kib_per_idle_socket"] for row in ours) * 1024,
            process_bytes=max(
                row["mb_in_all"] * 1e6 - row["kib_per_idle_socket"] * 1024 * row["sockets"] for row in ours
            ),
            idle_s_per_socket_s=max(row["idle_cpu_ms_per_s"] / row["sockets"] for row in ours) / 1_000,
            delivery_s=delivery,
            event_s=max(few["cpu_s_per_million"] / 1e6 * _per_event(few) - delivery * _per_event(few), 0),
            escalation_s=few["writer_cpu_s_per_million"] / 1e6 * _per_event(few),
            request_s=reads["cpu_ms_each"] / 1_000,
            connect_transactions=max(row["back_transactions_per_socket"] for row in ours),
        )


def _rows(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))["rows"]
    return found


def _per_event(row: dict[str, Any]) -> float:
    """How many sockets read each event of a measured shape."""
    name: str = row["shape"]
    return float(name.rpartition(" x ")[2]) if " x " in name else float(row["sockets"])


@dataclass(frozen=True, slots=True)
class Need:
    """What a number of MSPs needs at its busiest."""

    msps: int
    sockets: float
    escalations_per_s: float
    events_per_s: float
    deliveries_per_s: float
    cores: float
    processes: int
    memory_gb: float
    hints_handed_out_per_s: float
    """By the database or broker: each hint goes to every process."""
    commits_per_s: float


def need(msps: int, people: People, costs: Costs, most_sockets: int) -> Need:
    """Straight sums."""
    sockets = msps * people.seniors * people.open_sockets_per_senior
    escalations = msps * people.escalations_per_day * people.busy_hour_share / 3_600
    events = escalations * people.events_per_escalation
    deliveries = events * people.seniors * people.open_sockets_per_senior
    requests = sockets * people.requests_per_socket_per_minute / 60
    work = (
        sockets * costs.idle_s_per_socket_s
        + deliveries * costs.delivery_s
        + events * costs.event_s
        + escalations * costs.escalation_s
        + requests * costs.request_s
    )
    processes = max(math.ceil(sockets / most_sockets), math.ceil(work / _HEADROOM), 2)
    return Need(
        msps=msps,
        sockets=sockets,
        escalations_per_s=escalations,
        events_per_s=events,
        deliveries_per_s=deliveries,
        cores=work / _HEADROOM,
        processes=processes,
        memory_gb=(processes * costs.process_bytes + sockets * costs.socket_bytes) / 1e9,
        hints_handed_out_per_s=events * processes,
        commits_per_s=events + requests * 0.1,
    )


@dataclass(frozen=True, slots=True)
class Storm:
    """Everyone coming back at once."""

    half_s: float
    all_s: float
    tries_per_socket: float


def storm(sockets: int, processes: int, people: People, costs: Costs, seed: int = 7) -> Storm:
    """Clients spread their returns; each process admits what one core can; who waits too long tries again later.

    Step by step in tenths of a second, one process for all of its kind, as a balancer spreads them.
    """
    chance = random.Random(seed)  # noqa: S311 - the same storm each time
    mine = math.ceil(sockets / processes)
    due = sorted((chance.uniform(0, people.comes_back_within_s), 1) for _ in range(mine))
    waiting: list[tuple[float, int]] = []
    ready: list[float] = []
    now, tries, able = 0.0, 0, 0.0
    while len(ready) < mine and now < 3_600:
        arrived = 0
        while arrived < len(due) and due[arrived][0] <= now:
            arrived += 1
        waiting += due[:arrived]
        tries += arrived
        due = due[arrived:]
        able += _STEP_S / costs.connect_s
        while waiting and able >= 1:
            came, attempt = waiting.pop(0)
            able -= 1  # the work is done for one who has left, too
            if now - came <= people.gives_up_after_s:
                ready.append(now)
            else:
                due.append((now + chance.uniform(0, min(2.0**attempt, 60)), attempt + 1))
        if not waiting:
            able = min(able, 1)
        due.sort()
        now += _STEP_S
    return Storm(ready[len(ready) // 2], ready[-1], tries / mine)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _unit(name: str, value: float) -> str:
    if name.endswith("_bytes"):
        return f"{value / 1024:,.0f} KiB" if value < 1e7 else f"{value / 1e6:,.0f} MB"
    if name.endswith("_transactions"):
        return f"{value:.2f}"
    return f"{value * 1e6:,.1f} µs" if value < 1e-3 else f"{value * 1e3:,.2f} ms"


def page(people: People, costs: Costs, template: str, most_sockets: int) -> str:
    """The page with its tables."""
    needs = [need(msps, people, costs, most_sockets) for msps in _SIZES]
    names = list(asdict(needs[0]))
    sizes = [f"| | {' | '.join(f'{n.msps:,} MSPs' for n in needs)} |", f"|---|{'---|' * len(needs)}"]
    sizes += [
        f"| {_words(name)} | {' | '.join(_number(asdict(n)[name]) for n in needs)} |"
        for name in names
        if name != "msps"
    ]
    storms = ["| | half are back | all are back | tries per socket |", "|---|---|---|---|"]
    for n in needs:
        for spread in (people.comes_back_within_s, 30.0):
            found = storm(int(n.sockets), n.processes, replace(people, comes_back_within_s=spread), costs)
            storms.append(
                f"| {n.msps:,} MSPs, {n.processes} processes, spread over {spread:.0f} s | {found.half_s:.1f} s |"
                f" {found.all_s:.1f} s | {found.tries_per_socket:.2f} |"
            )
    assumed = ["| assumed | |", "|---|---|", *(f"| {_words(k)} | {v:g} |" for k, v in asdict(people).items())]
    measured = ["| measured | |", "|---|---|"]
    measured += [f"| {_words(k.removesuffix('_bytes'))} | {_unit(k, v)} |" for k, v in asdict(costs).items()]
    tables = {"assumed": assumed, "measured": measured, "sizes": sizes, "storms": storms}
    for name, lines in tables.items():
        template = template.replace(f"<!-- {name} -->", "\n".join(lines))
    return template


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the benchmarks' JSON files lie")
    parser.add_argument("--seniors", type=int, default=10)
    parser.add_argument("--sockets-per-process", type=int, default=10_000)
    arguments = parser.parse_args()
    people = People(seniors=arguments.seniors, events_per_escalation=4.0 + arguments.seniors)
    costs = Costs.read(arguments.folder)
    template = Path(__file__).with_suffix(".md.txt").read_text("utf-8")
    _PAGE.write_text(page(people, costs, template, arguments.sockets_per_process), "utf-8")


if __name__ == "__main__":
    main()
