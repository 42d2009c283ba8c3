"""The self-audit under test: run now instead of in a minute, and read as an operator reads it."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from backend.selfaudit.house import HOUSE
from tests.support.cli import flowpilot
from tests.support.flow import Owner
from tests.support.server import NO_TLS, Server

NO_CANARY = {"FLOWPILOT_CANARY_EVERY_S": "0"}
WITHIN_S = 60.0
"""No promise of speed: long enough for a busy machine."""
_SAMPLE = re.compile(r'^(flowpilot_\w+)(?:\{(?:\w+)="([^"]*)"\})? (\S+)$', re.MULTILINE)


async def doctor(tmp_path: Path, database_url: str, **environment: str) -> tuple[int, str]:
    """Exit code and lines of `flowpilot doctor`; of the canary it hears nothing unless `environment` says so."""
    answer = await asyncio.to_thread(
        flowpilot,
        "doctor",
        data_dir=tmp_path / "doctor",
        database_url=database_url,
        environment={**NO_CANARY, **environment},
    )
    return answer.code, answer.out


async def until_there(owner: Owner, statement: str, *arguments: object) -> Any:
    """Wait until the statement's first value is true-like; answers it."""
    async with asyncio.timeout(WITHIN_S):
        while not (found := await owner.value(statement, *arguments)):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)
    return found


async def audit_now(owner: Owner) -> dict[str, Any]:
    """Let the audit run now, from its beginning; answers its figures. A worker must be running."""
    await owner.fetch("select house_keep()")
    asked = await owner.value(
        "with now as (select clock_timestamp() as at) update job set due_at = now.at, lease_until = null,"
        " lease_no = lease_no + 1 from now where kind = 'audit' returning now.at"
    )
    figures = await until_there(
        owner, "select figures::text from audit_run where at > $1 order by at desc limit 1", asked
    )
    found: dict[str, Any] = json.loads(figures)
    return found


async def findings(owner: Owner) -> dict[str, dict[str, Any]]:
    """What the last run found, by kind."""
    text = await owner.value("select findings::text from audit_run order by at desc limit 1")
    return {one["kind"]: one for one in json.loads(text)}


async def samples(server: Server) -> dict[str, float]:
    """The process's gauges; those with a label as `name:label`."""
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, verify=NO_TLS, timeout=30) as client:
        text = (await client.get("/metrics")).text
    return {f"{name}:{label}" if label else name: float(value) for name, label, value in _SAMPLE.findall(text)}


async def metric(server: Server, name: str, wanted: float) -> dict[str, float]:
    """Wait until a gauge shows this value; answers all."""
    return await until_shown(server, lambda found: found.get(name) == wanted)


async def until_shown(server: Server, true: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    """Wait until this is true of the process's gauges; answers them."""
    async with asyncio.timeout(WITHIN_S):
        while not true(found := await samples(server)):  # noqa: ASYNC110 - another process counts
            await asyncio.sleep(0.1)
    return found


async def rows_of_the_canary(owner: Owner) -> dict[str, int]:
    """How many rows each table holds for the canary's account."""
    tables = await owner.fetch(
        "select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname ="
        " 'account_id' where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'"
    )
    return {
        row["name"]: await owner.value(f"select count(*) from {row['name']} where account_id = $1", HOUSE)
        for row in tables
    }
