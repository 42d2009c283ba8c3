"""Several server processes on one database: what each further one adds, and how long an event takes to the others.

Run: `.venv/bin/python -m benchmarks.processes [--full] [--json FILE]`. Escalations go to one process, sockets are at
another; hints by PostgreSQL, by NATS, and by a NATS server that is not there. Then requests for the queue at one, two
and three processes, in rounds that take turns: the gain ends with the free cores of the machine, which the load and
PostgreSQL use too, so what each process would answer on a core of its own stands beside, from its processor time.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.fanout import Shape, latency, measured
from benchmarks.fanout_load import Load, Publisher, http_answered
from benchmarks.fanout_ours import Ours, commits, database
from benchmarks.fanout_peers import NotHereError, free_port, nats
from benchmarks.report import Cell, json_argument, report
from benchmarks.usage import Usage

_ACCOUNTS, _SOCKETS = 20, 100
_CLIENTS: Final = 12
_WARM_UP: Final = 100


def _crossing(events: int, bus: str) -> dict[str, Cell]:
    shape = Shape("crossing", _ACCOUNTS, _SOCKETS, 5, events)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fp-bench-")))
        folder.chmod(0o711)
        address = "postgres"
        try:
            if bus == "NATS":
                address = f"nats://127.0.0.1:{stack.enter_context(nats(folder)).port}"
        except NotHereError as why:
            return {"what": f"event to another process, hint by {bus}", "note": f"not here: {why}"}
        if bus == "nobody":
            address = f"nats://127.0.0.1:{free_port()}"
        url = stack.enter_context(database(folder / "data"))
        ours = Ours(folder, _ACCOUNTS, _SOCKETS, events)
        asyncio.run(ours.seed(url))
        peer = ours.start(url, 2, FLOWPILOT_EVENT_BUS=address)
        for server in ours.servers:
            stack.callback(server.stop)
        time.sleep(1)  # both are ready; nothing tells when each also hears the other's hints
        load = Load()
        row, found = measured(peer, shape, load)
        load.close()
        times = latency(found, asyncio.run(commits(url)))
    return {
        "what": f"event to another process, hint by {bus}",
        "p50_ms": times["p50_ms"],
        "p99_ms": times["p99_ms"],
        "undelivered": row["undelivered"],
    }


def _throughput(most: int, requests: int, rounds: int) -> list[dict[str, Cell]]:
    """The same servers for all: what one, two… of them answer, in turn, again and again, so all meet the same noise.

    The best round says what the machine lets through; processor time per request says what a core would.
    """
    found: dict[int, list[tuple[float, float]]] = {n: [] for n in range(1, most + 1)}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fp-bench-")))
        folder.chmod(0o711)
        url = stack.enter_context(database(folder / "data"))
        ours = Ours(folder, _ACCOUNTS, _SOCKETS, 1)
        asyncio.run(ours.seed(url))
        ours.start(url, most)
        for server in ours.servers:
            stack.callback(server.stop)
        _asked(ours, most, _WARM_UP * most)
        for _ in range(rounds):
            for processes, all_of_them in found.items():
                all_of_them.append(_asked(ours, processes, requests))
    return [
        {
            "what": f"queue read at {processes} process{'es' if processes > 1 else ''}",
            "per_s": requests / min(took for took, _ in all_of_them),
            "cpu_ms_each": (each := statistics.median(cpu for _, cpu in all_of_them) / requests * 1_000),
            "cores_used": statistics.median(cpu / took for took, cpu in all_of_them),
            "per_s_on_cores_of_their_own": processes / each * 1_000,
        }
        for processes, all_of_them in found.items()
    ]


def _asked(ours: Ours, processes: int, requests: int) -> tuple[float, float]:
    """Seconds by the clock and on a core."""
    servers = ours.servers[:processes]
    publishers = [Publisher(servers[n % processes].port, http_answered) for n in range(_CLIENTS)]
    gets = [(n, ours.reading(n), 0) for n in range(requests)]
    before, began = Usage.of(*(server.pid for server in servers)), time.monotonic()
    found = Load().publish(publishers, gets, 1e9)
    took = time.monotonic() - began
    if found.refused:
        raise RuntimeError(found.refused[0])
    return took, Usage.of(*(server.pid for server in servers)).cpu_s - before.cpu_s


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="more of everything; five minutes")
    json_argument(parser)
    arguments = parser.parse_args()
    events, requests, rounds = (600, 1_500, 9) if arguments.full else (60, 500, 5)
    rows = [_crossing(events, bus) for bus in ("PostgreSQL", "NATS", "nobody")]
    rows += _throughput(3, requests, rounds)
    report("processes", rows, arguments.json)


if __name__ == "__main__":
    main()
