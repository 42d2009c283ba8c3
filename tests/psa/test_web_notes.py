"""A note on the ticket, written from the session page: on its way, there, refused with what mends it."""

from collections.abc import Awaitable, Callable

from playwright.async_api import expect

from backend.db.engine import Database
from tests.support.chromium import chromium
from tests.support.flow import API, claimed, escalate
from tests.support.people import Crew
from tests.support.psa_connectwise import ConnectWiseServer
from tests.support.psa_desk import SERVED, psa_desk
from tests.support.psa_server import Fault
from tests.support.server import Server
from tests.support.web import Forms, live, signed_in


async def test_a_senior_writes_a_note_on_the_ticket_from_the_session(
    people: Callable[..., Awaitable[Crew]],
    serve_module: Callable[..., Server],
    database: Database,
    database_url: str,
) -> None:
    server, crew = serve_module(**SERVED), await people()
    async with (
        ConnectWiseServer() as cw,
        psa_desk(server, crew, database, database_url, cw) as desk,
        chromium() as browser,
    ):
        session = await desk.session()
        handoff = (await escalate(desk.junior, session)).json()
        await claimed(desk.senior, handoff["id"])
        page = await signed_in(await browser.new_context(), server, crew.engineer, f"/pilot/{session}")
        await live(page)
        await page.get_by_test_id("psa-note-add").click()
        await page.get_by_test_id("psa-note-text").fill("Both ends compared: the lifetimes differ.")
        await page.get_by_test_id("psa-note-submit").click()
        note = page.get_by_test_id("psa-note").filter(has_text="lifetimes differ")
        await expect(note).to_have_attribute("data-state", "written", timeout=30_000)
        await expect(note).to_contain_text("Written at")
        await expect(note.locator(".said")).to_have_text("Both ends compared: the lifetimes differ.")
        assert any("lifetimes differ" in str(one) for one in cw.notes())
        read = (await desk.senior.get(f"{API}/handoffs/{handoff['id']}")).json()
        assert read["first_action_kind"] == "psa_note"
        cw.faults.append(Fault(403))
        async with Forms(server) as plain:  # the same without a script
            await plain.sign_in(crew.engineer)
            await plain.get(f"/pilot/{session}?dialog=note")
            assert (await plain.post(f"/pilot/{session}/notes", text=" ")).status_code == 422
            assert (await plain.post(f"/pilot/{session}/notes", text="A second one.")).status_code == 303
        refused = page.get_by_test_id("psa-note").filter(has_text="A second one.")
        await expect(refused).to_have_attribute("data-state", "failed", timeout=40_000)
        await expect(refused).to_contain_text("Not written.")
        await expect(page.get_by_test_id("psa-notes")).to_contain_text("takes no notes now")
        other = await desk.session(ticket={"system": "Paper", "id": "7"})
        await page.goto(f"{server.url}/pilot/{other}")
        await expect(page.get_by_test_id("session-ticket-link")).to_have_text("Ticket 7")
        await expect(page.get_by_test_id("psa-notes")).to_have_count(0)
