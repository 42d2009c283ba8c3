"""What tables of rules ask for and axe cannot see: zoom, other directions of writing, few colours, very many rows.

One browser and one server for all of it, and one page that changes its looks.
"""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.conftest import Http
from tests.support.flow import API, Owner, escalate, open_session
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import live, signed_in

pytestmark = pytest.mark.slow
ARABIC = "\u062a\u0639\u0637\u0644 \u0627\u0644\u0637\u0627\u0628\u0639\u0629"
HEBREW_NAME = "\u05d3\u05e0\u05d4 \u05dc\u05d5\u05d9"
ADMIN = ("people", "baseline", "policy", "email", "connectors", "runbooks", "ai", "audit")


@pytest.fixture
async def crew(people: Callable[..., Awaitable[Crew]]) -> Crew:
    return await people()


async def zoomed(page: Page, percent: int) -> None:
    """A window of 1280 by 1024 at this zoom: browsers lay out that many fewer CSS pixels."""
    size: ViewportSize = {"width": 1280 * 100 // percent, "height": 1024 * 100 // percent}
    await page.set_viewport_size(size)


async def cut_off(page: Page) -> list[str]:
    """Texts of controls and headings that do not fit into their box and do not say so with dots."""
    return list(
        await page.evaluate(
            """() => [...document.querySelectorAll("h1, h2, button:not(.vh), a.btn, label, th, .tag, summary")]
            .filter((one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
            .filter((one) => one.clientWidth > 1 && getComputedStyle(one).overflowX !== "visible")
            .filter((one) => getComputedStyle(one).textOverflow !== "ellipsis" && one.scrollWidth > one.clientWidth + 1)
            .filter((one) => getComputedStyle(one).overflowX === "hidden")
            .map((one) => `${one.tagName} ${one.className}: ${one.textContent.trim().slice(0, 60)}`)"""
        )
    )


async def test_nothing_is_lost_at_200_and_400_percent(browser: Browser, server: Server, crew: Crew, http: Http) -> None:
    """WCAG 1.4.4 and 1.4.10: at 200 % of a common window, and at 320 CSS pixels, all stands there and fits."""
    session = await open_session(http(crew.technician), "VPN to the Leeds clinic drops every hour, again " * 3)
    await escalate(http(crew.technician), session)
    page = await signed_in(await browser.new_context(device_scale_factor=2), server, crew.admin)
    paths = [
        "/sessions?show=all",
        "/escalations",
        f"/pilot/{session}",
        "/analytics",
        *(f"/admin/{one}" for one in ADMIN),
    ]
    for path in paths:
        await page.goto(f"{server.url}{path}")
        await live(page)
        for percent in (200, 400):
            await zoomed(page, percent)
            wide = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert wide[0] <= wide[1], f"{path} scrolls sideways at {percent} %"
            assert not await cut_off(page), f"{path} at {percent} %"
        await zoomed(page, 100)


async def test_names_and_texts_of_other_directions_read_rightly(
    browser: Browser, server: Server, crew: Crew, http: Http, database_url: str
) -> None:
    """Arabic and Hebrew begin on their own side, and do not turn the figures and words beside them around."""
    await Owner(database_url).fetch("update app_user set name = $1 where id = $2", HEBREW_NAME, crew.technician.id)
    junior = http(crew.technician)
    session = await open_session(junior, ARABIC)
    base = f"{API}/ai-sessions/{session}"
    await junior.post(f"{base}/messages", json={"content": f"{ARABIC} 10.0.0.1"})
    await junior.post(f"{base}/facts", json={"label": "Firmware", "value": ARABIC})
    await junior.post(f"{base}/steps", json={"action": "Restarted it", "outcome": "worked"})
    await escalate(junior, session)
    page = await signed_in(await browser.new_context(), server, crew.engineer, "/escalations")
    await live(page)
    for place in ('[data-testid="escalation-row"] .ti', "#context h2.ti"):
        assert await side_of(page, place) == "right", place
    assert (await page.locator('[data-testid="escalation-row"] .su').inner_text()).startswith("from")
    await page.goto(f"{server.url}/pilot/{session}")
    await live(page)
    for place in ('[data-testid="session-title"]', ".msg p", '[data-testid="fact-item"] dd'):
        assert await side_of(page, place) == "right", place
    assert await side_of(page, '[data-testid="step-item"] .what') == "left"


async def side_of(page: Page, selector: str) -> str:
    """On which side of its box the first line of a text begins to be read."""
    side: str = await page.evaluate(
        """(selector) => {
            const box = document.querySelector(selector);
            const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
            let text = walker.nextNode();
            while (text && !text.data.trim()) text = walker.nextNode();
            const at = text.data.search(/\\S/);
            const range = document.createRange();
            range.setStart(text, at);
            range.setEnd(text, at + 1);
            const letter = range.getBoundingClientRect(), all = document.createRange();
            all.selectNodeContents(text);
            const words = all.getClientRects()[0];
            return Math.abs(letter.left - words.left) < 2 ? "left" : "right";
        }""",
        selector,
    )
    return side


async def test_without_colours_everything_is_told_apart(
    browser: Browser, server: Server, crew: Crew, http: Http
) -> None:
    """In greyscale by shape and word; with forced colours by edges and the focus; without motion nothing moves."""
    junior = http(crew.technician)
    for priority in ("low", "normal", "high", "urgent"):
        made = await escalate(junior, await open_session(junior, f"A {priority} one"), priority=priority, impact="All")
        assert made.status_code == 201
    session = await open_session(junior)
    for outcome in ("worked", "helped", "no_change", "worse", "blocked", "not_tried"):
        await junior.post(f"{API}/ai-sessions/{session}/steps", json={"action": outcome, "outcome": outcome})
    page = await signed_in(await browser.new_context(), server, crew.engineer, "/escalations")
    await live(page)
    marks = """(selector) => [...document.querySelectorAll(selector)].map((one) =>
        [one.querySelector("use").getAttribute("href"), one.textContent.trim()])"""
    priorities = await page.evaluate(marks, ".rw .prio")
    assert len({glyph for glyph, _ in priorities}) == len({word for _, word in priorities}) == 4
    await page.emulate_media(forced_colors="active")
    selected = page.locator(".rw.sel")
    assert await selected.evaluate("(one) => getComputedStyle(one).outlineStyle") == "solid"
    assert await page.locator(".rw:not(.sel)").first.evaluate("(one) => getComputedStyle(one).outlineStyle") == "none"
    for control in ('[data-testid="pick-up"]', '[data-testid="queue-search"]', '[data-testid="pick-up-primary"]'):
        edge = page.locator(control).first
        width = await edge.evaluate(
            "(one) => getComputedStyle(one.matches('input') ? one.closest('.in') : one).borderTopWidth"
        )
        assert width != "0px", control
    await page.get_by_test_id("pick-up").first.focus()
    await page.keyboard.press("Tab")
    focus = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    inside = await page.evaluate(
        "getComputedStyle(document.activeElement.closest('.rw, .bd') ?? document.body).outlineStyle"
    )
    assert "solid" in {focus, inside} or "auto" in {focus, inside}
    await page.emulate_media(forced_colors="none", reduced_motion="reduce")
    await escalate(junior, await open_session(junior, "Without motion"))
    await expect(page.locator(".rw.new")).to_have_css("animation-name", "none")
    await page.goto(f"{server.url}/pilot/{session}")
    outcomes = await page.evaluate(marks, '[data-testid="step-item"] .oc')
    assert len({glyph for glyph, _ in outcomes}) == len({word for _, word in outcomes}) == 6


async def test_a_thousand_people_come_a_hundred_at_a_time(
    browser: Browser, server: Server, crew: Crew, database_url: str
) -> None:
    await Owner(database_url).fetch(
        "insert into app_user (account_id, id, email, name, role) select $1::uuid, gen_random_uuid(),"
        " 'person' || n || '@many.example', 'Person ' || lpad(n::text, 4, '0'), 'technician'"
        " from generate_series(1, 1000) n",
        crew.account_id,
    )
    page = await signed_in(await browser.new_context(), server, crew.admin, "/admin/people")
    await expect(page.get_by_test_id("person-row")).to_have_count(100)
    await page.get_by_test_id("people-after").click()
    await expect(page.get_by_test_id("people-range")).to_have_text("101 to 200")
    await page.get_by_test_id("person-actions").first.click()
    await expect(page.get_by_test_id("person-dialog")).to_be_visible()
    await page.goto(f"{server.url}/admin/people")
    await page.get_by_test_id("person-search").fill("Person 0987")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("person-row")).to_have_count(1)
