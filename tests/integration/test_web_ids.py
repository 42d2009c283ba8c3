"""Every page holds the ids that the design gives it, and copes with nothing and with very much."""

import re
from collections.abc import Awaitable, Callable

import pytest

from tests.conftest import Http
from tests.support import design_ids
from tests.support.flow import API, Owner, claimed, escalated, open_session
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]


@pytest.fixture
async def crew(people: People) -> Crew:
    return await people()


def missing(page: str, ids: tuple[str, ...]) -> set[str]:
    return set(ids) - set(re.findall(r'data-testid="([^"]+)"', page))


async def test_every_page_has_the_ids_of_the_design(crew: Crew, server: Server, http: Http) -> None:
    async with Forms(server) as stranger:
        assert not missing((await stranger.get("/sign-in")).text, design_ids.SIGN_IN)
        wrong = await stranger.post("/sign-in", email="a@b.example", password="wrong")
        assert not missing(wrong.text, ("signin-error",))
    junior = http(crew.technician)
    await open_session(junior)
    first = await escalated(junior, "First")
    await claimed(http(crew.engineer), first["id"])
    await escalated(junior, "Second", target_user_id=crew.admin.id)
    async with Forms(server) as admin:
        await admin.sign_in(crew.admin)
        sessions = (await admin.get("/sessions?show=all")).text
        assert not missing(sessions, design_ids.SHELL + design_ids.SESSIONS)
        queue = (await admin.get("/escalations")).text
        assert not missing(queue, design_ids.QUEUE)
        for path, ids in (
            ("policy", design_ids.POLICY),
            ("people", design_ids.PEOPLE + design_ids.ADMIN_TABS),
            (f"people?person={crew.engineer.id}", design_ids.PERSON),
            ("email", design_ids.EMAIL),
            ("audit", design_ids.AUDIT),
        ):
            assert not missing((await admin.get(f"/admin/{path}")).text, ids), path
        assert not missing((await admin.get("/nowhere")).text, ("page-error",))


async def test_rows_carry_what_scripts_look_for(crew: Crew, server: Server, http: Http) -> None:
    handoff = await escalated(http(crew.technician), priority="urgent")
    async with Forms(server) as senior:
        await senior.sign_in(crew.engineer)
        row = re.search(r'<li class="rw[^>]*>', (await senior.get("/escalations")).text)
        assert row
        for part in (f'data-escalation-id="{handoff["id"]}"', 'data-priority="urgent"', 'data-state="waiting"'):
            assert part in row[0]


async def test_a_thousand_wait_and_the_one_that_is_looked_for_is_found(
    crew: Crew, server: Server, http: Http, database_url: str
) -> None:
    await escalated(http(crew.technician), "The needle", priority="low")
    owner = Owner(database_url)
    await owner.fetch(
        "WITH s AS (INSERT INTO ai_session (account_id, id, owner_id, title, problem, status) SELECT account_id,"
        " gen_random_uuid(), owner_id, 'Hay ' || n, 'p', 'escalated' FROM ai_session, generate_series(1, 999) n"
        " RETURNING account_id, id), h AS (INSERT INTO handoff (account_id, id, session_id, handed_off_by,"
        " session_owner, request_hash, reason, priority, snapshot) SELECT s.account_id, gen_random_uuid(), s.id,"
        " h.handed_off_by, h.session_owner, h.request_hash, h.reason, 'normal', h.snapshot FROM s JOIN handoff h ON"
        " h.account_id = s.account_id RETURNING account_id, id) SELECT count(*) FROM h"
    )
    await owner.fetch("SELECT handoff_refresh_card(account_id, id) FROM handoff WHERE card IS NULL")
    async with Forms(server) as senior:
        await senior.sign_in(crew.engineer)
        page = (await senior.get("/escalations")).text
        assert page.count('data-testid="escalation-row"') == 200
        assert "1000 waiting" in page
        assert "800 more wait" in page
        found = (await senior.get("/escalations?q=needle")).text
        assert found.count('data-testid="escalation-row"') == 1


async def test_who_escalated_and_who_may_not_claim_get_no_button(crew: Crew, server: Server, http: Http) -> None:
    await escalated(http(crew.engineer), "By a senior")
    for who, buttons in ((crew.engineer, 0), (crew.second_engineer, 1), (crew.technician, 0), (crew.viewer, 0)):
        async with Forms(server) as browser:
            await browser.sign_in(who)
            page = (await browser.get("/escalations")).text
            assert "By a senior" in page
            assert page.count('data-testid="pick-up"') == buttons, who.name


async def test_what_is_kept_for_somebody_offers_itself_to_nobody_else(crew: Crew, server: Server, http: Http) -> None:
    """A button that would be refused is not shown: row, panel and session say for whom it is, and until when."""
    policy = {"escalation_policy": {"target_exclusive_minutes": 3}}
    assert (await http(crew.admin).patch(f"{API}/account/settings", json=policy)).status_code == 200
    kept = await escalated(http(crew.technician), target_user_id=crew.engineer.id)
    for who, buttons in ((crew.engineer, 1), (crew.second_engineer, 0)):
        async with Forms(server) as browser:
            await browser.sign_in(who)
            for path, each in (("/escalations", 2), (f"/pilot/{kept['session_id']}", 1)):
                page = (await browser.get(path)).text
                assert page.count("data-claim-button") == buttons * each, (path, who.name)
                assert ("data-free" in page) is not bool(buttons), (path, who.name)
