"""FlowPilot in a real browser: a reply that streams, stop, retry, proposals, guided mode, a secret at paste time."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.conftest import Http, StartServer
from tests.support.flow import API, act, claimed, escalate, open_session
from tests.support.model_server import model_server
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import live, signed_in

pytestmark = pytest.mark.slow


async def opened(browser: Browser, server: Server, who: Any, session_id: str) -> Page:
    page = await signed_in(await browser.new_context(), server, who, f"/pilot/{session_id}")
    await live(page)
    return page


async def send(page: Page, words: str) -> None:
    await page.get_by_test_id("chat-input").fill(words)
    await page.keyboard.press("Enter")


async def test_a_reply_streams_and_is_stopped_retried_and_turned_into_facts(
    browser: Browser, start_server: StartServer, people: Callable[..., Awaitable[Crew]], http: Http
) -> None:
    async with model_server() as model:
        server = await start_server(**model.settings())
        crew = await people()
        session_id = await open_session(http(crew.technician, at=server))
        junior = await opened(browser, server, crew.technician, session_id)
        senior = await opened(browser, server, crew.engineer, session_id)
        await expect(junior.locator("#composer-hint")).to_contain_text("FlowPilot answers.")

        model.behave("slow")
        await send(junior, "It dropped again.")
        beginning = " ".join(model.reply.split(" ")[: len(model.reply.split(" ")) // 2])
        for page in (junior, senior):
            await expect(page.locator("[data-reply-text]")).to_have_text(beginning)
        await junior.get_by_test_id("chat-stop").click()
        for page in (junior, senior):
            stopped = page.locator('[data-testid="chat-message"][data-author="assistant"]')
            await expect(stopped).to_contain_text(beginning)
            await expect(stopped).to_contain_text("Stopped before the end")
        await expect(stopped).not_to_have_attribute("aria-busy", "true")  # a reader passes over what is busy
        lefts = "one => [...one.children].slice(1).map((part) => part.getBoundingClientRect().left)"
        assert len(set(await stopped.evaluate(lefts))) == 1, "all of it stands beside the picture, in one column"

        model.behave("cut")
        await send(junior, "What next?")
        failed = junior.get_by_test_id("chat-reply-failed")
        await expect(failed).to_contain_text("The connection to the AI model broke in the middle of the answer.")
        model.behave("ok")
        await junior.get_by_test_id("chat-retry").click()
        answers = junior.locator('[data-testid="chat-message"][data-author="assistant"]')
        await expect(answers).to_have_count(2)
        await expect(answers.last).to_contain_text(model.reply)

        model.report = {
            "facts": [
                {"label": "Firewall", "value": "FortiGate 60F"},
                {"label": "Made up", "value": "not in the text"},
            ],
            "steps": [{"action": "Restarted the tunnel", "outcome": "helped"}],
        }
        await send(junior, "The clinic has a FortiGate 60F. I restarted the tunnel.")
        await expect(junior.get_by_test_id("proposal")).to_have_count(2)
        await expect(junior.get_by_test_id("proposal").first).to_contain_text("FortiGate 60F")
        await junior.get_by_test_id("proposal-accept").first.click()
        await expect(junior.get_by_test_id("fact-item")).to_contain_text("FortiGate 60F")
        await expect(junior.get_by_test_id("chat-log")).to_contain_text("Added to facts: Firewall")
        await expect(junior.get_by_test_id("entry-added")).to_contain_text("Added to facts")
        await junior.get_by_test_id("proposal-edit").click()
        await junior.get_by_test_id("proposal-action").fill("Restarted the tunnel twice")
        await junior.get_by_test_id("proposal-outcome").select_option("no_change")
        await junior.get_by_test_id("proposal-add").click()
        await expect(junior.get_by_test_id("step-item")).to_contain_text("Restarted the tunnel twice")
        await expect(junior.get_by_test_id("step-item")).to_have_attribute("data-outcome", "no_change")
        await expect(junior.get_by_test_id("chat-log")).to_contain_text("Added to steps: Restarted the tunnel twice")
        await expect(junior.get_by_test_id("proposal")).to_have_count(0)
        await expect(senior.get_by_test_id("fact-item")).to_contain_text("FortiGate 60F")


async def test_the_next_message_waits_neither_for_the_page_nor_for_the_message_before(
    browser: Browser, server: Server, people: Callable[..., Awaitable[Crew]], http: Http
) -> None:
    crew = await people()
    session_id = await open_session(http(crew.technician))
    page = await opened(browser, server, crew.technician, session_id)
    drawn, taken = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        await (drawn if route.request.method == "GET" else taken).wait()
        await route.continue_()

    await page.route(f"**/pilot/{session_id}**", hold)
    await send(page, "One.")
    await page.get_by_test_id("chat-input").press_sequentially(" Two.")  # while the first is on its way
    await page.keyboard.press("Enter")
    taken.set()
    await expect(page.get_by_test_id("chat-input")).to_have_value("")
    await send(page, "Three.")  # while the page is not drawn yet
    await expect(page.get_by_test_id("chat-input")).to_have_value("")
    drawn.set()
    for words in ("One.", "Two.", "Three."):
        await expect(page.get_by_test_id("chat-message").get_by_text(words, exact=True)).to_have_count(1)
    await page.route("**/stream?after=*", lambda route: route.fulfill(status=429), times=1)  # browsers give up then
    await page.reload()
    await live(page)
    await http(crew.engineer).post(f"{API}/ai-sessions/{session_id}/messages", json={"content": "Four."})
    await expect(page.get_by_test_id("chat-message").get_by_text("Four.", exact=True)).to_have_count(1)


async def test_without_a_model_a_runbook_leads_step_by_step_and_a_secret_is_caught(
    browser: Browser, server: Server, people: Callable[..., Awaitable[Crew]], http: Http
) -> None:
    crew = await people()
    junior_http, senior_http, admin = http(crew.technician), http(crew.engineer), http(crew.admin)
    book = {"title": "VPN drops", "body": "1. Ping **both** ends\n2. Compare lifetimes\n", "tags": ["vpn", "tunnel"]}
    assert (await admin.post(f"{API}/account/runbooks", json=book)).status_code == 201
    other = {"title": "Modem", "body": "1. Look at its lights\n2. Restart it\n", "tags": []}
    modem = (await admin.post(f"{API}/account/runbooks", json=other)).json()["id"]
    before = (await escalate(junior_http, await open_session(junior_http, "Tunnel to branch office drops"))).json()
    await claimed(senior_http, before["id"])
    await act(senior_http, before["id"], "resolve", note="Both lifetimes set to 3600 s.")
    session_id = await open_session(junior_http)
    page = await opened(browser, server, crew.technician, session_id)

    guide = page.get_by_test_id("guide")
    await expect(guide).to_contain_text("No AI model is connected.")
    await expect(page.get_by_test_id("guide-runbook")).to_have_text("VPN drops")
    await expect(page.get_by_test_id("guide-step")).to_contain_text("Ping both ends")
    await expect(page.get_by_test_id("guide-similar")).to_contain_text("Both lifetimes set to 3600 s.")
    await page.get_by_test_id("guide-record").click()
    await expect(page.get_by_test_id("guide-step")).to_contain_text("Compare lifetimes")
    await expect(page.get_by_test_id("step-item")).to_contain_text("Ping both ends")
    await page.goto(f"{server.url}/pilot/{session_id}?runbook={modem}")
    await live(page)
    await page.get_by_test_id("guide-record").press("Enter")
    await expect(page.get_by_test_id("guide-step")).to_contain_text("Restart it")  # still the one that was chosen
    await expect(page.get_by_test_id("guide-record")).to_be_focused()

    field = page.get_by_test_id("chat-input")
    await field.fill("The admin password: Summer2026!")
    await expect(page.get_by_test_id("secret-note")).to_be_visible()
    await field.press("Enter")
    await expect(page.get_by_test_id("secret-note")).to_have_count(0)  # gone with what it was said of
    await field.focus()
    await page.evaluate(
        "text => { const f = document.activeElement; f.value = text;"
        " f.dispatchEvent(new ClipboardEvent('paste', {bubbles: true})) }",
        "\N{SLIGHTLY SMILING FACE} Try the admin password: Winter2026!",
    )
    await expect(page.get_by_test_id("secret-note")).to_contain_text("This looks like a password.")
    await field.evaluate("field => { field.value = 'So: ' + field.value }")  # moved since it was looked at
    await page.get_by_test_id("secret-link").click()
    around = "So: \N{SLIGHTLY SMILING FACE} Try the admin password: "
    await expect(field).to_have_value(re.compile(rf"^{around}http\S+/secrets/[0-9a-f-]{{36}}$"))
    assert "Winter2026" not in await field.input_value()
    await page.keyboard.press("Enter")
    await page.get_by_test_id("one-view-link").click()
    await page.get_by_test_id("secret-view").click()
    await expect(page.get_by_test_id("secret-content")).to_have_text("Winter2026!")
    await page.goto(page.url)
    await expect(page.get_by_test_id("secret-gone")).to_contain_text("Tess Technician saw it")
