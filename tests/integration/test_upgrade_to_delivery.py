"""An installation from before mail and policy is brought up to date while people wait: nobody is forgotten on the way.

The role that migrates is an ordinary one, as operators are told to make it: forced row-level security binds it too.
"""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from backend.db import migrate
from backend.db.engine import RUNTIME, Database
from backend.db.url import sqlalchemy_url
from backend.jobs import repository as jobs
from tests.support import postgres
from tests.support.flow import Owner

FOLDER = migrate.__file__.replace("migrate.py", "migrations")
ROLES = ("owner", "admin", "engineer", "technician", "viewer")
SENIORS = {f"{role}@before.example" for role in ("owner", "admin", "engineer")}


def upgrade_to_first(connection: sa.Connection) -> None:
    config = Config()
    config.set_main_option("script_location", FOLDER)
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")


@pytest.fixture
async def before(cluster_url: str, worker_id: str, worker_database_url: str) -> AsyncIterator[str]:
    """A database at the first version that belongs to an ordinary role; its address as that role."""
    assert worker_database_url, "the cluster's own roles are there"
    name, role = f"before_{worker_id}", f"migrator_{worker_id}"
    await postgres.empty_database(cluster_url, name)
    admin = await asyncpg.connect(make_url(cluster_url).set(database="postgres").render_as_string(hide_password=False))
    try:
        await admin.execute(f"create role {role} login createrole nosuperuser nobypassrls")
        await admin.execute(f"grant flowpilot_app, flowpilot_definer to {role} with admin option")
        await admin.execute(f"alter database {name} owner to {role}")
        url = make_url(cluster_url).set(database=name, username=role).render_as_string(hide_password=False)
        engine = create_async_engine(sqlalchemy_url(url), poolclass=NullPool)
        async with engine.connect() as connection:
            await connection.run_sync(upgrade_to_first)
            await connection.commit()
        await engine.dispose()
        yield url
    finally:
        await postgres.drop_database(cluster_url, name)
        await admin.execute(f"drop role if exists {role}")
        await admin.close()


async def people(server: "asyncpg.Connection[asyncpg.Record]", account: UUID) -> dict[str, UUID]:
    """One person of each role, made as the first version made them."""
    await server.execute("insert into account (id, name) values ($1, 'Before MSP')", account)
    await server.execute("insert into account_stream (account_id) values ($1)", account)
    ids = {role: uuid4() for role in ROLES}
    await server.executemany(
        "insert into app_user (account_id, id, email, name, role) values ($1, $2, $3, $4, $5)",
        [(account, ids[role], f"{role}@before.example", role.title(), role) for role in ROLES],
    )
    return ids


async def escalated(server: "asyncpg.Connection[asyncpg.Record]", account: UUID, junior: UUID) -> UUID:
    session, handoff = uuid4(), uuid4()
    await server.execute(
        "insert into ai_session (account_id, id, owner_id, title, problem) values ($1, $2, $3, 'VPN drops', 'Often')",
        account,
        session,
        junior,
    )
    made = await server.fetchrow(
        "select * from escalate_handoff($1, $2, $3, $4, null, '', 'It drops', null, null, 'high', null, '')",
        account,
        handoff,
        session,
        junior,
    )
    assert made is not None
    assert made["outcome"] == "created"
    return handoff


@pytest.fixture
async def upgraded(before: str) -> tuple[str, UUID, UUID]:
    """(address, waiting handoff, claimed handoff) after the upgrade to the newest version."""
    account = uuid4()
    server = await asyncpg.connect(before, server_settings=RUNTIME)
    try:
        await server.execute("select set_config('app.account_id', $1, false)", str(account))
        ids = await people(server, account)
        waiting = await escalated(server, account, ids["technician"])
        taken = await escalated(server, account, ids["technician"])
        await server.execute("select claim_handoff($1, $2, $3)", account, taken, ids["engineer"])
        assert await server.fetchval("select count(*) from delivery where rung = 0") == 2 * len(SENIORS)
    finally:
        await server.close()
    assert await migrate.upgrade(before) == ("0001", migrate.head())
    return before, waiting, taken


@pytest.fixture
def everything(upgraded: tuple[str, UUID, UUID], cluster_url: str) -> Owner:
    """The upgraded database as a role that row-level security does not bind."""
    name = make_url(upgraded[0]).database
    return Owner(make_url(cluster_url).set(database=name).render_as_string(hide_password=False))


async def test_whoever_waits_during_the_upgrade_is_told_about_by_mail(
    upgraded: tuple[str, UUID, UUID], everything: Owner
) -> None:
    """Seniors without an open app had no way to hear of it before; the upgrade must not leave it at that."""
    url, waiting, taken = upgraded
    row = (await everything.fetch("select rung, card, alert_to, status from handoff where id = $1", waiting))[0]
    assert (row["rung"], row["alert_to"], row["status"]) == (1, None, "pending")
    assert '"rung": 1' in row["card"]
    rows = await everything.fetch(
        "select u.email, d.* from delivery d join app_user u on u.id = d.user_id where d.handoff_id = $1", waiting
    )
    for channel in ("desktop", "email"):
        new = {one["email"]: one["state"] for one in rows if one["channel"] == channel and one["rung"] == 1}
        assert new == dict.fromkeys(SENIORS, "pending"), channel
    assert {one["state"] for one in rows if one["rung"] == 0} == {"cancelled"}
    kinds = await everything.fetch("select handoff_id, kind, count(*) from job group by 1, 2")
    assert {tuple(one) for one in kinds} == {
        (waiting, "email", len(SENIORS)),
        (waiting, "step", 1),
        (taken, "idle", 1),
    }
    database = await Database.open(url)
    try:
        due = await jobs.take(database, ["email"], 10, 60)
    finally:
        await database.close()
    assert {job.ref for job in due} == {one["id"] for one in rows if one["channel"] == "email"}


async def test_the_upgrade_leaves_every_table_under_forced_row_level_security(everything: Owner) -> None:
    """What was lifted to reach the rows that are there must not stay lifted."""
    bare = await everything.fetch(
        "select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"
        " and c.relname <> 'alembic_version' and not (c.relrowsecurity and c.relforcerowsecurity)"
    )
    assert bare == []
    without = await everything.fetch(
        "select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"
        " and c.relname <> 'alembic_version'"
        " and not exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'tenant')"
    )
    assert without == []


async def test_the_baseline_of_before_is_its_first_version(upgraded: tuple[str, UUID, UUID], everything: Owner) -> None:
    """Row-level security binds the migrating role: without care nothing is carried over, and every figure is lost."""
    assert upgraded
    rows = await everything.fetch(
        "select minutes, origin from baseline b join account a on a.id = b.account_id where a.name = 'Before MSP'"
    )
    assert [tuple(row) for row in rows] == [(10, "product")]
