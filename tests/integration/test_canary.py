"""The canary: an escalation of the server's own goes the whole way, names the stage that is broken, leaves no mess."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from backend.commands.runner import GRACEFUL_STOP_S
from backend.selfaudit.house import HOUSE
from tests.conftest import StartServer
from tests.support.audited import audit_now, doctor, findings, metric, rows_of_the_canary, until_there
from tests.support.flow import Owner
from tests.support.mail_server import MailServer
from tests.support.people import Crew

STAGES = {"connect", "open session", "escalate", "event", "receipt", "claim", "first action", "resolve", "total"}
OPEN = "select count(*) from handoff where account_id = $1 and status in ('pending', 'claimed')"
LIVE_TOKENS = "select count(*) from access_token where account_id = $1 and revoked_at is null"

BARRIER = 4_712
STALL = f"""
create function stall() returns trigger language plpgsql as $$
begin perform pg_advisory_xact_lock({BARRIER}); return new; end $$;
grant execute on function stall to flowpilot_app;
create trigger stall before insert on message for each row execute function stall();
"""
CLAIMED = "select true from handoff where account_id = $1 and status = 'claimed'"

GIVEN_BACK = "select true from job where kind = 'canary' and lease_until is null"


@contextlib.asynccontextmanager
async def stalling(database_url: str) -> AsyncIterator[None]:
    """First actions wait until the block ends, so that a run can be caught in its middle."""
    blocker = await asyncpg.connect(database_url)
    try:
        await blocker.execute(f"select pg_advisory_lock({BARRIER}); {STALL}")
        yield
    finally:
        await blocker.execute(f"select pg_advisory_unlock({BARRIER})")
        await blocker.execute("drop function stall cascade")
        await blocker.close()


@pytest.fixture
def owner(database_url: str) -> Owner:
    return Owner(database_url)


@pytest.fixture
async def no_claims(owner: Owner) -> AsyncIterator[None]:
    """The server may not claim, as after a botched upgrade."""
    await owner.fetch("revoke execute on function claim_handoff from flowpilot_app")
    yield
    await owner.fetch("grant execute on function claim_handoff to flowpilot_app")


async def last(owner: Owner) -> dict[str, Any]:
    """The newest run that has come to an end."""
    text = await until_there(
        owner, "select to_jsonb(c)::text from canary_run c where ok is not null order by at desc limit 1"
    )
    found: dict[str, Any] = json.loads(text)
    return found


async def test_it_goes_the_whole_way_and_leaves_one_runs_rows(
    people: Callable[..., Awaitable[Crew]], start_server: StartServer, owner: Owner, tmp_path: Path, database_url: str
) -> None:
    await people()
    with MailServer() as post:
        server = await start_server(
            FLOWPILOT_CANARY_EVERY_S="0.5", FLOWPILOT_SMTP_URL=post.url, FLOWPILOT_MAIL_FROM="desk@northwind.example"
        )
        first = await last(owner)
        assert (first["ok"], first["stage"], first["error"]) == (True, None, None)
        assert set(first["seconds"]) == STAGES
        assert 0 < first["seconds"]["event"] < 10
        few = "select count(*) >= $2 from canary_run where account_id = $1 and ok"
        await until_there(owner, few, HOUSE, 3)
        early = await rows_of_the_canary(owner)
        await until_there(owner, few, HOUSE, 8)
        late = await rows_of_the_canary(owner)
        for name in ("handoff", "ai_session", "message", "open_ticket"):
            assert late[name] <= 1, name
        assert late["access_token"] <= 2
        bound = {name: count + 12 for name, count in early.items()}
        assert not {name: (early[name], late[name]) for name in late if late[name] > bound[name]}, "rows pile up"
        shown = await metric(server, "flowpilot_canary_ok", 1)
        assert shown["flowpilot_canary_age_seconds"] < 60
        assert shown["flowpilot_canary_seconds:event"] > 0
        assert (await audit_now(owner))["accounts"] == 1
        code, out = await doctor(tmp_path, database_url, FLOWPILOT_CANARY_EVERY_S="60")
        assert "ok     canary          went through" in out, out
        assert code == 0
        assert post.received == [], "nobody reads the canary's mail"
    assert "ERROR" not in server.logs


async def test_broken_claims_turn_it_red_and_name_the_stage(
    no_claims: None,
    people: Callable[..., Awaitable[Crew]],
    start_server: StartServer,
    owner: Owner,
    tmp_path: Path,
    database_url: str,
) -> None:
    await people()
    with MailServer() as post:
        server = await start_server(
            FLOWPILOT_CANARY_EVERY_S="3600", FLOWPILOT_SMTP_URL=post.url, FLOWPILOT_MAIL_FROM="desk@northwind.example"
        )
        run = await last(owner)
        assert (run["ok"], run["stage"]) == (False, "claim")
        assert run["error"].startswith("500 instead of 200")
        assert await asyncio.to_thread(server.said, "the canary escalation fails at “claim”", timeout=60)
        await metric(server, "flowpilot_canary_ok", 0)
        await audit_now(owner)
        assert "fails at “claim”" in (await findings(owner))["canary"]["text"]
        code, out = await doctor(tmp_path, database_url, FLOWPILOT_CANARY_EVERY_S="3600")
        assert code == 2
        assert "WRONG  canary          the canary escalation fails at “claim”: 500" in out

        # The handoff waits; even a mail that the policy plans for its people does not go out: not to these addresses.
        assert await owner.value(OPEN, HOUSE) == 1
        await owner.fetch(
            "select plan_mail(h.account_id, h.id, h.rung, u.id, 'nobody')"
            " from handoff h join app_user u using (account_id) where h.account_id = $1 and h.status = 'pending'",
            HOUSE,
        )
        ended = "select array_agg(state) = '{cancelled,cancelled}' from delivery where account_id = $1 and purpose = $2"
        await until_there(owner, ended, HOUSE, "nobody")
        assert post.received == []
        assert await owner.value(LIVE_TOKENS, HOUSE) == 0

    await owner.fetch("grant execute on function claim_handoff to flowpilot_app")
    await owner.fetch("update job set due_at = now() where account_id = $1 and kind = 'canary'", HOUSE)
    await metric(server, "flowpilot_canary_ok", 1)
    assert await owner.value(OPEN, HOUSE) == 0, "what the broken run left is gone"
    assert await asyncio.to_thread(server.said, "goes through again; it had failed at “claim”", timeout=60)


async def test_a_run_that_was_killed_in_the_middle_is_cleared_by_the_next(
    start_server: StartServer, owner: Owner, database_url: str
) -> None:
    server = await start_server(FLOWPILOT_WORKER="off")
    async with stalling(database_url):
        working = await start_server(FLOWPILOT_CANARY_EVERY_S="3600")
        await until_there(owner, CLAIMED, HOUSE)
        await asyncio.to_thread(working.kill9)
    left = await rows_of_the_canary(owner)
    assert (left["handoff"], await owner.value(OPEN, HOUSE), await owner.value(LIVE_TOKENS, HOUSE)) == (1, 1, 2)
    life = await owner.value("select max(expires_at) - now() < interval '3 minutes' from access_token")
    assert life, "left to themselves the tokens end soon"
    await metric(server, "flowpilot_event_sockets", 0)

    await owner.fetch("update job set lease_until = now() where kind = 'canary'")
    await asyncio.to_thread(working.start)
    assert (await last(owner))["ok"]
    assert await owner.value(OPEN, HOUSE) == 0
    assert await owner.value(LIVE_TOKENS, HOUSE) == 0
    assert await owner.value("select count(*) from canary_run where ok is null") == 0
    kept = await owner.fetch(
        "select s.min_seq, min(e.seq) as first, max(e.seq) as last, count(e.seq) as n, s.last_seq"
        " from account_stream s join account_event e using (account_id) where s.account_id = $1 group by 1, 5",
        HOUSE,
    )
    (log,) = kept
    assert log["first"] == log["min_seq"]
    assert log["last"] == log["last_seq"]
    assert log["n"] == log["last"] - log["first"] + 1, "its log is as gapless as any"


async def test_a_planned_restart_in_the_middle_of_a_run_is_no_alarm(
    start_server: StartServer, owner: Owner, database_url: str
) -> None:
    async with stalling(database_url):
        working = await start_server(FLOWPILOT_CANARY_EVERY_S="3600")
        await until_there(owner, CLAIMED, HOUSE)
        began = asyncio.get_running_loop().time()
        stopping = asyncio.create_task(asyncio.to_thread(working.stop))
        await until_there(owner, GIVEN_BACK)
        assert asyncio.get_running_loop().time() - began < GRACEFUL_STOP_S, "before the stop cuts its requests off"
        await stopping
    assert await owner.value("select count(*) from canary_run where not ok") == 0
    assert "the canary escalation fails" not in working.logs
    await asyncio.to_thread(working.start)
    assert (await last(owner))["ok"]


async def test_other_peoples_rows_are_out_of_its_reach(
    people: Callable[..., Awaitable[Crew]], owner: Owner, database_url: str
) -> None:
    """The one function that may delete history touches the canary's account, whatever account is set."""
    crew = await people()
    before = await owner.checksum()
    app = await asyncpg.connect(database_url, server_settings={"role": "flowpilot_app"})
    try:
        async with app.transaction():
            await app.execute("select set_config('app.account_id', $1, true)", crew.account_id)
            await app.execute("select canary_forget()")
            await app.execute("select canary_clear()")
    finally:
        await app.close()
    assert await owner.checksum() == before
