"""What recording claims in the audit log costs: read from the event log, one entry inside, the chain held inside.

Run: `.venv/bin/python -m benchmarks.audit_claims [--claims 400] [--at-once 8]`. fsync is on. Prints milliseconds
per claim and claims per second; docs/adr/0009 draws on it.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx

from backend.db.embedded import EmbeddedPostgres
from backend.db.engine import RUNTIME, Database
from backend.db.migrate import upgrade
from tests.support.flow import escalate, open_session
from tests.support.people import Crew, make_crew
from tests.support.seeded import replace_in
from tests.support.server import Server

_WON = "seq := handoff_changed(p_account, p_handoff, 'claimed', p_user, null);"
_ENTRY = (
    "insert into audit_pending (account_id, actor_id, actor, action, target)"
    " values (p_account, p_user, 'Somebody', 'handoff.claimed', p_handoff::text); "
)
_CHAIN = (
    "insert into audit_chain (account_id) values (p_account) on conflict do nothing;"
    " update audit_chain set last_no = last_no + 1, last_hash = audit_hash(last_hash, p_account, last_no, now(),"
    " p_user, 'Somebody', 'handoff.claimed', p_handoff::text, '', '') where account_id = p_account; "
)
_MORE = """
with s as (
    insert into ai_session (account_id, id, owner_id, title, problem, status)
    select account_id, gen_random_uuid(), owner_id, 'T', 'P', 'escalated' from ai_session
    cross join generate_series(1, $2::int) where account_id = $1 limit $2::int returning account_id, id)
insert into handoff (account_id, id, session_id, handed_off_by, session_owner, request_hash, reason, priority, snapshot)
select s.account_id, gen_random_uuid(), s.id, h.handed_off_by, h.session_owner, h.request_hash, h.reason, 'normal',
       h.snapshot
from s join lateral (select * from handoff x where x.account_id = s.account_id limit 1) h on true
returning id
"""


async def _round(url: str, crew: Crew, claims: int, at_once: int) -> tuple[list[float], float]:
    owner = await asyncpg.connect(url)
    account, senior = UUID(crew.account_id), UUID(crew.engineer.id)
    waiting = [row["id"] for row in await owner.fetch(_MORE, account, claims)]
    await owner.close()
    pool = await asyncpg.create_pool(url, min_size=at_once, max_size=at_once, server_settings=RUNTIME)
    taken: list[float] = []

    async def work() -> None:
        while waiting:
            one = waiting.pop()
            start = time.perf_counter()
            await pool.fetchrow("select * from claim_handoff($1, $2, $3)", account, one, senior)
            taken.append(time.perf_counter() - start)

    begun = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    whole = time.perf_counter() - begun
    await pool.close()
    return taken, whole


async def _measure(url: str, data_dir: Path, claims: int, at_once: int) -> None:
    await upgrade(url)
    database = await Database.open(url)
    crew = await make_crew(database, url)
    await database.close()
    server = await asyncio.to_thread(Server(url, data_dir, environment={"FLOWPILOT_WORKER": "off"}).start)
    headers = {"Authorization": f"Bearer {crew.technician.token}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, trust_env=False) as junior:
        (await escalate(junior, await open_session(junior))).raise_for_status()
    await asyncio.to_thread(server.stop)
    for name, inside in (
        ("taken from the event log", ""),
        ("one entry inside", _ENTRY),
        ("the chain held inside", _CHAIN),
    ):
        if inside:
            owner = await asyncpg.connect(url)
            await owner.execute("grant all on audit_chain to flowpilot_app")
            await replace_in(owner, "claim_handoff", _WON, inside + _WON)
            await owner.close()
        await _round(url, crew, max(claims // 4, 1), at_once)
        taken, whole = await _round(url, crew, claims, at_once)
        ordered = sorted(one * 1000 for one in taken)
        p95 = ordered[int(len(ordered) * 0.95) - 1]
        middle, rate = statistics.median(ordered), len(taken) / whole
        print(f"{name:28} p50 {middle:7.2f} ms   p95 {p95:7.2f} ms   {rate:7.0f} claims/s")
        if inside:
            owner = await asyncpg.connect(url)
            await replace_in(owner, "claim_handoff", inside + _WON, _WON)
            await owner.close()


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claims", type=int, default=400)
    parser.add_argument("--at-once", type=int, default=8)
    arguments = parser.parse_args()
    print(f"load average before: {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(prefix="fp-bench-") as folder:
        Path(folder).chmod(0o711)
        with EmbeddedPostgres(Path(folder) / "data") as postgres:
            asyncio.run(_measure(postgres.url, Path(folder) / "server", arguments.claims, arguments.at_once))


if __name__ == "__main__":
    main()
