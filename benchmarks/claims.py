"""Escalating, claiming and reading the queue: the server over HTTP beside pgbench with the same function calls.

Run: `.venv/bin/python -m benchmarks.claims [--handoffs 1000,100000,1000000] [--clients 1,8,32] [--operations 400]
[--json FILE]`. About a minute with the defaults (1,000 handoffs), seven more for a million. A throw-away database with
sixteen accounts, fsync on. Each cell is measured twice, pgbench and the server in turn.

`per_s` and `p99_ms` are by the wall, of whatever else the machine does; `cpu_ms` is processor time per operation, of
the server's process and of PostgreSQL, and is what a comparison should go by. The server does more than pgbench: it
finds out who is calling, reads the session to freeze it, and answers with the whole hand-off.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from backend.db.embedded import EmbeddedPostgres
from backend.db.embedded_files import pg_bin
from backend.db.engine import Database
from backend.db.migrate import upgrade
from benchmarks.analytics import HISTORY
from benchmarks.cpu import of_process, of_tree
from benchmarks.keep_alive import Connection
from benchmarks.report import Cell, json_argument, report
from tests.support.people import Crew, make_crew
from tests.support.server import Server

_ACCOUNTS: Final = 16
_WAITING: Final = 50
_SESSIONS: Final = """
with s as (
    insert into ai_session (account_id, id, owner_id, title, problem, version)
    select $1, uuidv7(), $2, 'VPN drops ' || n, 'The tunnel to the branch office drops.', 10
    from generate_series(1, $3::int) n returning id),
m as (
    insert into message (account_id, id, session_id, author_id, author_kind, content, version)
    select $1, uuidv7(), s.id, $2, 'user', repeat('It comes back after every key change. ', 8) || n, n
    from s, generate_series(1, 10) n)
select id from s
"""
_ESCALATE: Final = (
    "select * from escalate_handoff(t.account, uuidv7(), t.session, t.junior, null, '', 'It drops again.', null, null,"
    " 'normal', null, (select snapshot from bench_snapshot), 15)"
)
_TODO: Final = """
create table bench_session (n bigint primary key, account uuid, session uuid, junior uuid, handoff uuid, senior uuid);
create table bench_account (n bigint primary key, account uuid);
create sequence bench_next;
create table bench_snapshot (snapshot bytea not null);
grant all on bench_session, bench_account, bench_next, bench_snapshot to flowpilot_app;
"""
_NEXT: Final = "from bench_session t where t.n = (select nextval('bench_next'))"
_SCRIPTS: Final = {
    "escalate": f"select e.* from (select * {_NEXT}) t, lateral ({_ESCALATE}) e;",
    "claim": "select c.* from (select * " + _NEXT + ") t, lateral ("
    "select * from claim_handoff(t.account, t.handoff, t.senior)) c;",
    "queue": f"\\set n random(1, {_ACCOUNTS})\n"
    "select q.* from bench_account a, lateral (select * from queue_page(a.account, 'pending', null, null, null, 50)) q"
    " where a.n = :n;",
}


@dataclass(frozen=True, slots=True)
class Took:
    """What so many operations took."""

    seconds: list[float]
    whole_s: float
    server_cpu_s: float
    postgres_cpu_s: float

    def row(self, prefix: str) -> dict[str, Cell]:
        """As columns."""
        n, ordered = len(self.seconds), sorted(self.seconds)
        return {
            f"{prefix}_per_s": n / self.whole_s,
            f"{prefix}_p50_ms": statistics.median(ordered) * 1_000,
            f"{prefix}_p99_ms": ordered[min(int(n * 0.99), n - 1)] * 1_000,
            f"{prefix}_cpu_ms": (self.server_cpu_s + self.postgres_cpu_s) / n * 1_000,
        }


@dataclass(slots=True)
class Bench:
    """Everything that a measurement needs; `todo` are rows of bench_session that nobody has used."""

    postgres: EmbeddedPostgres
    server: Server
    crews: list[Crew]
    owner: "asyncpg.Connection[asyncpg.Record]"
    used: int = 0

    async def todo(self, number: int, *, escalated: bool) -> None:
        """Fresh sessions, spread over the accounts; pgbench takes them from `bench_next` on."""
        rows = []
        for place, crew in enumerate(self.crews):
            count = number // len(self.crews) + (place < number % len(self.crews))
            account, junior = UUID(crew.account_id), UUID(crew.technician.id)
            made = await self.owner.fetch(_SESSIONS, account, junior, count)
            rows += [(account, row["id"], junior, UUID(crew.engineer.id)) for row in made]
        rows = _dealt(rows, len(self.crews))
        numbered = [(self.used + place, *row) for place, row in enumerate(rows, 1)]
        await self.owner.executemany(
            "insert into bench_session (n, account, session, junior, senior) values ($1, $2, $3, $4, $5)", numbered
        )
        if escalated:
            await self.owner.execute(
                "update bench_session b set handoff = e.handoff_id from (select t.n, x.handoff_id from bench_session t,"
                f" lateral ({_ESCALATE}) x where t.n > $1) e where e.n = b.n".replace("$1", str(self.used))
            )
        await self.owner.execute(f"select setval('bench_next', {self.used + 1}, false)")
        await self.owner.execute("analyze bench_session")
        self.used += number

    async def rows(self, number: int) -> "list[asyncpg.Record]":
        """The newest so many."""
        return await self.owner.fetch("select * from bench_session where n > $1 order by n", self.used - number)

    async def settled(self) -> None:
        """Wait until PostgreSQL has buried pgbench's backends: while they die their time stands nowhere."""
        gone = "select count(*) = 0 from pg_stat_activity where application_name = 'pgbench'"
        for _ in range(100):
            if await self.owner.fetchval(gone):
                break
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)

    def cpu(self) -> tuple[float, float]:
        """Seconds that the server and PostgreSQL have used."""
        if self.postgres.pid is None:
            raise RuntimeError("PostgreSQL has ended")
        return of_process(self.server.pid), of_tree(self.postgres.pid)


