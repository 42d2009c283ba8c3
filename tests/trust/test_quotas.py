"""One account's storm is its own: what is expensive is bounded per account, and nobody else notices."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from uuid import uuid4

import asyncpg
import pytest

from backend.domain.refusal import Refusal
from backend.http.quotas import Quotas
from backend.settings import Settings, SettingsError
from tests.conftest import Http
from tests.support.flow import API, Owner, claimed, escalate, escalated, open_session, refused
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]


@pytest.fixture(scope="module")
def narrow(serve_module: Callable[..., Server]) -> Server:
    return serve_module(FLOWPILOT_QUOTAS="escalation=3/hour,export=1/hour", FLOWPILOT_WORKER="off")


async def test_beyond_its_quota_an_account_is_told_when_to_come_back_and_others_go_on(
    people: People, http: Http, narrow: Server
) -> None:
    ours, theirs = await people("Northwind MSP"), await people("Contoso MSP")
    junior = http(ours.technician, at=narrow)
    for _ in range(3):
        await escalated(junior)
    answer = await escalate(junior, await open_session(junior))
    refused(answer, 429, "too_many_requests")
    assert 0 < int(answer.headers["retry-after"]) <= 3_600
    await escalated(http(theirs.technician, at=narrow))
    async with Forms(narrow) as admin:
        await admin.sign_in(ours.admin)
        assert (await admin.get("/admin/audit.csv")).status_code == 200
        assert (await admin.get("/analytics.csv")).status_code == 429
        assert (await admin.get("/admin/audit")).status_code == 200, "reading is not exporting"


async def test_a_burst_of_a_shop_at_work_meets_no_quota(people: People, http: Http) -> None:
    """A morning on which everything breaks: forty one after the other are all taken."""
    crew = await people()
    junior = http(crew.technician)
    answers = [await escalate(junior, await open_session(junior)) for _ in range(40)]
    assert {answer.status_code for answer in answers} == {201}


@pytest.mark.parametrize("wrong", ["escalation", "escalation=0/minute", "claims=3/minute", "export=many"])
def test_a_quota_that_cannot_be_meant_is_refused_at_the_start(wrong: str, tmp_path: object) -> None:
    with pytest.raises(SettingsError, match="FLOWPILOT_QUOTAS"):
        Settings.from_environment({"FLOWPILOT_DATA_DIR": str(tmp_path), "FLOWPILOT_QUOTAS": wrong})


def test_several_processes_grant_one_quota_between_them() -> None:
    """Each counts for itself: without its part only, four processes would grant an account four times the bound."""
    account, granted = uuid4(), 0
    for one in [Quotas("escalation=10/hour", processes=4) for _ in range(4)]:
        with contextlib.suppress(Refusal):
            for _ in range(20):
                one.take(account, "escalation")
                granted += 1
    assert granted == 12, "ten, and each part rounded up"


async def test_an_account_whose_work_stands_still_keeps_nobody_elses_waiting(
    people: People, http: Http, server: Server, database_url: str
) -> None:
    """Forty requests of one account wait for a row that somebody holds: more than there are connections."""
    ours, theirs = await people("Northwind MSP"), await people("Contoso MSP")
    storming, junior = http(ours.engineer), http(theirs.technician)
    handoff = await escalated(http(ours.technician))
    holder = await asyncpg.connect(database_url)
    try:
        async with holder.transaction():
            await holder.execute("SELECT FROM handoff WHERE id = $1::uuid FOR UPDATE", handoff["id"])
            path = f"{API}/handoffs/{handoff['id']}"
            storm = [asyncio.create_task(storming.post(f"{path}/claim")) for _ in range(40)]
            storm += [asyncio.create_task(storming.patch(path, json={"priority": "high"})) for _ in range(40)]
            await until_waiting(Owner(database_url))
            async with asyncio.timeout(30):  # what waits for the lock gives up after 10 s, and would be done below
                asked = await escalated(junior)
                await claimed(http(theirs.engineer), asked["id"])
                await open_session(junior)
            assert not any(one.done() for one in storm), "theirs went by while ours still waited"
    finally:
        await holder.close()
    answers = [(await one).status_code for one in storm]
    assert set(answers) <= {200, 409}, "and when the row is free, all of ours are answered"
    assert answers.count(200) >= 40, "one person claims as often as they like"


async def until_waiting(owner: Owner) -> None:
    """Until the storm has filled what there is: as many wait for the row as wait a moment later."""
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    before = -1
    async with asyncio.timeout(30):
        while (now := await owner.value(blocked)) < 8 or now != before:
            before = now
            await asyncio.sleep(0.1)
