"""The database adds a month up as the rules say: random escalations come to the same sums, row by row or at once."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from backend.analytics import repository
from backend.analytics.sums_repository import month_sums
from backend.contract.vocabulary import PRIORITY_RANK
from backend.db.engine import Database
from backend.db.ids import new_id
from backend.domain.baseline import BEGINNING, Baselines
from backend.domain.month import Month
from backend.domain.recovered import EXCLUSIONS, Measured, Row, midnights, month_bounds
from tests.support.measured import baseline
from tests.support.people import Crew
from tests.support.tallied import tally

TEXTS = ("No access", "no  access", "STRASSE", "Straße", "Out of ideas", "\u2003Out of ideas", "")
ZONES = ("UTC", "Asia/Kolkata", "Australia/Lord_Howe", "America/Havana", "Africa/Cairo")
INSERT = """
insert into handoff (account_id, id, session_id, handed_off_by, session_owner, request_hash, reason, priority, status,
    snapshot, created_at, claimed_by, claimed_at, first_claimed_at, first_action_claimed_at, first_action_at,
    first_action_kind, first_action_by, outcome, had_what_i_needed, missing, steps_done, first_shown_at)
values ($1, $2, $3, $4, $4, '', $5, $6, $7, '', $8, $9, $10, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
"""


def drawn(rng: random.Random, zone: ZoneInfo, people: list[UUID]) -> Measured:
    """Any escalation there can be, on the edges of days and months too."""
    start, end = (bound.astimezone(UTC) for bound in month_bounds("2026-04", zone))
    edge = rng.choice([None, None, start, end, *midnights("2026-04", zone)])
    at = edge.astimezone(UTC) if edge else start + rng.random() * (end - start)
    at += timedelta(microseconds=rng.choice([-1, 0, 1, rng.randrange(10**9)]))

    def later(since: datetime, share: float) -> datetime | None:
        wait = timedelta(microseconds=rng.choice([0, 1, rng.randrange(10**8), rng.randrange(10**14)]))
        return since + wait if rng.random() < share else None

    claimed = later(at, 0.8)
    kept = claimed if rng.random() < 0.95 else None
    acted = later(claimed, 0.8) if claimed else None
    status = rng.choice(["pending", "withdrawn", *(("claimed", "resolved", "resolved") if claimed else ())])
    over = status == "resolved"
    had = rng.choice([None, True, False]) if over else None
    return Measured(
        id=new_id(),
        session_id=new_id(),
        escalated_at=at,
        status=status,
        priority=rng.choice(list(PRIORITY_RANK)),
        reason=rng.choice(TEXTS),
        customer=rng.choice([None, "Fabrikam", "FABRIKAM  ", "Contoso"]),
        escalated_by=rng.choice(people),
        claimed_at=claimed,
        holder=rng.choice(people) if claimed else None,
        claim_for_action=kept if acted else None,
        first_action_at=acted,
        first_action_kind=rng.choice(["message", "step", "fact", "psa_note"]) if acted else None,
        first_action_by=rng.choice(people) if acted else None,
        outcome=rng.choice([None, "took_over", "duplicate"]) if over else None,
        had_what_i_needed=had,
        missing=rng.choice([None, *TEXTS]) if had is False else None,
        past_step_two=rng.random() < 0.3,
        shown_at=later(at, 0.5),
    )


async def insert(owner: "asyncpg.Connection[asyncpg.Record]", account: UUID, rows: list[Measured]) -> None:
    await owner.executemany(
        "insert into ai_session (account_id, id, owner_id, title, problem, customer) values ($1, $2, $3, '', '', $4)",
        [(account, one.session_id, one.escalated_by, one.customer) for one in rows],
    )
    await owner.executemany(
        INSERT,
        [
            (
                *(account, one.id, one.session_id, one.escalated_by, one.reason, one.priority, one.status),
                *(one.escalated_at, one.holder, one.claimed_at, one.claim_for_action, one.first_action_at),
                *(one.first_action_kind, one.first_action_by, one.outcome, one.had_what_i_needed, one.missing),
                *(2 if one.past_step_two else 0, one.shown_at),
            )
            for one in rows
        ],
    )


async def as_before(owner: "asyncpg.Connection[asyncpg.Record]", account: UUID, rows: list[Measured]) -> None:
    """Every second hand-off as one of a version that kept neither its customer nor when it was first shown."""
    old = [one for one in rows[::2] if one.shown_at is not None]
    await owner.executemany(
        "insert into delivery (account_id, handoff_id, user_id, channel, device, state, at)"
        " select $1, $2, $3, 'desktop', n::text, 'shown', $4::timestamptz + n * interval '1 s'"
        " from generate_series(0, 1) n",
        [(account, one.id, one.escalated_by, one.shown_at) for one in old],
    )
    await owner.execute(
        "update handoff set customer = null, first_shown_at = null, month_ready = false where id = any($1)",
        [one.id for one in rows[::2]],
    )


@pytest.mark.parametrize("seed", range(5))
async def test_what_the_database_adds_up_is_what_the_rules_say(
    people: Callable[..., Awaitable[Crew]], database: Database, database_url: str, seed: int
) -> None:
    """A tile that the CSV does not come to is a number that no owner can check."""
    rng, crew = random.Random(seed), await people()  # noqa: S311 - nothing is kept secret by it
    account, zone = UUID(crew.account_id), ZoneInfo(ZONES[seed])
    who = [UUID(one.id) for one in (crew.technician, crew.engineer, crew.second_engineer, crew.admin)]
    start, end = month_bounds("2026-04", zone)
    versions = Baselines(
        [
            baseline(rng.choice([10, 12.1, 0.123456789]), rng.choice([BEGINNING, start])),
            baseline(rng.choice([30, None, 479.999]), start.astimezone(UTC) + timedelta(days=9, microseconds=1)),
            baseline(480, start.astimezone(UTC) + timedelta(days=20)),
        ]
    )
    drawn_rows = [drawn(rng, zone, who) for _ in range((150, 0, 1, 2, 150)[seed])]
    owner = await asyncpg.connect(database_url)
    try:
        await insert(owner, account, drawn_rows)
        if seed % 2 == 0:
            await as_before(owner, account, drawn_rows)
        async with database.tenant(account) as tx:
            found = await month_sums(tx, account, start, end, days=midnights("2026-04", zone), baselines=versions)
            listed = {
                counted: await repository.month_rows(tx, account, start, end, baselines=versions, counted=counted)
                for counted in (None, "yes", "no", *EXCLUSIONS)
            }
            singles = await repository.singles(tx, account, start, end, baselines=versions)
    finally:
        await owner.close()
    of_month = [one for one in drawn_rows if start <= one.escalated_at < end]
    of_month.sort(key=lambda one: (one.escalated_at, one.id))
    rows = [Row.measure(one, versions) for one in of_month]
    expected = tally(rows, zone, versions)
    for field in fields(expected):
        name = field.name
        assert getattr(found, name) == getattr(expected, name), name
        if name in {"customers", "reasons", "missing"}:
            assert first_seen(getattr(found, name), rows, name) == first_seen(getattr(expected, name), rows, name)
    assert listed[None] == of_month[::-1]
    month = Month("2026-04", zone, found, versions)
    assert {one.reason: one.count for one in month.exclusions()} == {
        reason: len(listed[reason]) for reason in EXCLUSIONS if listed[reason]
    }
    for counted, some in listed.items():
        assert some == [row.of for row in reversed(rows) if counted in {None, *named(row)}], counted
    assert singles == [(row.of.escalated_at, row.recovered) for row in rows if row.recovered is not None]


def named(row: Row) -> tuple[str, ...]:
    """The values of `counted` that list it."""
    return ("no", row.excluded) if row.excluded else ("yes",)


def first_seen(found: dict[Any, Any], rows: list[Row], name: str) -> list[datetime]:
    """When each text was written first, in the order in which the sums have them."""
    column = {"customers": "customer", "reasons": "reason", "missing": "missing"}[name]
    first: dict[Any, datetime] = {}
    for row in rows:
        first.setdefault(getattr(row.of, column), row.of.escalated_at)
    return [first[text] for text in found]