def _dealt(rows: "list[tuple[UUID, UUID, UUID, UUID]]", piles: int) -> "list[tuple[UUID, UUID, UUID, UUID]]":
    """One of each account after the other, so that clients rarely meet on one account's log."""
    size = -(-len(rows) // piles)
    return [row for place in range(size) for row in rows[place::size]]


async def _requests(bench: Bench, operation: str, number: int) -> list[tuple[str, str, str, bytes]]:
    """(method, path, token, body) of so many operations."""
    if operation == "queue":
        crews = bench.crews
        return [("GET", "/api/v1/handoffs", crews[n % len(crews)].engineer.token, b"") for n in range(number)]
    tokens = {crew.account_id: crew for crew in bench.crews}
    found = []
    for row in await bench.rows(number):
        crew = tokens[str(row["account"])]
        if operation == "claim":
            found.append(("POST", f"/api/v1/handoffs/{row['handoff']}/claim", crew.engineer.token, b""))
        else:
            body = json.dumps({"reason": "It drops again."}).encode()
            found.append(("POST", f"/api/v1/ai-sessions/{row['session']}/handoff", crew.technician.token, body))
    return found


async def _ours(bench: Bench, operation: str, clients: int, number: int) -> Took:
    if operation != "queue":
        await bench.todo(number, escalated=operation == "claim")
    waiting = await _requests(bench, operation, number)
    taken: list[float] = []

    async def client() -> None:
        async with Connection(bench.server.port) as connection:
            while waiting:
                request = waiting.pop()
                start = time.perf_counter()
                status = await connection.ask(*request)
                taken.append(time.perf_counter() - start)
                if status not in {200, 201}:
                    raise RuntimeError(f"{request[1]} answered {status}")

    before = bench.cpu()
    begun = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    whole = time.perf_counter() - begun
    after = bench.cpu()
    return Took(taken, whole, after[0] - before[0], after[1] - before[1])


async def _pgbench(bench: Bench, operation: str, clients: int, number: int, folder: Path) -> Took:
    if operation != "queue":
        await bench.todo(number, escalated=operation == "claim")
    script, logs = folder / f"{operation}.sql", folder / "took"
    script.write_text(_SCRIPTS[operation], "utf-8")
    options = (*("-n", "-M", "prepared", "-c", clients, "-j", 1, "-t", number // clients), "-l", f"--log-prefix={logs}")
    environment = {**os.environ, "PGOPTIONS": "-c role=flowpilot_app"}
    before = bench.cpu()
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *map(str, (pg_bin() / "pgbench", *options, "-f", script, bench.postgres.url)),
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    whole = time.perf_counter() - begun
    if process.returncode:
        raise RuntimeError(errors.decode())
    await bench.settled()
    after = bench.cpu()
    return Took(_logged(folder), whole, 0.0, after[1] - before[1])


def _logged(folder: Path) -> list[float]:
    """Seconds of each transaction from pgbench's logs, which are removed."""
    taken: list[float] = []
    for log in folder.glob("took.*"):
        taken += [int(line.split()[2]) / 1e6 for line in log.read_text("utf-8").splitlines()]
        log.unlink()
    return taken


async def _cells(
    bench: Bench, handoffs: int, clients: Sequence[int], number: int, folder: Path
) -> list[dict[str, Cell]]:
    rows: list[dict[str, Cell]] = []
    for operation in _SCRIPTS:
        for at_once in clients:
            floor = await _pgbench(bench, operation, at_once, number, folder)
            ours = await _ours(bench, operation, at_once, number)
            mine, theirs = ours.row("ours"), floor.row("pgbench")
            of: dict[str, Cell] = {"operation": operation, "handoffs": handoffs, "clients": at_once}
            rows.append(
                {
                    **of,
                    **mine,
                    "of_which_postgres_ms": ours.postgres_cpu_s / len(ours.seconds) * 1_000,
                    **theirs,
                    "ratio_per_s": len(ours.seconds) / ours.whole_s / (len(floor.seconds) / floor.whole_s),
                }
            )
    return rows


async def _seeded(url: str, handoffs: int) -> list[Crew]:
    """The accounts, each with its share of two years' handoffs and fifty that wait."""
    await upgrade(url)
    database = await Database.open(url)
    crews = [await make_crew(database, url, f"MSP {n}") for n in range(_ACCOUNTS)]
    await database.close()
    owner = await asyncpg.connect(url)
    try:
        await owner.execute("set session_replication_role = replica")  # no foreign keys for rows that we made up
        for crew in crews:
            await owner.execute(HISTORY, [UUID(crew.account_id)], handoffs // _ACCOUNTS, timeout=3_600)
        await owner.execute("set session_replication_role = origin")
        await owner.execute(_TODO)
        accounts = [(place, UUID(crew.account_id)) for place, crew in enumerate(crews, 1)]
        await owner.executemany("insert into bench_account values ($1, $2)", accounts)
        await owner.execute("vacuum analyze", timeout=3_600)
    finally:
        await owner.close()
    return crews


async def _measure(
    postgres: EmbeddedPostgres, folder: Path, arguments: argparse.Namespace, handoffs: int
) -> list[dict[str, Cell]]:
    crews = await _seeded(postgres.url, handoffs)
    server = Server(postgres.url, folder / "server", environment={"FLOWPILOT_WORKER": "off"}, from_scratch=True)
    await asyncio.to_thread(server.start)
    owner = await asyncpg.connect(postgres.url)
    try:
        bench = Bench(postgres, server, crews, owner)
        await _ours(bench, "escalate", 4, 64)  # plans, caches, code; and a snapshot as the server makes it
        newest = "select snapshot from handoff order by created_at desc limit 1"
        await owner.execute(f"insert into bench_snapshot {newest}")
        await bench.todo(_WAITING * len(crews), escalated=True)
        for operation in ("claim", "queue"):
            await _ours(bench, operation, 4, 64)
        return await _cells(bench, handoffs, arguments.clients, arguments.operations, folder)
    finally:
        await owner.close()
        await asyncio.to_thread(server.stop)


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main() -> None:
    """Seed and measure, size by size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--handoffs", type=_numbers, default=[1_000])
    parser.add_argument("--clients", type=_numbers, default=[1, 8, 32])
    parser.add_argument("--operations", type=int, default=400)
    json_argument(parser)
    arguments = parser.parse_args()
    rows: list[dict[str, Cell]] = []
    options = (("shared_buffers", "512MB"), ("max_wal_size", "8GB"))
    for handoffs in arguments.handoffs:
        with tempfile.TemporaryDirectory(prefix="fp-bench-") as name:
            folder = Path(name)
            folder.chmod(0o711)
            with EmbeddedPostgres(folder / "data", options=options) as postgres:
                rows += asyncio.run(_measure(postgres, folder, arguments, handoffs))
    report("claims", rows, arguments.json)


if __name__ == "__main__":
    main()
