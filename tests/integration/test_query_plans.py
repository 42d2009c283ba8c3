"""The hot reads stay index reads when an account has grown: a plan that scans would slow every toast down."""

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import asyncpg as postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.analytics import repository as analytics
from backend.analytics.sums_repository import month_sums
from backend.db.engine import RUNTIME
from backend.domain.baseline import Baselines
from tests.conftest import Http
from tests.support.flow import Owner, escalated
from tests.support.measured import baseline
from tests.support.people import Crew

ROWS = 20_000
SEED = f"""
WITH one AS (SELECT * FROM handoff WHERE account_id = $1 LIMIT 1),
sessions AS (
    INSERT INTO ai_session (account_id, id, owner_id, title, problem)
    SELECT $1, gen_random_uuid(), one.handed_off_by, 'Seeded', 'Seeded' FROM one, generate_series(1, {ROWS})
    RETURNING id),
numbered AS (SELECT id, row_number() OVER () AS n FROM sessions)
INSERT INTO handoff (account_id, id, session_id, handed_off_by, session_owner, request_hash, reason, priority, status,
                     snapshot, card, created_at)
SELECT $1, gen_random_uuid(), numbered.id, one.handed_off_by, one.session_owner, '', 'Seeded',
       (ARRAY['low', 'normal', 'high', 'urgent'])[1 + n % 4],
       CASE WHEN n % 50 = 0 THEN 'pending' ELSE 'resolved' END, '', one.card, now() - n * interval '1 minute'
FROM one, numbered
"""
EVENTS = f"""
WITH one AS (SELECT * FROM handoff WHERE account_id = $1 LIMIT 1)
INSERT INTO account_event (account_id, seq, kind, handoff_id, data)
SELECT $1, 1 + n, 'handoff.updated', one.id, '{{}}' FROM one, generate_series(1, {ROWS}) n
"""


@pytest.fixture
async def grown(
    people: Callable[..., Awaitable[Crew]], http: Http, database_url: str
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection as the server's role, in an account that has grown."""
    crew = await people()
    await escalated(http(crew.technician))
    owner = Owner(database_url)
    await owner.fetch(SEED, crew.account_id)
    await owner.fetch(EVENTS, crew.account_id)
    await owner.fetch("UPDATE account_stream SET last_seq = $1", ROWS + 1)
    await owner.fetch("ANALYZE")
    connection = await asyncpg.connect(database_url, server_settings=RUNTIME)
    await connection.execute("SELECT set_config('app.account_id', $1, false)", crew.account_id)
    yield connection
    await connection.close()


async def plan(connection: "asyncpg.Connection[asyncpg.Record]", statement: str) -> dict[str, Any]:
    text = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}")
    found: dict[str, Any] = json.loads(text)[0]["Plan"]
    return found


