"""Several server processes on one database: what each further one adds, and how long an event takes to the others.

Run: `.venv/bin/python -m benchmarks.processes [--full] [--json FILE]`. Escalations go to one process, sockets are at
another; hints by PostgreSQL, by NATS, and by a NATS server that is not there. Then requests for the queue at one, two
and three processes: the gain ends with the free cores of the machine, so processor time stands beside.
"""

import argparse
import asyncio
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


def _throughput(processes: int, requests: int) -> dict[str, Cell]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fp-bench-")))
        folder.chmod(0o711)
        url = stack.enter_context(database(folder / "data"))
        ours = Ours(folder, _ACCOUNTS, _SOCKETS, 1)
        asyncio.run(ours.seed(url))
        ours.start(url, processes)
        for server in ours.servers:
            stack.callback(server.stop)
        ports = [server.port for server in ours.servers]
        publishers = [Publisher(ports[n % processes], http_answered) for n in range(_CLIENTS)]
        gets = [(n, ours.reading(n), 0) for n in range(requests)]
        load = Load()
        load.publish(publishers, gets[:100], 1e9)
        publishers = [Publisher(ports[n % processes], http_answered) for n in range(_CLIENTS)]
        before, began = Usage.of(*(server.pid for server in ours.servers)), time.monotonic()
        found = load.publish(publishers, gets, 1e9)
        took = time.monotonic() - began
        after = Usage.of(*(server.pid for server in ours.servers))
        if found.refused:
            raise RuntimeError(found.refused[0])
    return {
        "what": f"queue read at {processes} process{'es' if processes > 1 else ''}",
        "per_s": requests / took,
        "cpu_ms_each": (after.cpu_s - before.cpu_s) / requests * 1_000,
        "cores_used": (after.cpu_s - before.cpu_s) / took,
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="more of everything; five minutes")
    json_argument(parser)
    arguments = parser.parse_args()
    events, requests = (600, 6_000) if arguments.full else (60, 1_000)
    rows = [_crossing(events, bus) for bus in ("PostgreSQL", "NATS", "nobody")]
    rows += [_throughput(processes, requests) for processes in (1, 2, 3)]
    report("processes", rows, arguments.json)


if __name__ == "__main__":
    main()
