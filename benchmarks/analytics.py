"""The analytics month among a million handoffs: what its page takes on the server, and what the database reads for it.

Run: `.venv/bin/python -m benchmarks.analytics [--handoffs 1000000] [--accounts 100] [--rounds 40]`. Makes a throw-away
database with two years of escalations. Two accounts are measured: an ordinary one, and one with a tenth of everything.
Milliseconds; `cpu` is this process's own time, which a busy machine does not change.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
from starlette.requests import Request

from backend.analytics.service import AnalyticsService, MonthPage
from backend.db.embedded import EmbeddedPostgres
from backend.db.engine import RUNTIME, Database
from backend.db.migrate import upgrade
from backend.domain.recovered import month_bounds
from backend.identity.caller import Caller
from backend.web.chart import MOST_DOTS
from backend.web.pages_analytics import drawn
from backend.web.visitor import Visitor
from tests.support.people import Crew, make_crew

_PEOPLE = """
insert into account (id, name) select gen_random_uuid(), 'Other ' || n from generate_series(1, $1) n;
"""
_OTHERS = """
insert into app_user (account_id, id, email, name, role)
select a.id, gen_random_uuid(), r || '@' || a.id, r, r from account a, unnest(array['technician', 'engineer']) r
where a.name like 'Other %'
"""
_SEED = """
with who as (
    select u.account_id, (array_agg(u.id) filter (where u.role = 'technician'))[1] as junior,
           (array_agg(u.id) filter (where u.role = 'engineer'))[1] as senior
    from app_user u where u.account_id = any($1) group by 1),
plan as (
    select w.*, n, gen_random_uuid() as session, gen_random_uuid() as handoff,
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
                     first_action_kind, first_action_by, first_action_claimed_at, outcome, created_at)
select account_id, handoff, session, junior, junior, '', 'I have no access to system ' || n % 40,
       (array['low', 'normal', 'high', 'urgent'])[1 + n % 4], 'resolved', decode(repeat('ab', 600), 'hex'),
       jsonb_build_object('filler', repeat('x', 700)), senior, at + claim, 1, at + claim,
       case when n % 20 > 0 then at + claim + act end, case when n % 20 > 0 then 'message' end,
       case when n % 20 > 0 then senior end, case when n % 20 > 0 then at + claim end, 'took_over', at
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
        await connection.execute(_SEED, [UUID(big.account_id)], handoffs // 10, timeout=1_800)
        for account in [*others, UUID(plain.account_id)]:
            await connection.execute(_SEED, [account], share, timeout=1_800)
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


async def _timed(name: str, rounds: int, once: Callable[[], Awaitable[object]]) -> None:
    wall, cpu = [], []
    for _ in range(rounds):
        started, used = time.perf_counter(), time.process_time()
        await once()
        wall.append((time.perf_counter() - started) * 1_000)
        cpu.append((time.process_time() - used) * 1_000)
    wall.sort()
    high = wall[int(len(wall) * 0.95) - 1]
    print(
        f"  {name:28} min {wall[0]:7.1f}  p50 {statistics.median(wall):7.1f}  p95 {high:7.1f}"
        f"  cpu p50 {statistics.median(cpu):7.1f}"
    )


async def _measure(database: Database, url: str, name: str, crew: Crew, month: str, rounds: int) -> None:
    service, caller = AnalyticsService(database), _caller(crew)
    page = await service.page(caller, month, most_singles=MOST_DOTS)
    print(f"{name}: {page.metrics.escalations} escalations in {month}, page {_drawn(caller, page) / 1_000:.0f} kB")

    async def whole() -> int:
        return _drawn(caller, await service.page(caller, month, most_singles=MOST_DOTS))

    await _timed("answer of the API", rounds, lambda: service.month(caller, month))
    await _timed("page, read and drawn", rounds, whole)
    await _explain(url, crew, month)


async def _explain(url: str, crew: Crew, month: str) -> None:
    """What the database itself needs for the month's rows."""
    start, end = (bound.isoformat() for bound in month_bounds(month, ZoneInfo("UTC")))
    connection = await asyncpg.connect(url, server_settings=RUNTIME)
    try:
        await connection.execute("select set_config('app.account_id', $1, false)", crew.account_id)
        text = await connection.fetchval(
            "explain (analyze, buffers, format json) select h.first_action_at, s.customer,"
            " (select min(d.at) from delivery d where d.account_id = h.account_id and d.handoff_id = h.id"
            "  and d.channel = 'desktop' and d.state = 'shown')"
            " from handoff h join ai_session s on s.account_id = h.account_id and s.id = h.session_id"
            f" where h.account_id = '{crew.account_id}' and h.created_at >= '{start}' and h.created_at < '{end}'"
        )
        found = json.loads(text)[0]
        blocks = found["Plan"]["Shared Hit Blocks"] + found["Plan"]["Shared Read Blocks"]
        print(f"  {'database alone':28} {found['Execution Time']:11.1f} ms, {blocks} blocks")
    finally:
        await connection.close()


async def main() -> None:
    """Seed and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--handoffs", type=int, default=1_000_000)
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=40)
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
            for name, crew in (("ordinary account", plain), ("a tenth of everything", big)):
                await _measure(database, server.url, name, crew, month, arguments.rounds)
        finally:
            await database.close()


if __name__ == "__main__":
    asyncio.run(main())