def nodes(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [found, *(node for child in found.get("Plans", []) for node in nodes(child))]


MINE = "current_setting('app.account_id')::uuid"


FIRST_ID = "00000000-0000-0000-0000-000000000000"
PLANS = {
    "first page of the queue": (
        "handoff_queue",
        f"""SELECT card FROM handoff WHERE account_id = {MINE} AND status = 'pending'
            ORDER BY priority_rank, created_at, id LIMIT 50""",
    ),
    "a later page of the queue": (
        "handoff_queue",
        f"""SELECT card FROM handoff WHERE account_id = {MINE} AND status = 'pending'
            AND (priority_rank, created_at, id) > (2, '2000-01-01', '{FIRST_ID}')
            ORDER BY priority_rank, created_at, id LIMIT 50""",
    ),
    "the newest resolved": (
        "handoff_by_status",
        f"""SELECT card FROM handoff WHERE account_id = {MINE} AND status = 'resolved'
            ORDER BY created_at DESC, id DESC LIMIT 50""",
    ),
    "events after a position": (
        "account_event_pkey",
        f"""SELECT seq, kind, at, data FROM account_event WHERE account_id = {MINE} AND seq > {ROWS - 100}
            ORDER BY seq LIMIT 200""",
    ),
}


async def test_a_page_reads_its_index_and_no_more_than_a_page(grown: "asyncpg.Connection[asyncpg.Record]") -> None:
    for name, (index, statement) in PLANS.items():
        found = nodes(await plan(grown, statement))
        assert index in {node.get("Index Name") for node in found}, f"{name}: {json.dumps(found)}"
        assert not [node for node in found if node["Node Type"] in {"Seq Scan", "Sort"}], name
        assert max(node["Actual Rows"] for node in found) <= 200, name


async def test_the_functions_themselves_touch_a_page_of_blocks_only(
    grown: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """What stands inside PL/pgSQL is planned there: counted in blocks, a scan of the table could not hide."""
    table = await grown.fetchval("SELECT pg_relation_size('handoff') / 8192")
    newest = await grown.fetchrow("SELECT id, session_id FROM handoff ORDER BY created_at DESC LIMIT 1")
    assert newest is not None
    await grown.execute("SET plan_cache_mode = force_generic_plan")  # the worst of the plans that may be chosen
    for call in (
        f"SELECT * FROM queue_page({MINE}, 'pending', null, null, null, 50)",
        f"SELECT * FROM queue_page({MINE}, 'pending', 2::smallint, now(), gen_random_uuid(), 50)",
        f"SELECT * FROM events_after({MINE}, {ROWS - 100}, 200)",
        f"SELECT * FROM stream_position({MINE})",
        f"SELECT * FROM handoff_whole({MINE}, '{newest['id']}')",
        f"SELECT * FROM session_whole({MINE}, '{newest['session_id']}')",
    ):
        await plan(grown, call)  # plans and caches
        assert await blocks(grown, call) < table / 3, f"{call}: of a table of {table} blocks"


async def blocks(connection: "asyncpg.Connection[asyncpg.Record]", statement: str) -> int:
    found = await plan(connection, statement)
    touched: int = found["Shared Hit Blocks"] + found["Shared Read Blocks"]
    return touched


async def test_an_escalation_and_a_claim_touch_as_little_when_the_account_has_grown(
    grown: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """A scan inside the claim would be waited for by everybody who is about to claim."""
    table = await grown.fetchval("SELECT pg_relation_size('handoff') / 8192")
    junior = "(SELECT id FROM app_user WHERE role = 'technician' LIMIT 1)"
    senior = "(SELECT id FROM app_user WHERE role = 'engineer' LIMIT 1)"
    free = "INSERT INTO ai_session (account_id, id, owner_id, title, problem) SELECT $1, gen_random_uuid(), id, '', ''"
    account = UUID(await grown.fetchval("SELECT current_setting('app.account_id')"))
    await grown.execute("SET plan_cache_mode = force_generic_plan")
    for _ in range(2):  # the first time plans
        session = await grown.fetchval(f"{free} FROM app_user WHERE id = {junior} RETURNING id", account)
        handoff = await grown.fetchval("SELECT gen_random_uuid()")
        escalate = f"SELECT * FROM escalate_handoff({MINE}, '{handoff}', '{session}', {junior}, null, '', 'It drops'"
        told = await blocks(grown, f"{escalate}, null, null, 'normal', null, '', 15)")
        took = await blocks(grown, f"SELECT * FROM claim_handoff({MINE}, '{handoff}', {senior})")
    assert told < table / 2, f"{told} blocks, of a table of {table}"
    assert took < table / 2, f"{took} blocks, of a table of {table}"


class Explaining:
    """A transaction that explains statements instead of answering them. `blocks` are what each has touched."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.connection = connection
        self.plans: list[list[dict[str, Any]]] = []
        self.blocks: list[int] = []
        self.texts: list[str] = []

    async def execute(
        self, statement: "sa.Select[Any] | sa.TextClause", values: dict[str, Any] | None = None
    ) -> "Explaining":
        compiled = statement.compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]
        known = {**compiled.params, **(values or {})}
        given = [known[name] for name in compiled.positiontup or ()]
        text = await self.connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {compiled}", *given)
        found = json.loads(text)[0]["Plan"]
        self.plans.append(nodes(found))
        self.blocks.append(found["Shared Hit Blocks"] + found["Shared Read Blocks"])
        self.texts.append(str(compiled))
        return self

    def all(self) -> list[Any]:
        return []


async def test_the_analytics_month_reads_its_own_rows_and_never_the_table(
    grown: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """An owner's page must not slow every claim down by reading years of hand-offs."""
    account = UUID(await grown.fetchval("SELECT current_setting('app.account_id')"))
    end = await grown.fetchval("SELECT now() - interval '6 days'")
    start = end - timedelta(days=2)
    few = "SELECT id FROM handoff WHERE created_at BETWEEN $1 AND $2 LIMIT 50"
    ids = [row["id"] for row in await grown.fetch(few, start, end)]
    explaining = Explaining(grown)
    tx = cast("AsyncConnection", explaining)
    versions = Baselines([baseline(10), baseline(20, start + timedelta(days=1))])
    with contextlib.suppress(ValueError):  # nothing is answered here
        await month_sums(tx, account, start, end, days=[start, start + timedelta(days=1)], baselines=versions)
    await analytics.acted_sums(tx, account, start, end, versions)
    await analytics.singles(tx, account, start, end, baselines=versions)
    await analytics.month_rows(tx, account, start, end, baselines=versions)
    await analytics.month_rows(tx, account, start, end, baselines=versions, counted="no", limit=50)
    reading_handoffs_alone = len(explaining.plans)
    assert reading_handoffs_alone == 5
    await analytics.titles(tx, account, ids)
    await analytics.named_rows(tx, account, ids)
    for found in explaining.plans[:reading_handoffs_alone]:
        assert {node["Relation Name"] for node in found if "Relation Name" in node} == {"handoff"}, json.dumps(found)
    for blocks in explaining.blocks[:reading_handoffs_alone]:
        assert blocks <= 2 * 24 * 60 / 2, "rows of one month lie together, many in a block"
    for text in explaining.texts:
        assert "snapshot" not in text, text
        assert "card" not in text, text
    for found in explaining.plans:
        mine = [node for node in found if node.get("Relation Name") == "handoff"]
        assert mine, json.dumps(found)
        for node in mine:
            assert node["Node Type"] != "Seq Scan", json.dumps(found)
            assert node["Actual Rows"] * node["Actual Loops"] <= 2 * 24 * 60 + 1, json.dumps(found)
            assert node.get("Rows Removed by Filter", 0) <= 2 * 24 * 60 + 1, json.dumps(found)
