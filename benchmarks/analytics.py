"""The analytics month among a million handoffs: what its page takes on the server and in the database.

Run: `.venv/bin/python -m benchmarks.analytics [--handoffs 1000000] [--accounts 100] [--rounds 40] [--json FILE]`. Makes
a throw-away database with two years of escalations. Two accounts are measured: an ordinary one, and one with a tenth of
everything. Processor time is that of this process and of PostgreSQL, which a busy machine changes little.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
from starlette.requests import Request

from backend.analytics.service import AnalyticsService, MonthPage
from backend.db.embedded import EmbeddedPostgres
from backend.db.engine import Database
from backend.db.migrate import upgrade
from backend.identity.caller import Caller
from backend.web.chart import MOST_DOTS
from backend.web.pages_analytics import drawn
from backend.web.visitor import Visitor
from benchmarks.cpu import of_tree
from benchmarks.report import Cell, json_argument, report
from tests.support.people import Crew, make_crew

_PEOPLE = """
insert into account (id, name) select gen_random_uuid(), 'Other ' || n from generate_series(1, $1) n;
"""
_OTHERS = """
insert into app_user (account_id, id, email, name, role)
select a.id, gen_random_uuid(), r || '@' || a.id, r, r from account a, unnest(array['technician', 'engineer']) r
where a.name like 'Other %'
"""
HISTORY: Final = """
with who as (
    select u.account_id, (array_agg(u.id) filter (where u.role = 'technician'))[1] as junior,
           (array_agg(u.id) filter (where u.role = 'engineer'))[1] as senior
    from app_user u where u.account_id = any($1) group by 1),
plan as (
    select w.*, n, uuidv7((n * -730.0 / $2) * interval '1 day') as session,
           uuidv7((n * -730.0 / $2) * interval '1 day') as handoff, -- ordered, as the product's own
           now() - (n::double precision / $2) * interval '730 days' as at,
           (30 + (n::bigint * 7919) % 400) * interval '1 second' as claim,
           (40 + (n::bigint * 104729) % 1800) * interval '1 second' as act
    from who w, generate_series(1, $2) n),
sessions as (
    insert into ai_session (account_id, id, owner_id, title, problem, customer, status, created_at, updated_at)
    select account_id, session, junior, 'Case ' || n, 'It drops', 'Customer ' || n % 60, 'resolved', at, at from plan),
told as (
    insert into delivery (account_id, handoff_id, user_id, channel, device, state, at)
    select account_id, handoff, senior, c, 'd', case c when 'desktop' then 'shown' else 'cancelled' end,
           at + interval '0.7 s' from plan, unnest(array['desktop', 'email']) c)
insert into handoff (account_id, id, session_id, handed_off_by, session_owner, request_hash, reason, priority, status,
                     snapshot, card, claimed_by, claimed_at, claim_epoch, first_claimed_at, first_action_at,
                     first_action_kind, first_action_by, first_action_claimed_at, outcome,
                     customer, first_shown_at, month_ready, created_at)
select account_id, handoff, session, junior, junior, '', 'I have no access to system ' || n % 40,
       (array['low', 'normal', 'high', 'urgent'])[1 + n % 4], 'resolved', decode(repeat('ab', 600), 'hex'),
       jsonb_build_object('filler', repeat('x', 700)), senior, at + claim, 1, at + claim,
       case when n % 20 > 0 then at + claim + act end, case when n % 20 > 0 then 'message' end,
       case when n % 20 > 0 then senior end, case when n % 20 > 0 then at + claim end, 'took_over',
       'Customer ' || n % 60, at + interval '0.7 s', true, at
