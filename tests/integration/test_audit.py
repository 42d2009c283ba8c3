"""The audit log: nobody changes it unseen, and what matters is in it."""

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from backend.audit import anchors
from backend.audit.actions import ACTIONS, GROUPS
from backend.audit.keeper import AuditKeeper, seal
from backend.audit.record import record_of
from backend.audit.verify import verify
from backend.db.engine import Database
from tests.conftest import Http
from tests.support.flow import API, Owner, claimed, escalated
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]


@pytest.fixture
def owner(database_url: str) -> Owner:
    return Owner(database_url)


async def write(database: Database, account: UUID, *actions: str) -> None:
    for action in actions:
        async with database.tenant(account) as tx:
            await record_of(tx, account, action, "Ünïcode “target”, 10:30", {"was": "a", "is": ["b", None]})


async def whole(database: Database, account: UUID, path: Path | None = None) -> str:
    """Empty when the chain is whole, else what is said about it."""
    known = anchors.read(path / anchors.FILE) if path else {}
    broken = (await verify(database, account, known)).broken
    return f"{broken.no}: {broken.why}" if broken else ""


async def tampered(owner: Owner, statement: str) -> None:
    """Change history as only a superuser of the database could."""
    connection = await asyncpg.connect(owner.url)
    try:
        await connection.execute(f"set session_replication_role = replica; {statement}")
    finally:
        await connection.close()


async def test_a_changed_or_missing_entry_is_named(database: Database, people: People, owner: Owner) -> None:
    account = UUID((await people()).account_id)
    await write(database, account, *["policy.changed"] * 5)
    assert not await whole(database, account)
    await tampered(owner, "update audit_entry set target = 'Nothing of the kind' where no = 8")
    assert await whole(database, account) == "8: it is not what was written"
    await tampered(owner, "delete from audit_entry where no = 4")
    assert await whole(database, account) == "4: it is missing"


async def test_entries_cut_off_at_the_end_are_missed(database: Database, people: People, owner: Owner) -> None:
    account = UUID((await people()).account_id)
    await write(database, account, *["policy.changed"] * 3)
    assert not await whole(database, account)
    last = await owner.value("select max(no) from audit_entry where account_id = $1", account)
    await tampered(owner, f"delete from audit_entry where no = {last}")
    assert (await whole(database, account)).startswith(f"{last}: it and what came after it")


async def test_a_chain_made_anew_breaks_its_anchor(
    database: Database, people: People, owner: Owner, tmp_path: Path
) -> None:
    account = UUID((await people()).account_id)
    await write(database, account, "policy.changed", "policy.changed")
    await seal(database, account)
    keeper = AuditKeeper(database, tmp_path)
    await keeper.anchor()
    await keeper.anchor()
    assert len((tmp_path / anchors.FILE).read_text().splitlines()) == 1, "one a day"
    assert not await whole(database, account, tmp_path)
    await tampered(owner, "delete from audit_entry; delete from audit_chain")
    await write(database, account, *["policy.changed"] * 40)
    assert not await whole(database, account)
    assert "anchor" in await whole(database, account, tmp_path)


async def test_a_worker_seals_and_anchors_every_account_that_has_something_new(
    database: Database, people: People, http: Http, owner: Owner, tmp_path: Path
) -> None:
    quiet, busy = await people("Quiet"), await people("Busy")
    await escalated(http(busy.technician))
    await AuditKeeper(database, tmp_path).look()
    assert await owner.value("select count(*) from audit_pending") == 0
    assert await owner.value("select count(*) from audit_entry where action = 'handoff.created'") == 1
    assert set(anchors.read(tmp_path / anchors.FILE)) == {UUID(quiet.account_id), UUID(busy.account_id)}
    assert await database.call_many("select audit_behind()") == []


