"""SQL of the self-audit. Functions with `tx` run in the house account."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.db.engine import Database
from backend.db.tables import AnyRow
from backend.selfaudit.house import HOUSE
from backend.selfaudit.state import Finding

KEPT: Final = timedelta(days=30)
_MOST_RUNS: Final = 5_000
SAY_AGAIN_S: Final = 900.0

_NEWEST = sa.text(
    "select id, figures, findings from audit_run where account_id = :house order by at desc limit 1 for update"
)
_SAME = sa.text(
    "update audit_run set at = clock_timestamp(), figures = cast(:figures as jsonb),"
    " findings = cast(:findings as jsonb) where account_id = :house and id = :id"
)
_NEW = sa.text(
    "insert into audit_run (account_id, figures, findings)"
    " values (:house, cast(:figures as jsonb), cast(:findings as jsonb))"
)
_PRUNE = sa.text(
    "delete from audit_run where account_id = :house and (at < clock_timestamp() - :kept or id in"
    f" (select id from audit_run where account_id = :house order by at desc offset {_MOST_RUNS}))"
).bindparams(sa.bindparam("kept", type_=sa.Interval))
_ALARMS = sa.text(
    "select f.kind, f.word, f.handoff_id, f.user_id, f.since, u.name, u.email, u.email_refusal, s.title,"
    " w.name as webhook, w.paused_reason"
    " from audit_account(:account) f"
    " left join app_user u on u.account_id = :account and u.id = f.user_id"
    " left join handoff h on h.account_id = :account and h.id = f.handoff_id"
    " left join ai_session s on s.account_id = :account and s.id = h.session_id"
    " left join webhook w on w.account_id = :account and w.id = f.ref"
    " where f.kind in ('not_told', 'address_refused', 'webhook_paused')"
    " order by f.since desc, u.name, w.name limit :most"
)

_CONNECTORS = sa.text(
    "select c.system, c.paused_reason, coalesce((select max(n.finished_at) from psa_note n"
    "  where n.account_id = c.account_id and n.connector_id = c.id and n.state in ('failed', 'leaked')), c.created_at)"
    "  as since from psa_connector c where c.account_id = :account and c.deleted_at is null and c.active"
    "  and c.paused_reason is not null order by c.system"
)


async def paused_connectors(tx: AsyncConnection, account_id: UUID) -> list[AnyRow]:
    """(system, paused_reason, since) of connectors that write nothing until somebody has looked."""
    return list((await tx.execute(_CONNECTORS, {"account": account_id})).all())


async def accounts(database: Database, after: UUID | None, limit: int) -> list[UUID]:
    """Ids of customers' accounts, in order."""
    rows = await database.call_many("select * from audit_accounts($1, $2)", after, limit)
    return [row[0] for row in rows]


async def look(database: Database, wanted: Sequence[UUID]) -> list[asyncpg.Record]:
    """(kind, word, n, handoffs, oldest, examples) per account; mends what can be."""
    return await database.call_many("select * from audit_look($1)", list(wanted))


async def oldest_due_s(database: Database) -> float:
    """How long the oldest due and untouched work has been due, in seconds."""
    row = await database.call("select audit_oldest_due()")
    return float(row[0]) if row else 0.0


async def now(tx: AsyncConnection) -> datetime:
    """The database's clock, the one clock that all workers share."""
    at: datetime = (await tx.execute(sa.text("select clock_timestamp()"))).scalar_one()
    return at


async def keep(tx: AsyncConnection, figures: dict[str, Any], found: list[Finding], at: float) -> list[Finding]:
    """Keep a run: a new row when it found something else than the last one. Answers what has to be said now.

    `at` is the database's time in seconds since the epoch. A finding is said again after a quarter of an hour.
    """
    before = (await tx.execute(_NEWEST, {"house": HOUSE})).one_or_none()
    known = {one.key: one for one in (Finding(**row) for row in before.findings)} if before else {}
    said, kept = [], []
    for one in found:
        same = known.get(one.key)
        if same is None or at - same.said_at >= SAY_AGAIN_S:
            said.append(one)
            kept.append({**asdict(one), "said_at": at})
        else:
            kept.append({**asdict(one), "said_at": same.said_at})
    values = {"house": HOUSE, "figures": orjson.dumps(figures).decode(), "findings": orjson.dumps(kept).decode()}
    if before is not None and known.keys() == {one.key for one in found}:
        await tx.execute(_SAME, {**values, "id": before.id})
    else:
        await tx.execute(_NEW, values)
        await tx.execute(_PRUNE, {"house": HOUSE, "kept": KEPT})
    return said


async def alarms(tx: AsyncConnection, account_id: UUID, most: int) -> list[AnyRow]:
    """What is wrong in one account, with names; newest first."""
    return list((await tx.execute(_ALARMS, {"account": account_id, "most": most})).all())


async def begin_canary(tx: AsyncConnection, run_id: UUID) -> None:
    """What earlier runs left is gone, this one is under way."""
    await tx.execute(sa.text("select canary_clear()"))
    await tx.execute(
        sa.text("insert into canary_run (account_id, id) values (:house, :id)"), {"house": HOUSE, "id": run_id}
    )


async def last_canary_stage(tx: AsyncConnection) -> str | None:
    """Where the last canary failed; None when it did not, or none has come to an end."""
    statement = "select stage from canary_run where account_id = :house and ok is not null order by at desc limit 1"
    stage: str | None = (await tx.execute(sa.text(statement), {"house": HOUSE})).scalar_one_or_none()
    return stage


async def end_canary(
    tx: AsyncConnection, run_id: UUID, *, ok: bool, stage: str | None, error: str | None, seconds: dict[str, float]
) -> None:
    """How it went; its tokens are worth nothing from here on."""
    await tx.execute(
        sa.text(
            "update canary_run set ok = :ok, stage = :stage, error = :error, seconds = cast(:seconds as jsonb)"
            " where account_id = :house and id = :id"
        ),
        {
            "house": HOUSE,
            "id": run_id,
            "ok": ok,
            "stage": stage,
            "error": error,
            "seconds": orjson.dumps(seconds).decode(),
        },
    )
    await tx.execute(
        sa.text("update access_token set revoked_at = now() where account_id = :house and revoked_at is null"),
        {"house": HOUSE},
    )
