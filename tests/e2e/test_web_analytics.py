"""The analytics page in a real Chromium: the chart by keyboard and as a table, for everyone, on every screen."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, expect

from tests.conftest import Http
from tests.support.acted import acted
from tests.support.axe import blemishes
from tests.support.flow import Owner
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import live, signed_in

LONG = "Harlow Dental Group and Partners of the North of England with a very long name"
START = datetime(2026, 3, 2, 14, 20, tzinfo=UTC)
PLAN = [(START + timedelta(days=day), 60.0, 120.0 + 40 * day * day) for day in range(6)]
PAGES = ("/analytics?month=2026-03", "/analytics?month=2024-01", "/admin/baseline")


@pytest.fixture
async def crew(people: Callable[..., Awaitable[Crew]], http: Http, database_url: str) -> Crew:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    titles = ["averyveryverylongwordwithoutaspace" * 4, "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd"]
    await acted(Owner(database_url), junior, senior, PLAN, titles=titles, customers=[LONG, "Fabrikam"])
    return crew


@pytest.mark.slow
async def test_figures_and_baseline_shut_nobody_out(browser: Browser, server: Server, crew: Crew) -> None:
    context = await browser.new_context()
    complaints: list[str] = []
    page = await signed_in(context, server, crew.admin)
    page.on("console", lambda heard: complaints.append(heard.text) if "Content Security" in heard.text else None)
    for path in PAGES:
        await page.goto(f"{server.url}{path}")
        await live(page)
        for summary in await page.locator("main details > summary").all():
            await summary.click()
        assert not await blemishes(page), path
        for width in (320, 700):
            await page.set_viewport_size({"width": width, "height": 640})
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
        await page.set_viewport_size({"width": 1280, "height": 800})
    assert not complaints


async def test_the_chart_is_walked_by_keys_and_read_as_a_table(browser: Browser, server: Server, crew: Crew) -> None:
    page = await signed_in(await browser.new_context(), server, crew.admin, PAGES[0])
    await live(page)
    table = page.locator("[data-chart-table]")
    await expect(table).to_be_hidden()
    toggle = page.get_by_test_id("analytics-chart-table")
    await toggle.click()
    await expect(table).to_be_visible()
    await expect(toggle).to_have_attribute("aria-expanded", "true")
    assert await table.locator("tbody tr").count() == 30, "the second of March to the end"
    dots = page.get_by_test_id("analytics-chart").locator(".dot")
    assert await dots.count() == len(PLAN)
    await page.get_by_test_id("analytics-chart").locator('[tabindex="0"]').focus()
    await page.keyboard.press("Home")
    tip = page.locator("[data-chart-tip]")
    await expect(tip).to_have_text("2 Mar 14:20, 8.0 min")
    await page.keyboard.press("ArrowRight")
    await expect(tip).to_have_text("3 Mar 14:20, 7.3 min")
    await expect(dots.nth(1)).to_be_focused()


async def test_without_scripts_everything_is_there(browser: Browser, server: Server, crew: Crew) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await signed_in(context, server, crew.admin, PAGES[0])
    await expect(page.get_by_test_id("analytics-hero-value")).to_have_text("1.9")
    await expect(page.locator("[data-chart-table] tbody tr").first).to_contain_text("8.0")
    await page.get_by_test_id("analytics-prev").click()
    await expect(page.get_by_test_id("analytics-month")).to_have_text("February 2026")
    await page.goto(f"{server.url}/admin/baseline")
    await page.get_by_test_id("baseline-minutes").fill("31")
    await page.get_by_test_id("baseline-from").fill("2026-01-01")
    await page.get_by_test_id("baseline-basis").get_by_label("Measured").check()
    await page.get_by_test_id("baseline-save").click()
    await expect(page.get_by_test_id("baseline-version").first).to_contain_text("31.0")
    await page.goto(f"{server.url}{PAGES[0]}")
    await expect(page.get_by_test_id("analytics-hero-value")).to_have_text("22.9")
    await expect(page.get_by_test_id("analytics-baseline-value")).to_have_text("31.0 min")
