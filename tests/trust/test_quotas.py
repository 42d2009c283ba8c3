"""One account's storm is its own: what is expensive is bounded per account, and nobody else notices."""

from collections.abc import Awaitable, Callable

import pytest

from backend.settings import Settings, SettingsError
from tests.conftest import Http
from tests.support.flow import escalate, escalated, open_session, refused
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
