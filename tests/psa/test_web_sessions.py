"""A session that is opened on the web page belongs to its ticket in the PSA."""

from collections.abc import Awaitable, Callable

import pytest

from backend.db.engine import Database
from tests.support.flow import API
from tests.support.hook_desk import until
from tests.support.people import Crew
from tests.support.psa_connectwise import ConnectWiseServer
from tests.support.psa_desk import CONNECTORS, SERVED, PsaDesk, psa_desk
from tests.support.psa_halo import HaloServer
from tests.support.server import Server
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]
FORM = {"title": "48213", "customer": "Contoso", "ticket": "48213", "problem": "48213"}
CHOICE = 'data-testid="session-new-system"'


@pytest.fixture(scope="module")
def running(serve_module: Callable[..., Server]) -> Server:
    return serve_module(**SERVED)


async def opened(browser: Forms, desk: PsaDesk, **more: str) -> dict[str, str]:
    """The ticket of the session that the form opens."""
    answer = await browser.post("/sessions", **FORM, **more)
    assert answer.status_code == 303, answer.text
    session = answer.headers["location"].rpartition("/")[2]
    ticket: dict[str, str] = (await desk.junior.get(f"{API}/ai-sessions/{session}")).json()["ticket"]
    return ticket


async def test_a_ticket_on_the_page_is_one_of_the_connected_psa(
    people: People, running: Server, database: Database, database_url: str
) -> None:
    crew = await people()
    async with (
        ConnectWiseServer() as cw,
        HaloServer() as halo,
        psa_desk(running, crew, database, database_url, cw) as desk,
        Forms(running) as browser,
    ):
        await browser.sign_in(crew.technician)
        assert CHOICE not in (await browser.get("/sessions?new=1")).text
        answer = await browser.post("/sessions", **FORM)
        session = answer.headers["location"].rpartition("/")[2]

        async def filled() -> str:
            title: str = (await desk.junior.get(f"{API}/ai-sessions/{session}")).json()["title"]
            return title

        await until(filled, lambda title: title == "VPN drops every hour")
        body = {"system": "halo", "fields": halo.access()}
        assert (await desk.admin.post(CONNECTORS, json=body)).status_code == 201
        assert CHOICE in (await browser.get("/sessions?new=1")).text
        undecided = await browser.post("/sessions", **FORM)
        assert undecided.status_code == 422
        assert "Choose the system that the ticket is in." in undecided.text
        assert 'value="Contoso"' in undecided.text
        assert (await opened(browser, desk, ticket_system="HaloPSA"))["system"] == "HaloPSA"
        await browser.get("/sessions")
        await desk.change(active=False)
        assert (await opened(browser, desk))["system"] == "HaloPSA", "what is switched off is no choice"
        await browser.get("/sessions")
        for one in (await desk.admin.get(CONNECTORS)).json()["items"]:
            await desk.admin.delete(f"{CONNECTORS}/{one['id']}")
        assert (await opened(browser, desk))["system"] == "psa"
