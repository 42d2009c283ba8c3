"""The administrators' pages and the queue in a real Chromium: on every screen, by keyboard alone, for everybody."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Browser, Route, expect

from tests.conftest import Http
from tests.support.axe import blemishes
from tests.support.flow import escalated
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import live, signed_in

PAGES = (
    *("people", "people?invite=1", "sign-in", "policy", "email", "webhooks", "devices", "installers"),
    *("runbooks", "runbooks?one=new", "ai", "audit"),
)

pytestmark = pytest.mark.slow


@pytest.fixture
async def crew(people: Callable[..., Awaitable[Crew]]) -> Crew:
    return await people()


async def test_no_page_of_administrators_shuts_anybody_out(
    browser: Browser, server: Server, crew: Crew, http: Http
) -> None:
    await escalated(http(crew.technician), "A very long title without an end " * 4)
    context = await browser.new_context()
    page = await signed_in(context, server, crew.admin)
    for path in (*PAGES, f"people?person={crew.engineer.id}"):
        await page.goto(f"{server.url}/admin/{path}")
        await page.locator('html[data-ready="yes"]').wait_for(state="attached")
        assert not await blemishes(page), path
        await page.set_viewport_size({"width": 320, "height": 640})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320, path
        await page.set_viewport_size({"width": 1280, "height": 800})
    left = await http(crew.technician).post("/api/v1/secrets", json={"content": "Tr0ub4dor"})
    for path in ("/account/devices", "/account/security", f"/secrets/{left.json()['id']}"):
        assert (answer := await page.goto(f"{server.url}{path}")), path
        assert answer.status == 200, path
        assert not await blemishes(page), path
    stranger = await browser.new_page()
    await stranger.goto(f"{server.url}/join")
    assert not await blemishes(stranger)


async def test_who_is_invited_stands_there_at_once(browser: Browser, server: Server, crew: Crew) -> None:
    """Else an administrator sees nothing happen, and sends it twice."""
    page = await signed_in(await browser.new_context(), server, crew.admin, "/admin/people")
    await live(page)
    await page.get_by_test_id("person-invite").click()
    await page.get_by_test_id("invite-name").fill("Noor Haddad")
    await page.get_by_test_id("invite-email").fill("noor@northwind.example")
    await page.get_by_test_id("invite-submit").click()
    await expect(page.get_by_test_id("invite-row")).to_contain_text("Noor Haddad")
    sent: list[str] = []
    answered = asyncio.Event()

    async def hold(route: Route) -> None:
        sent.append(route.request.url)
        await answered.wait()
        await route.continue_()

    await page.route("**/resend", hold)
    async with page.expect_request("**/favicon.svg?pressed"):
        await page.get_by_test_id("invite-resend").evaluate(
            "button => { setTimeout(() => button.click(), 0);"
            " setTimeout(() => { button.click(); fetch('/static/favicon.svg?pressed') }, 300) }"
        )
    answered.set()
    await page.wait_for_event("load")
    assert len(sent) == 1, "pressed twice, one e-mail"


async def test_the_policy_is_changed_by_keyboard_and_tells_what_is_wrong_before_it_is_saved(
    browser: Browser, server: Server, crew: Crew
) -> None:
    page = await signed_in(await browser.new_context(), server, crew.admin, "/admin/policy")
    await live(page)
    save, dirty = page.get_by_test_id("policy-save"), page.get_by_test_id("policy-dirty")
    await expect(dirty).to_have_text("No unsaved changes")
    await expect(save).to_be_disabled()
    await page.get_by_test_id("policy-step-3-urgent").fill("2")
    await expect(page.get_by_test_id("policy-error")).to_contain_text("2 min must be later than step 2 (3 min).")
    await expect(page.get_by_test_id("policy-step-3-urgent")).to_have_attribute("aria-invalid", "true")
    await expect(dirty).to_have_text("1 unsaved change. One must be fixed first.")
    await expect(save).to_be_disabled()
    await page.get_by_test_id("policy-step-3-urgent").fill("12")
    await expect(page.get_by_test_id("policy-error")).to_have_count(0)
    await page.get_by_test_id("policy-step-grip").first.focus()
    await page.keyboard.press("Alt+ArrowDown")
    await expect(page.get_by_test_id("policy-step-who").first).to_have_value("owner")
    await page.get_by_test_id("policy-add-step").press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.type("30")
    await expect(page.get_by_test_id("policy-step-4-urgent")).to_have_value("30")
    await save.press("Enter")
    await expect(page.get_by_test_id("policy-saved")).to_be_visible()
    await page.locator('html[data-ready="yes"]').wait_for(state="attached")
    await expect(page.get_by_test_id("policy-step-who").first).to_have_value("owner")
    await page.get_by_test_id("policy-step-2-high").fill("6")
    await expect(dirty).to_have_text("1 unsaved change")
    await page.get_by_test_id("policy-discard").click()
    await expect(dirty).to_have_text("No unsaved changes")
    await expect(page.get_by_test_id("policy-step-2-high")).to_have_value("5")


async def test_what_is_new_has_a_dot_until_it_is_opened_and_a_hidden_tab_counts(
    browser: Browser, server: Server, crew: Crew, http: Http
) -> None:
    junior = http(crew.technician)
    await escalated(junior, "First", priority="urgent")
    await escalated(junior, "Second")
    page = await signed_in(await browser.new_context(), server, crew.engineer, "/escalations")
    await live(page)
    unread = page.locator(".rw[data-unread]")
    await expect(unread).to_have_count(2)
    second = page.get_by_test_id("escalation-row").filter(has_text="Second")
    await second.hover()
    await expect(unread).to_have_count(2)
    await second.locator("[data-select]").click()
    await expect(unread).to_have_count(1)
    await escalated(junior, "Third")
    await expect(unread).to_have_count(2)
    await page.reload()
    await expect(unread).to_have_count(2)
    await page.evaluate(
        "() => { Object.defineProperty(document, 'hidden', { get: () => true, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')); }"
    )
    await expect(page).to_have_title("(3) Escalations · FlowPilot")
    await page.evaluate(
        "() => { Object.defineProperty(document, 'hidden', { get: () => false, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')); }"
    )
    await expect(page).to_have_title("Escalations · FlowPilot")


async def test_the_queue_is_worked_by_keys_that_can_be_turned_off(
    browser: Browser, server: Server, crew: Crew, http: Http
) -> None:
    junior = http(crew.technician)
    for title in ("One", "Two"):
        await escalated(junior, title)
    page = await signed_in(await browser.new_context(), server, crew.engineer, "/escalations")
    await live(page)
    await page.keyboard.press("?")
    await expect(page.locator("#keys-dialog")).to_be_visible()
    await page.locator("[data-single-keys]").uncheck()
    await page.keyboard.press("Escape")
    await page.keyboard.press("j")
    await page.keyboard.press("/")
    await expect(page.get_by_test_id("queue-search")).not_to_be_focused()
    await page.get_by_test_id("account-menu").click()
    await page.locator("[data-open=keys-dialog]").click()
    await page.locator("[data-single-keys]").check()
    await page.keyboard.press("Escape")
    await page.keyboard.press("f")
    await expect(page.get_by_test_id("queue-filter-priority")).to_have_value("urgent")
    await expect(page.get_by_test_id("queue-empty")).to_be_visible()
    await page.get_by_test_id("queue-filter-priority").select_option("")
    await expect(page.get_by_test_id("escalation-row")).to_have_count(2)
    await page.locator("body").press("j")
    await page.locator("body").press("g")
    await page.locator("body").press("s")
    await page.wait_for_url("**/sessions")