from plan
"""


async def _seed(url: str, big: Crew, plain: Crew, handoffs: int, accounts: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set session_replication_role = replica")  # no foreign keys for rows that we made up
        await connection.execute(_PEOPLE.replace("$1", str(accounts - 2)))
        await connection.execute(_OTHERS)
        others = [row[0] for row in await connection.fetch("select id from account where name like 'Other %'")]
        share = (handoffs - handoffs // 10) // (accounts - 1)
        await connection.execute(HISTORY, [UUID(big.account_id)], handoffs // 10, timeout=1_800)
        for account in [*others, UUID(plain.account_id)]:
            await connection.execute(HISTORY, [account], share, timeout=1_800)
        await connection.execute("vacuum analyze", timeout=1_800)
        print(f"{await connection.fetchval('select count(*) from handoff')} handoffs in {accounts} accounts")
    finally:
        await connection.close()


def _caller(crew: Crew) -> Caller:
    who = crew.owner
    return Caller(
        account_id=UUID(crew.account_id),
        user_id=UUID(who.id),
        name=who.name,
        email=who.email,
        role="owner",
        account_name="Bench",
        timezone="UTC",
        credential_id=UUID(who.id),
        kind="web",
    )


def _drawn(caller: Caller, page: MonthPage) -> int:
    """The page as HTML; how many bytes it has."""
    request = Request({"type": "http", "path": "/analytics", "headers": [], "query_string": b""})
    answer = drawn(request, Visitor(caller, "", ""), page, seq=0, waiting=0, needed=None)
    return len(answer.body)


async def _timed(
    name: str, rounds: int, once: Callable[[], Awaitable[object]], postgres: int | None
) -> dict[str, Cell]:
    wall, cpu = [], []
    before = of_tree(postgres) if postgres else 0.0
    for _ in range(rounds):
        started, used = time.perf_counter(), time.process_time()
        await once()
        wall.append((time.perf_counter() - started) * 1_000)
        cpu.append((time.process_time() - used) * 1_000)
    wall.sort()
    return {
        "what": name,
        "min_ms": wall[0],
        "p50_ms": statistics.median(wall),
        "p95_ms": wall[int(len(wall) * 0.95) - 1],
        "server_cpu_ms": statistics.median(cpu),
        "postgres_cpu_ms": (of_tree(postgres) - before) * 1_000 / rounds if postgres else None,
    }


async def _measure(
    database: Database, name: str, crew: Crew, month: str, rounds: int, postgres: int | None
) -> list[dict[str, Cell]]:
    service, caller = AnalyticsService(database), _caller(crew)
    page = await service.page(caller, month, most_singles=MOST_DOTS)
    of: dict[str, Cell] = {"account": name, "in_month": page.metrics.escalations}

    async def whole() -> int:
        return _drawn(caller, await service.page(caller, month, most_singles=MOST_DOTS))

    return [
        of | await _timed("answer of the API", rounds, lambda: service.month(caller, month), postgres),
        of | await _timed("page, read and drawn", rounds, whole, postgres) | {"page_kb": _drawn(caller, page) / 1_000},
    ]


async def main() -> None:
    """Seed and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--handoffs", type=int, default=1_000_000)
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=40)
    json_argument(parser)
    arguments = parser.parse_args()
    now = datetime.now(UTC)
    month = f"{now.year - (now.month == 1)}-{(now.month - 2) % 12 + 1:02}"
    options = (("shared_buffers", "512MB"), ("max_wal_size", "8GB"))
    with (
        tempfile.TemporaryDirectory(prefix="fp-bench-") as folder,
        EmbeddedPostgres(Path(folder), options=options, sync=False) as server,
    ):
        await upgrade(server.url)
        database = await Database.open(server.url)
        try:
            big = await make_crew(database, server.url, "Big MSP")
            plain = await make_crew(database, server.url, "Plain MSP")
            await _seed(server.url, big, plain, arguments.handoffs, arguments.accounts)
            rows: list[dict[str, Cell]] = []
            for name, crew in (("ordinary", plain), ("a tenth of everything", big)):
                rows += await _measure(database, name, crew, month, arguments.rounds, server.pid)
            report("analytics", rows, arguments.json)
        finally:
            await database.close()


if __name__ == "__main__":
    asyncio.run(main())
