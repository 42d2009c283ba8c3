"""From the tray app's claim to the session page: the one-time ticket, in every browser it can land in."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conftest import Http
from tests.support.pairing import paired
from tests.support.people import Crew, Member
from tests.support.server import Server
from tests.support.web import Forms


@pytest.fixture
async def crew(people: Callable[..., Awaitable[Crew]]) -> Crew:
    return await people()


async def claimed(http: Http, crew: Crew, by: Member | str) -> tuple[str, str]:
    """(ticket, session page) of a claim made with the tray app's token."""
    junior, senior = http(crew.technician), http(by)
    session = (await junior.post("/api/v1/ai-sessions", json={"title": "VPN drops", "problem": "Hourly."})).json()
    made = await junior.post(
        f"/api/v1/ai-sessions/{session['id']}/handoff",
        json={"reason": "No access to the firewall.", "need": "Firewall access."},
        headers={"Idempotency-Key": session["id"]},
    )
    answer: httpx.Response = await senior.post(f"/api/v1/handoffs/{made.json()['id']}/claim")
    address = urlsplit(answer.json()["open_url"])
    assert address.path == "/go"
    return address.fragment.removeprefix("t="), f"/pilot/{session['id']}"


async def test_an_unknown_browser_asks_before_it_signs_anybody_in(http: Http, server: Server, crew: Crew) -> None:
    ticket, page = await claimed(http, crew, crew.engineer)
    async with Forms(server) as browser:
        asked = await browser.post("/go", ticket=ticket)
        assert asked.status_code == 200
        assert "set-cookie" not in asked.headers
        assert f"Continue as {crew.engineer.name}" in asked.text
        opened = await browser.post("/go", ticket=ticket, explicit="1")
        assert (opened.status_code, opened.headers["location"]) == (303, page)
        assert "Claimed by you at" in (await browser.get(page)).text


async def test_a_browser_that_the_person_has_proved_goes_straight_on(http: Http, server: Server, crew: Crew) -> None:
    ticket, page = await claimed(http, crew, crew.engineer)
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        await browser.get("/sessions")
        await browser.post("/sign-out")
        opened = await browser.post("/go", ticket=ticket)
        assert (opened.status_code, opened.headers["location"]) == (303, page)


async def test_someone_signed_in_keeps_the_sign_in_that_other_tabs_use(http: Http, server: Server, crew: Crew) -> None:
    ticket, page = await claimed(http, crew, crew.engineer)
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        await browser.get("/sessions")
        opened = await browser.post("/go", ticket=ticket)
        assert opened.headers["location"] == page
        assert "set-cookie" not in opened.headers
        assert (await browser.post(f"{page}/messages", content="On it.")).status_code == 303


async def test_a_ticket_opens_one_session_once(http: Http, server: Server, crew: Crew) -> None:
    ticket, _ = await claimed(http, crew, crew.engineer)
    async with Forms(server) as first, Forms(server) as second:
        assert (await first.post("/go", ticket=ticket, explicit="1")).status_code == 303
        again = await second.post("/go", ticket=ticket, explicit="1")
        assert again.status_code == 403
        assert "set-cookie" not in again.headers
        assert "This link no longer works" in again.text
        assert 'href="/sign-in"' in again.text


async def test_a_browser_that_a_computers_ticket_signed_in_is_out_with_the_computer(
    http: Http, server: Server, crew: Crew
) -> None:
    """Whoever has stolen a computer's token gets into a browser by it, and must not stay there when it is ended."""
    tokens = await paired(server, crew.engineer, http())
    ticket, page = await claimed(http, crew, tokens["access_token"])
    async with Forms(server) as browser, Forms(server) as own:
        await own.sign_in(crew.engineer)
        await browser.post("/go", ticket=ticket, explicit="1")
        assert (await browser.get(page)).status_code == 200
        form = {"client_id": "flowpilot-tray", "token": tokens["refresh_token"]}
        assert (await http().post("/oauth/revoke", data=form)).status_code == 200
        assert (await browser.get(page)).status_code == 303
        assert (await own.get(page)).status_code == 200


async def test_another_persons_link_never_replaces_a_sign_in_unseen(http: Http, server: Server, crew: Crew) -> None:
    ticket, _ = await claimed(http, crew, crew.engineer)
    async with Forms(server) as browser:
        await browser.sign_in(crew.second_engineer)
        await browser.get("/sessions")
        asked = await browser.post("/go", ticket=ticket)
        assert asked.status_code == 200
        assert f"You are signed in here as {crew.second_engineer.name}." in asked.text
        assert crew.second_engineer.name in (await browser.get("/sessions")).text


async def test_a_proved_browser_still_asks_while_someone_else_is_signed_in(
    http: Http, server: Server, crew: Crew
) -> None:
    theirs, _ = await claimed(http, crew, crew.second_engineer)
    mine, _ = await claimed(http, crew, crew.engineer)
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)
        await browser.get("/sessions")
        await browser.post("/sign-out")
        await browser.post("/go", ticket=theirs, explicit="1")
        asked = await browser.post("/go", ticket=mine)
        assert asked.status_code == 200
        assert f"You are signed in here as {crew.second_engineer.name}." in asked.text
        former = browser.http.cookies["fp_session"]
        assert (await browser.post("/go", ticket=mine, explicit="1")).status_code == 303
        browser.http.cookies.set("fp_session", former)
        assert (await browser.get("/sessions")).status_code == 303, "the sign-in that was replaced is over"


async def test_another_site_cannot_use_a_ticket(http: Http, server: Server, crew: Crew) -> None:
    ticket, _ = await claimed(http, crew, crew.engineer)
    async with Forms(server) as browser:
        browser.origin = "https://evil.example"
        assert (await browser.post("/go", ticket=ticket, explicit="1")).status_code == 403
        browser.origin = server.url
        assert (await browser.post("/go", ticket=ticket, explicit="1")).status_code == 303
