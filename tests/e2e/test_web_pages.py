"""Every page in a real Chromium: usable by everyone, on every screen, with scripts and without."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Browser, ConsoleMessage, Route, expect

from tests.conftest import Http
from tests.support.axe import blemishes
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import live, signed_in


@pytest.fixture
async def crew(people: Callable[..., Awaitable[Crew]]) -> Crew:
    return await people()


@pytest.fixture
async def session_id(http: Http, crew: Crew) -> str:
    """A session with a long name, steps, facts and messages, escalated and waiting."""
    junior = http(crew.technician)
    made = await junior.post(
        "/api/v1/ai-sessions",
        json={
            "title": "VPN to the Leeds clinic drops every hour and comes back after a minute, every time " * 2,
            "problem": "The tunnel drops at 41 minutes past each hour.",
            "customer": "Harlow Dental Group and Partners of the North of England Ltd",
            "ticket": {"system": "psa", "id": "20418", "url": "https://psa.example/20418"},
        },
    )
    session = str(made.json()["id"])
    base = f"/api/v1/ai-sessions/{session}"
    await junior.post(f"{base}/messages", json={"content": "averyveryverylongwordwithoutaspace" * 12})
    for outcome in ("worked", "helped", "no_change", "worse", "blocked", "not_tried"):
        await junior.post(f"{base}/steps", json={"action": f"Tried: {outcome}", "outcome": outcome})
    await junior.post(f"{base}/facts", json={"label": "Clinic firewall", "value": "FortiGate 60F, 7.2.8"})
    handoff = await junior.post(
        f"{base}/handoff",
        json={"reason": "No access to it.", "need": "Firewall access.", "impact": "22 staff.", "priority": "urgent"},
    )
    assert handoff.status_code == 201
    return session


async def claim_it(http: Http, crew: Crew) -> None:
    senior = http(crew.engineer)
    waiting = (await senior.get("/api/v1/handoffs")).json()["items"]
    assert (await senior.post(f"/api/v1/handoffs/{waiting[0]['id']}/claim")).status_code == 200


async def test_no_page_shuts_anybody_out(
    browser: Browser, server: Server, crew: Crew, session_id: str, http: Http
) -> None:
    context = await browser.new_context()
    stranger = await context.new_page()
    for path in ("/sign-in", "/forgot", "/go", "/nowhere"):
        await stranger.goto(f"{server.url}{path}")
        assert not await blemishes(stranger), path
    page = await signed_in(context, server, crew.engineer)
    for path in ("/sessions?show=all", f"/pilot/{session_id}", "/escalations", "/analytics"):
        await page.goto(f"{server.url}{path}")
        await live(page)
        assert not await blemishes(page), path
    await page.goto(f"{server.url}/sessions")
    await page.get_by_test_id("session-new").click()
    assert not await blemishes(page)
    await page.keyboard.press("Escape")
    await page.get_by_test_id("account-menu").click()
    assert not await blemishes(page)
    await claim_it(http, crew)
    await page.goto(f"{server.url}/pilot/{session_id}")
    await expect(page.get_by_test_id("claim-context")).to_be_visible()
    assert not await blemishes(page)
    junior = await signed_in(await browser.new_context(), server, crew.technician)
    await junior.get_by_test_id("session-new").click()
    await junior.get_by_test_id("session-new-title").fill("Second")
    await junior.get_by_test_id("session-new-customer").fill("Osprey")
    await junior.get_by_test_id("session-new-description").fill("Blank pages.")
    await junior.get_by_test_id("session-new-submit").click()
    await junior.get_by_test_id("escalate-open").click()
    await junior.get_by_test_id("escalate-submit").click()
    await expect(junior.get_by_text("Say why you are stuck, at least 10 characters.")).to_be_visible()
    assert not await blemishes(junior)


@pytest.mark.parametrize("width", [320, 700, 1000])
async def test_nothing_is_lost_or_scrolls_sideways(
    browser: Browser, server: Server, crew: Crew, session_id: str, http: Http, width: int
) -> None:
    context = await browser.new_context(viewport={"width": width, "height": 640})
    page = await signed_in(context, server, crew.engineer)
    paths = ["/sessions?show=all", "/escalations", f"/pilot/{session_id}", "/analytics"]
    for path in paths:
        await page.goto(f"{server.url}{path}")
        await live(page)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
    await claim_it(http, crew)
    await page.goto(f"{server.url}/pilot/{session_id}")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await expect(page.get_by_test_id("chat-input")).to_be_in_viewport()


async def test_the_way_through_works_with_scripts_off(browser: Browser, server: Server, crew: Crew) -> None:
    context = await browser.new_context(java_script_enabled=False)
    junior = await signed_in(context, server, crew.technician, by_form=True)
    await junior.get_by_test_id("session-new").click()
    await junior.get_by_test_id("session-new-title").fill("VPN drops")
    await junior.get_by_test_id("session-new-customer").fill("Harlow Dental")
    await junior.get_by_test_id("session-new-description").fill("Hourly.")
    await junior.get_by_test_id("session-new-submit").click()
    await junior.get_by_test_id("chat-input").fill("It dropped again.")
    await junior.get_by_test_id("chat-send").click()
    await expect(junior.get_by_test_id("chat-message")).to_contain_text("It dropped again.")
    await junior.get_by_test_id("escalate-open").click()
    await junior.get_by_test_id("escalate-reason").fill("I have no access to the firewall.")
    await junior.get_by_test_id("escalate-need").fill("Somebody with access.")
    await junior.get_by_test_id("escalate-submit").click()
    await expect(junior.get_by_test_id("delivery-strip")).to_be_visible()
    senior = await signed_in(
        await browser.new_context(java_script_enabled=False), server, crew.engineer, "/escalations"
    )
    await senior.get_by_test_id("pick-up").click()
    await expect(senior.get_by_test_id("claim-summary")).to_contain_text("Claimed by you at")


async def test_markup_in_text_runs_nothing_and_the_console_stays_silent(
    browser: Browser, server: Server, crew: Crew, http: Http
) -> None:
    attack = "<script>window.caught=1</script><img src=x onerror='window.caught=1'>"
    junior = http(crew.technician)
    session = (
        await junior.post("/api/v1/ai-sessions", json={"title": attack, "problem": attack, "customer": attack})
    ).json()
    await junior.post(f"/api/v1/ai-sessions/{session['id']}/messages", json={"content": attack})
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            said.append(message.text)

    page = await signed_in(await browser.new_context(), server, crew.engineer, "/escalations")
    page.on("console", hear)
    await live(page)
    await junior.post(f"/api/v1/ai-sessions/{session['id']}/handoff", json={"reason": attack, "need": attack})
    await expect(page.get_by_test_id("escalation-row")).to_contain_text(attack)
    await expect(page.get_by_test_id("context-need")).to_contain_text(attack)
    await page.goto(f"{server.url}/pilot/{session['id']}")
    await expect(page.get_by_test_id("chat-message")).to_contain_text(attack)
    assert await page.evaluate("window.caught") is None
    assert said == []


async def test_the_theme_is_kept_and_a_session_begun_once_by_a_browser_that_keeps_nothing(
    browser: Browser, server: Server, crew: Crew
) -> None:
    context = await browser.new_context(color_scheme="light")
    await context.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('denied') } })"
    )
    page = await signed_in(context, server, crew.technician, by_form=True)
    await live(page)  # where a browser keeps nothing for pages, what they do goes on
    await page.get_by_test_id("account-menu").click()
    async with page.expect_response("**/preferences/theme"):
        await page.get_by_test_id("theme-select").select_option("dark")
    assert await page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") == "rgb(15, 19, 23)"
    await page.reload()
    assert await page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") == "rgb(15, 19, 23)"
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    there = asyncio.Event()

    async def hold(route: Route) -> None:
        await there.wait()
        await route.continue_()

    await page.route("**/pilot/*", hold)
    await page.get_by_test_id("session-new").click()
    for name in ("title", "customer", "description"):
        await page.get_by_test_id(f"session-new-{name}").fill("VPN drops")
    async with page.expect_request("**/favicon.svg?pressed"):  # pressed on and on, until the page of the session comes
        await page.get_by_test_id("session-new-submit").evaluate(
            "button => { let n = 0; const timer = setInterval(() => { button.click(); if (++n < 20) return;"
            " clearInterval(timer); fetch('/static/favicon.svg?pressed') }, 50) }"
        )
    there.set()
    await page.wait_for_url("**/pilot/*")
    assert sent == [f"{server.url}/sessions"]


async def test_the_ticket_is_gone_from_the_address_at_once(
    browser: Browser, server: Server, crew: Crew, http: Http, session_id: str
) -> None:
    senior = http(crew.engineer)
    waiting = (await senior.get("/api/v1/handoffs")).json()["items"][0]["id"]
    claim = (await senior.post(f"/api/v1/handoffs/{waiting}/claim")).json()
    ticket = claim["open_url"].partition("#t=")[2]
    page = await (await browser.new_context()).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(f"{server.url}/go#t={ticket}")
    await page.get_by_test_id("continue-as").click()
    await page.wait_for_url(f"**/pilot/{session_id}")
    await expect(page.get_by_test_id("claim-summary")).to_contain_text("Claimed by you at")
    devtools = await page.context.new_cdp_session(page)
    history = await devtools.send("Page.getNavigationHistory")
    assert len(history["entries"]) > 1
    assert not [entry["url"] for entry in history["entries"] if ticket in entry["url"]]
    assert not [url for url in asked if ticket in url.partition("#")[0]]
