"""From the commit of an escalation to the frame that a client reads, beside the peers that can be had here.

Run: `.venv/bin/python -m benchmarks.fanout [--full] [--only NAME…] [--json FILE]`. One load program for all; each peer
runs alone, in turn. Processor seconds and memory are the figures to compare; milliseconds depend on what else the
machine does.

FlowPilot runs as two processes: one takes the escalations (with a flush to disk each), the other has the sockets and
hears of them by a hint. So `cpu_s_per_million` is what telling costs, as it is for the peers; latency begins with the
commit. A peer's begins when it is asked to publish. FlowPilot's deliveries include hearing the hint and reading the
event from the database, a peer's include taking the request to publish; the peers have neither database nor sign-in.
What each process does for itself meanwhile is in its figure, ours and theirs. The escalation with its flush is the
writing process's, and PostgreSQL's part is not told apart into keeping and reading: both stand in columns of their own.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.fanout_load import Deliveries, Load, Subscriber, mark
from benchmarks.fanout_ours import Ours, commits, database, transactions
from benchmarks.fanout_peers import PEERS, NotHereError, Peer
from benchmarks.report import Cell, json_argument, report
from benchmarks.usage import Usage

OURS: Final = "ours"
_PAYLOAD: Final = 1_100
"""Bytes; about what an event frame has."""
_IDLE_S: Final = 3.0
_PUBLISHERS: Final = 8


@dataclass(frozen=True, slots=True)
class Shape:
    """`topics` with `sockets` in all, `rate` events a second, `events` of them."""

    name: str
    topics: int
    sockets: int
    rate: float
    events: int


QUICK: Final = (
    Shape("500 accounts x 2", 500, 1_000, 200, 600),
    Shape("one account, 1,000", 1, 1_000, 10, 40),
)
FULL: Final = (
    Shape("500 accounts x 2", 500, 1_000, 200, 2_000),
    Shape("500 accounts x 10", 500, 5_000, 200, 2_000),
    Shape("one account, 1,000", 1, 1_000, 10, 100),
    Shape("one account, 5,000", 1, 5_000, 4, 40),
    Shape("one account, 10,000", 1, 10_000, 2, 30),
)


def _events(shape: Shape, peer: Peer, first: int = 0) -> Iterator[tuple[int, bytes, int]]:
    for number in range(first, first + shape.events):
        topic = number % shape.topics
        which = number if peer.name == "FlowPilot" else topic
        payload = f'{{"mark":"{mark(number)}","filler":"'.encode()
        yield (
            number,
            peer.request(which, payload + b"x" * (_PAYLOAD - len(payload) - 2) + b'"}'),
            shape.sockets // shape.topics,
        )


def measured(peer: Peer, shape: Shape, load: Load) -> tuple[dict[str, Cell], Deliveries]:
    """Storm, idle, events: the columns that all have."""
    before = Usage.of(*peer.processes)
    wall = load.connect(
        [Subscriber(peer.port, n % shape.topics, peer.script(_place(peer, shape, n))) for n in range(shape.sockets)]
    )
    connected = Usage.of(*peer.processes)
    load.idle(_IDLE_S)
    idle = Usage.of(*peer.processes)
    ready = shape.sockets - load.lost
    apart = {name: Usage.of(*pids) for name, pids in peer.others.items()}
    found = load.publish([peer.publisher() for _ in range(_PUBLISHERS)], list(_events(shape, peer)), shape.rate)
    took = time.time() - min(found.published.values())  # not with the publishers' greetings, which some protocols have
    if found.refused:
        raise RuntimeError(f"{peer.name} refused {len(found.refused)} events: {found.refused[0]}")
    after = Usage.of(*peer.processes)
    row: dict[str, Cell] = {
        "peer": peer.name,
        "shape": shape.name,
        "sockets": ready,
        "connect_s": wall,
        "connect_cpu_ms": (connected.cpu_s - before.cpu_s) / shape.sockets * 1_000,
        "kib_per_idle_socket": (idle.pss - before.pss) / shape.sockets / 1024,
        "idle_cpu_ms_per_s": (idle.cpu_s - connected.cpu_s) / _IDLE_S * 1_000,
        "mb_in_all": idle.rss / 1e6,
        "events_per_s": len(found.published) / took,
        "cpu_s_per_million": (after.cpu_s - idle.cpu_s) / max(found.total, 1) * 1e6,
        "undelivered": shape.events * (shape.sockets // shape.topics) - found.total,
    }
    for name, usage in apart.items():
        now = Usage.of(*peer.others[name])
        row[f"{name}_cpu_s_per_million"] = (now.cpu_s - usage.cpu_s) / max(found.total, 1) * 1e6
    return row, found


def _place(peer: Peer, shape: Shape, n: int) -> int:
    return n if peer.name == "FlowPilot" else n % shape.topics


def latency(found: Deliveries, since: Mapping[int, float]) -> dict[str, Cell]:
    """Milliseconds from `since` to each delivery, and to the last one of an event."""
    every = sorted(
        (at - since[number]) * 1_000 for number, times in found.came.items() for at in times if number in since
    )
    last = [max(times) - since[number] for number, times in found.came.items() if number in since]
    if not every:
        return {"p50_ms": None, "p99_ms": None, "last_ms": None}
    return {
        "p50_ms": statistics.median(every),
        "p99_ms": every[int(len(every) * 0.99)],
        "last_ms": statistics.median(last) * 1_000,
    }


def _peer_row(name: str, shape: Shape) -> dict[str, Cell]:
    load = Load()
    with tempfile.TemporaryDirectory(prefix="fp-peer-") as folder:
        Path(folder).chmod(0o755)
        try:
            with PEERS[name](Path(folder)) as peer:
                row, found = measured(peer, shape, load)
                load.close()
                return row | latency(found, found.published) | {"version": peer.version}
        except NotHereError as why:
            return {"peer": name, "shape": shape.name, "version": f"not here: {why}"}


def _our_row(shape: Shape, **environment: str) -> dict[str, Cell]:
    load = Load()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fp-bench-")))
        folder.chmod(0o711)
        url = stack.enter_context(database(folder / "data"))
        ours = Ours(folder, shape.topics, shape.sockets, shape.events)
        asyncio.run(ours.seed(url))
        peer = ours.start(url, 2, **environment)
        for server in ours.servers:
            stack.callback(server.stop)
        row, found = measured(peer, shape, load)
        row |= latency(found, asyncio.run(commits(url)))
        load.close()
        row |= _come_back(ours, shape, load, url)
        load.close()
        return row | {"flush_ms": _flush(folder), "version": peer.version}


def _flush(folder: Path) -> float:
    """What one flush to this disk takes: it lies between the time that a commit carries and its announcement."""
    times = []
    with (folder / "flush").open("wb") as file:
        for _ in range(20):
            file.write(b"x" * 4_096)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return statistics.median(times) * 1_000


def _come_back(ours: Ours, shape: Shape, load: Load, url: str) -> dict[str, Cell]:
    """The process with the sockets dies; all of them come back, one event behind, and are told it."""
    server = ours.servers[-1]
    server.kill9()
    server.start()
    before, asked = Usage.of(server.pid), asyncio.run(transactions(url))
    everyone = [Subscriber(server.port, n % shape.topics, ours.script(n, after=0)) for n in range(shape.sockets)]
    wall = load.connect(everyone)
    load.idle(1.0)
    after, answered = Usage.of(server.pid), asyncio.run(transactions(url))
    return {
        "back_s": wall,
        "back_cpu_ms": (after.cpu_s - before.cpu_s) / shape.sockets * 1_000,
        "back_transactions_per_socket": (answered - asked) / shape.sockets,
    }


def measure(shapes: Sequence[Shape], names: Sequence[str]) -> list[dict[str, Cell]]:
    """A row for each, as they come."""
    rows: list[dict[str, Cell]] = []
    for shape in shapes:
        for name in names:
            print(f"{shape.name}: {name}", flush=True)
            rows.append(_our_row(shape) if name == OURS else _peer_row(name, shape))
    return rows


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="all shapes; half an hour")
    parser.add_argument("--only", nargs="+", choices=[OURS, *PEERS], default=[OURS, *PEERS])
    parser.add_argument("--shape", type=int, help="only the shape of this number, from 0")
    json_argument(parser)
    arguments = parser.parse_args()
    shapes: Sequence[Shape] = FULL if arguments.full else QUICK
    if arguments.shape is not None:
        shapes = shapes[arguments.shape : arguments.shape + 1]
    report("fanout", measure(shapes, arguments.only), arguments.json)


if __name__ == "__main__":
    main()
