"""No table escapes row-level security: read from the database's own catalogue, so a new table is checked by itself."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from backend.db.engine import RUNTIME, Database
from backend.selfaudit.house import HOUSE
from tests.support.flow import Owner
from tests.support.people import Crew

TABLES = "c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
NO_ACCOUNT = {
    "account": "is the account itself: its policy compares id",
    "alembic_version": "says which migration ran; the server may only read it",
}
UNIQUE_ACROSS_ACCOUNTS = {
    "account_pkey": "the account's own id",
    "alembic_version_pkc": "no tenant's table",
    "app_user_email": "people sign in with their address alone, before any account is known",
    "access_token_hash": "the hash of 256 random bits, looked up before any account is known",
    "web_session_hash": "the hash of 256 random bits, looked up before any account is known",
    "device_token_hash": "the hash of 256 random bits, looked up before any account is known",
    "device_family": "the hash of 128 random bits, looked up before any account is known",
    "invite_token_hash": "the hash of 256 random bits, looked up before any account is known",
    "oauth_code_hash": "the hash of 256 random bits, looked up before any account is known",
    "setup_code_code": "59 random bits that tell an account's name, looked up before any account is known",
    "sign_in_step_hash": "the hash of 256 random bits, looked up before any account is known",
    "sso_attempt_state": "the hash of 256 random bits, looked up before any account is known",
    "scim_token_hash": "the hash of 256 random bits, looked up before any account is known",
    "account_domain_name": "a domain is one account's; the operator of the server has confirmed it",
    "open_ticket_hash": "the hash of 256 random bits, looked up before any account is known",
}
REFUSED = (asyncpg.InsufficientPrivilegeError, asyncpg.ForeignKeyViolationError)


@pytest.fixture
def owner(database_url: str) -> Owner:
    return Owner(database_url)


async def test_every_table_belongs_to_an_account_or_says_why_not(owner: Owner) -> None:
    rows = await owner.fetch(
        f"SELECT c.relname AS name, EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname ="
        f" 'account_id' AND a.attnotnull) AS tenant FROM pg_class c WHERE {TABLES}"
    )
    assert {row["name"] for row in rows if not row["tenant"]} == set(NO_ACCOUNT)
    assert len(rows) > 10


async def test_every_tenant_table_is_forced_under_a_policy_for_reading_and_writing(owner: Owner) -> None:
    rows = await owner.fetch(
        f"SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced FROM pg_class c WHERE {TABLES}"
    )
    assert [row["name"] for row in rows if not row["forced"] and row["name"] != "alembic_version"] == []
    policies = await owner.fetch(
        "SELECT * FROM pg_policies WHERE 'flowpilot_app' = ANY(roles) OR 'public' = ANY(roles)"
    )
    assert {p["tablename"] for p in policies} == {row["name"] for row in rows} - {"alembic_version"}
    for policy in policies:
        column = "id" if policy["tablename"] == "account" else "account_id"
        rule = f"({column} = (NULLIF(current_setting('app.account_id'::text, true), ''::text))::uuid)"
        assert policy["qual"] == rule, policy["tablename"]
        assert policy["with_check"] == rule, policy["tablename"]
        assert policy["cmd"] == "ALL"
        assert policy["permissive"] == "PERMISSIVE"
    assert len(policies) == len(rows) - 1, "a second permissive policy would widen the first"


async def test_every_key_of_a_tenant_table_begins_with_the_account(owner: Owner) -> None:
    """Row-level security guards neither foreign keys nor uniqueness: a key without the account reaches across."""
    rows = await owner.fetch(
        "SELECT k.conrelid::regclass::text AS name, k.conname, k.contype::text AS kind,"
        " (SELECT attname FROM pg_attribute WHERE attrelid = k.conrelid AND attnum = k.conkey[1]) AS first,"
        " k.confrelid::regclass::text AS target,"
        " (SELECT attname FROM pg_attribute WHERE attrelid = k.confrelid AND attnum = k.confkey[1]) AS target_first"
        " FROM pg_constraint k WHERE k.connamespace = 'public'::regnamespace AND k.contype IN ('p', 'f', 'u')"
    )
    tenant = [row for row in rows if row["name"] not in NO_ACCOUNT]
    assert [(r["name"], r["conname"]) for r in tenant if r["first"] != "account_id"] == []
    for row in tenant:
        if row["kind"] == "f":
            assert row["target_first"] == ("id" if row["target"] == "account" else "account_id"), row["conname"]
    referring = {row["name"] for row in tenant if row["kind"] == "f"}
    assert referring == {row["name"] for row in tenant}, "each tenant table is tied to its account by a foreign key"


async def test_uniqueness_never_tells_of_another_account(owner: Owner) -> None:
    rows = await owner.fetch(
        "SELECT i.indexrelid::regclass::text AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
        " LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
        f" WHERE {TABLES} AND i.indisunique AND a.attname IS DISTINCT FROM 'account_id'"
    )
    assert {row["name"] for row in rows} == set(UNIQUE_ACROSS_ACCOUNTS)


async def test_there_is_no_view_that_reads_with_its_owners_eyes(owner: Owner) -> None:
    views = await owner.fetch(
        "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('v', 'm')"
        " AND NOT coalesce('security_invoker=true' = ANY(c.reloptions), false)"
    )
    assert views == []


async def test_the_server_runs_as_a_role_that_the_policies_bind(database: Database, owner: Owner) -> None:
    async with database.before_account() as tx:
        sql_role = (await tx.exec_driver_sql("SELECT current_user")).scalar_one()
    hot_role = await database.call("SELECT current_user AS name")
    assert hot_role is not None
    assert (sql_role, hot_role["name"]) == ("flowpilot_app", "flowpilot_app")
    roles = await owner.fetch("SELECT * FROM pg_roles WHERE rolname IN ('flowpilot_app', 'flowpilot_definer')")
    assert len(roles) == 2
    for role in roles:
        granted = ("rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb", "rolcanlogin", "rolreplication")
        assert not any(role[power] for power in granted), role["rolname"]
    owned = await owner.fetch(
        f"SELECT c.relname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE {TABLES}"
        " AND r.rolname IN ('flowpilot_app', 'flowpilot_definer')"
    )
    assert owned == [], "an owner may switch the policies off"


async def test_the_server_may_not_rewrite_history_or_empty_tables(owner: Owner) -> None:
    rows = await owner.fetch(
        f"SELECT c.relname AS name, has_table_privilege('flowpilot_app', c.oid, 'TRUNCATE') AS truncate,"
        " has_table_privilege('flowpilot_app', c.oid, 'UPDATE') AS update,"
        " has_table_privilege('flowpilot_app', c.oid, 'DELETE') AS delete,"
        f" has_table_privilege('flowpilot_app', c.oid, 'TRIGGER') AS trigger FROM pg_class c WHERE {TABLES}"
    )
    assert [r["name"] for r in rows if r["truncate"] or r["trigger"]] == [], "TRUNCATE passes policies by"
    fixed = {r["name"] for r in rows if not r["update"]}
    assert fixed >= {"account_event", "handoff_timeline", "alembic_version", "audit_entry", "audit_pending"}
    kept = {r["name"] for r in rows if not r["delete"]}
    assert kept >= {
        "account_event",
        "audit_entry",
        "audit_chain",
        "handoff_timeline",
        "handoff",
        "ai_session",
        "account",
        "app_user",
    }


async def test_functions_that_look_across_accounts_are_few_pinned_and_ours(owner: Owner) -> None:
    rows = await owner.fetch(
        "SELECT p.proname AS name, r.rolname AS owner, p.proconfig AS config, p.oid,"
        " has_function_privilege('flowpilot_app', p.oid, 'EXECUTE') AS ours,"
        " EXISTS (SELECT FROM aclexplode(p.proacl) x WHERE x.grantee = 0) OR p.proacl IS NULL AS anybody"
        " FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner"
        " WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef"
    )
    assert {row["name"] for row in rows} == {
        "auth_user_by_email",
        "auth_access_token",
        "auth_scoped_token",
        "auth_web_session",
        "auth_still_valid",
        "auth_device_token",
        "auth_device_family",
        "auth_oauth_code",
        "auth_invite",
        "auth_sign_in_step",
        "auth_sso_attempt",
        "auth_sso_domain",
        "auth_scim_token",
        "ticket_peek",
        "ticket_redeem",
        "stream_heads",
        "presence_touch",
        "presence_drop",
        "take_jobs",
        "audit_accounts",
        "audit_oldest_due",
        "canary_forget",
        "search_cases",
        "search_runbooks",
        "audit_behind",
        "audit_chains",
        "audit_anchor",
        "search_sessions",
        "setup_code_account",
        "empty_timeline",
        "trim_events",
        "rename_in_logs",
    }, "a new one is reviewed by name"
    for row in rows:
        assert row["owner"] == "flowpilot_definer", row["name"]
        assert row["config"] == ["search_path=pg_catalog, public, pg_temp"], row["name"]
        assert row["ours"], row["name"]
        assert not row["anybody"], row["name"]
    others = await owner.fetch(
        "SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND NOT p.prosecdef"
        " AND (p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) x WHERE x.grantee = 0))"
    )
    assert others == []


async def test_the_definer_reads_no_more_than_the_look_ups_need(owner: Owner) -> None:
    rows = await owner.fetch(
        f"SELECT c.relname AS name FROM pg_class c WHERE {TABLES}"
        " AND has_any_column_privilege('flowpilot_definer', c.oid, 'SELECT, INSERT, UPDATE')"
    )
    # What people wrote: nothing of it can be read, and of these the rows of the canary's own account be deleted.
    canarys = {"ai_session", "handoff", "handoff_timeline", "account_event"}
    content = {"message", "step", "fact", "delivery", "webhook", "webhook_delivery", "audit_run"} | canarys
    assert {row["name"] for row in rows} & content == canarys
    policies = await owner.fetch("SELECT tablename, qual FROM pg_policies WHERE 'flowpilot_definer' = ANY(roles)")
    assert {p["tablename"] for p in policies} == {row["name"] for row in rows}
    narrow = {p["qual"] for p in policies if p["tablename"] in canarys}
    own = "(account_id = (NULLIF(current_setting('app.account_id'::text, true), ''::text))::uuid)"
    assert narrow == {f"(account_id = '{HOUSE}'::uuid)", own}, "no other customer's row can be reached"
    columns = await owner.fetch(
        "SELECT c.relname AS name, a.attname AS column FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        f" WHERE {TABLES} AND a.attnum > 0 AND NOT a.attisdropped"
        " AND has_column_privilege('flowpilot_definer', c.oid, a.attnum, 'SELECT, INSERT, UPDATE')"
    )
    # Beside the account: what three functions need to trim the log, and to take a name out of it, in one account.
    reached = {(row["name"], row["column"]) for row in columns if row["name"] in canarys}
    assert reached - {(name, "account_id") for name in canarys} == {
        *(("account_event", column) for column in ("seq", "at", "handoff_id", "data")),
        *(("handoff_timeline", column) for column in ("handoff_id", "detail")),
        *(("handoff", column) for column in ("id", "status")),
    }
    deletes = await owner.fetch(
        f"SELECT c.relname AS name FROM pg_class c WHERE {TABLES}"
        " AND has_table_privilege('flowpilot_definer', c.oid, 'DELETE')"
    )
    assert {row["name"] for row in deletes} == canarys | {"client_presence"}


async def tenant_tables(owner: Owner) -> list[str]:
    rows = await owner.fetch(f"SELECT c.relname AS name FROM pg_class c WHERE {TABLES}")
    return sorted(row["name"] for row in rows if row["name"] not in NO_ACCOUNT)


async def test_without_an_account_there_are_no_rows_and_nothing_can_be_written(
    database_url: str, owner: Owner, people: Callable[..., Awaitable[Crew]]
) -> None:
    await people()
    connection = await asyncpg.connect(database_url, server_settings=RUNTIME)
    try:
        for name in [*await tenant_tables(owner), "account"]:
            assert await connection.fetchval(f"SELECT count(*) FROM {name}") == 0, name
        for name in await tenant_tables(owner):
            columns = await owner.value(
                "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid = $1::text::regclass"
                " AND attnum > 0 AND attgenerated = '' AND attidentity = ''",
                name,
            )
            values = f"SELECT {columns} FROM jsonb_populate_record(null::{name}, $1)"
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                await connection.execute(f"INSERT INTO {name} ({columns}) {values}", ROW)
    finally:
        await connection.close()


ROW = '{"account_id": "00000000-0000-7000-8000-000000000001"}'


async def test_one_account_cannot_write_into_another_not_even_by_a_foreign_key(
    database_url: str, people: Callable[..., Awaitable[Crew]]
) -> None:
    ours, theirs = await people("Northwind MSP"), await people("Contoso MSP")
    insert = (
        "INSERT INTO ai_session (account_id, id, owner_id, title, problem) VALUES ($1, gen_random_uuid(), $2, '', '')"
    )
    refused = (
        (insert, theirs.account_id, theirs.engineer.id),
        (insert, ours.account_id, theirs.engineer.id),
        ("UPDATE app_user SET account_id = $1", theirs.account_id),
    )
    connection = await asyncpg.connect(database_url, server_settings=RUNTIME)
    try:
        for statement, *arguments in refused:
            with pytest.raises(REFUSED):
                await as_account(connection, ours, statement, *arguments)
        changed = await as_account(
            connection, ours, "UPDATE app_user SET name = 'Taken' WHERE id = $1", theirs.owner.id
        )
        assert changed == "UPDATE 0"
    finally:
        await connection.close()


async def as_account(
    connection: "asyncpg.Connection[asyncpg.Record]", crew: Crew, statement: str, *arguments: object
) -> str:
    async with connection.transaction():
        await connection.execute("SELECT set_config('app.account_id', $1, true)", crew.account_id)
        return await connection.execute(statement, *arguments)


async def test_a_connection_forgets_the_account_it_served(
    database_url: str, people: Callable[..., Awaitable[Crew]]
) -> None:
    """With one connection for everybody, the next to use it must not read the one before."""
    crew = await people()
    small = await Database.open(database_url, pool_size=1)
    try:
        account = asyncpg.pgproto.pgproto.UUID(crew.account_id)
        for fails in (False, True):
            with pytest.raises(ZeroDivisionError) if fails else pytest.MonkeyPatch.context():
                async with small.tenant(account) as tx:
                    served = (await tx.exec_driver_sql("SELECT pg_backend_pid()")).scalar_one()
                    assert (await tx.exec_driver_sql("SELECT count(*) FROM app_user")).scalar_one() == 6
                    if fails:
                        raise ZeroDivisionError
            async with small.before_account() as tx:
                assert (await tx.exec_driver_sql("SELECT pg_backend_pid()")).scalar_one() == served
                assert (await tx.exec_driver_sql("SELECT count(*) FROM app_user")).scalar_one() == 0
        hot = await small.call("SELECT pg_backend_pid() AS pid, (SELECT last_seq FROM stream_position($1))", account)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await small.call("SELECT set_config('app.account_id', $1, true), pg_sleep(5)", crew.account_id)
        after = await small.call("SELECT pg_backend_pid() AS pid, (SELECT count(*) FROM app_user) AS n")
        assert hot is not None
        assert after is not None
        assert after["n"] == 0, "a cancelled call leaves no account behind either"
    finally:
        await small.close()