async def test_nobody_rewrites_it(database: Database, people: People, owner: Owner) -> None:
    account = UUID((await people()).account_id)
    await write(database, account, "policy.changed")
    await seal(database, account)
    for statement in ("update audit_entry set target = ''", "delete from audit_entry", "truncate audit_entry"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.fetch(statement)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await database.pool.execute(statement)
    for statement in ("update audit_pending set target = ''", "delete from audit_chain"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await database.pool.execute(statement)


async def test_many_sealing_at_once_make_one_chain(database: Database, people: People, owner: Owner) -> None:
    account = UUID((await people()).account_id)
    before = await owner.value("select count(*) from audit_pending")

    async def one() -> None:
        await write(database, account, "policy.changed")
        await seal(database, account)

    await asyncio.gather(*(one() for _ in range(20)))
    assert not await whole(database, account)
    assert await owner.value("select count(*) from audit_entry") == before + 20
    assert await owner.value("select count(*) from audit_pending") == 0


async def test_claims_sign_ins_settings_and_exports_stand_in_it(
    database: Database, people: People, http: Http, server: Server
) -> None:
    crew = await people()
    handoff = await escalated(http(crew.technician), "VPN drops")
    await claimed(http(crew.engineer), handoff["id"])
    await http(crew.admin).patch(f"{API}/account/settings", json={"retention_days": 90})
    async with Forms(server) as browser:
        await browser.post("/sign-in", email=crew.admin.email, password="not the password")
        await browser.sign_in(crew.admin)
        page = (await browser.get("/admin/audit")).text
        for words in ("Claimed VPN drops", "Escalated VPN drops", "Signed in", "Sign-in refused", "365 to 90"):
            assert words in page, words
        assert crew.engineer.name in page
        assert "127.0.0.1" in page
        only = (await browser.get("/admin/audit?action=handoff")).text
        assert "Claimed VPN drops" in only
        assert "Signed in" not in only
        file = await browser.get("/admin/audit.csv")
        rows = list(csv.DictReader(io.StringIO(file.text)))
        assert rows[0]["action"] == "export.audit"
        assert [int(row["no"]) for row in rows] == list(range(len(rows), 0, -1))
    assert not await whole(database, UUID(crew.account_id))


async def test_runbooks_seen_secrets_and_tokens_stand_in_it(people: People, http: Http, owner: Owner) -> None:
    crew = await people()
    admin, junior = http(crew.admin), http(crew.technician)
    book = (await admin.post(f"{API}/account/runbooks", json={"title": "VPN", "body": "1. Ping"})).json()
    place = f"{API}/account/runbooks/{book['id']}"
    await admin.put(place, json={"title": "VPN drops", "body": "1. Ping"})
    await admin.delete(place)
    left = (await junior.post(f"{API}/secrets", json={"content": "Winter", "expires_in_s": 600})).json()
    await http(crew.engineer).post(f"{API}/secrets/{left['id']}/view")
    rows = await owner.fetch("select actor, action, target from audit_pending order by at, id")
    written = [tuple(row) for row in rows]
    assert ("Command line", "people.token_created", crew.viewer.name) in written
    assert written[-4:] == [
        (crew.admin.name, "runbook.created", "VPN"),
        (crew.admin.name, "runbook.changed", "VPN drops"),
        (crew.admin.name, "runbook.removed", "VPN drops"),
        (crew.engineer.name, "secret.viewed", crew.technician.name),
    ]


async def test_it_is_for_administrators_of_the_account_alone(people: People, server: Server) -> None:
    ours, theirs = await people("Ours"), await people("Theirs")
    async with Forms(server) as senior:
        await senior.sign_in(ours.engineer)
        for path in ("/admin/audit", "/admin/audit.csv", "/admin"):
            assert (await senior.get(path)).status_code == 403, path
    async with Forms(server) as admin:
        await admin.sign_in(theirs.admin)
        assert (
            ours.engineer.name
            not in (await admin.get(f"/admin/audit?q={ours.engineer.email}")).text.split("<tbody")[-1]
        )
        assert "ours.example" not in (await admin.get("/admin/audit.csv")).text


def test_every_action_belongs_to_a_group_of_the_filter() -> None:
    assert {action.partition(".")[0] for action in ACTIONS} == set(GROUPS)
