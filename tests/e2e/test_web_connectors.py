"""The connectors page: connecting a PSA, seeing what is written, and mending what could not be, in a real browser."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from backend.db.engine import Database
from tests.support.axe import blemishes
from tests.support.flow import claimed, escalate
from tests.support.people import Crew
from tests.support.psa_autotask import AutotaskServer
from tests.support.psa_connectwise import PRIVATE_KEY, ConnectWiseServer
from tests.support.psa_desk import SERVED, psa_desk
from tests.support.psa_halo import CLIENT_SECRET, HaloServer
from tests.support.psa_server import Fault
from tests.support.server import Server
from tests.support.web import signed_in

pytestmark = [pytest.mark.slow]


async def looked_at(page: Page, name: str, folder: Path) -> None:
    """Nothing shuts anybody out, nothing is cut off, in light, in dark and on a phone."""
    for width in (1280, 390):
        await page.set_viewport_size({"width": width, "height": 900})
        assert not await blemishes(page), (name, width)
        await page.screenshot(path=folder / f"{name}-{width}.png", full_page=True)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_an_administrator_connects_a_psa_and_mends_what_was_not_written(
    people: Callable[..., Awaitable[Crew]],
    serve_module: Callable[..., Server],
    database: Database,
    database_url: str,
    browser: Browser,
    tmp_path: Path,
) -> None:
    server, crew = serve_module(**SERVED), await people()
    async with (
        ConnectWiseServer() as cw,
        HaloServer() as halo,
        AutotaskServer() as autotask,
        psa_desk(server, crew, database, database_url, cw) as desk,
    ):
        page = await signed_in(await browser.new_context(), server, crew.admin)
        await page.goto(f"{server.url}/admin/connectors")
        await expect(page.get_by_test_id("connector-row")).to_have_count(3)
        # Connect HaloPSA with a wrong secret, then with the right one.
        await page.locator("[data-system=halo]").get_by_test_id("connector-add").click()
        await page.get_by_test_id("connector-url").fill(halo.url)
        await page.get_by_test_id("connector-client_id").fill("halo-client")
        await page.get_by_test_id("connector-client_secret").fill("wrong")
        await looked_at(page, "form", tmp_path)
        await page.get_by_test_id("connector-submit").click()
        result = page.get_by_test_id("connector-check-result")
        await expect(result).to_contain_text("The client credentials are invalid.")
        await expect(page.get_by_test_id("connector-secret")).to_contain_text("/hooks/psa/")
        await page.locator("[data-system=halo]").get_by_test_id("connector-edit").click()
        await expect(page.get_by_test_id("connector-client_secret")).to_have_value("")
        await page.get_by_test_id("connector-client_secret").fill(CLIENT_SECRET)
        await page.get_by_test_id("connector-submit").click()
        await expect(result).to_contain_text("Signed in to HaloPSA as FlowPilot.")
        assert CLIENT_SECRET not in await page.content()
        # A refused address is said where the form stands, with what was typed.
        await page.goto(f"{server.url}/admin/connectors?add=autotask")
        await page.get_by_test_id("connector-user_name").fill("api@northwind.example")
        await page.get_by_test_id("connector-secret").fill("x")
        await page.get_by_test_id("connector-integration_code").fill("x")
        await page.get_by_test_id("connector-url").fill("ftp://example.com")
        await page.get_by_test_id("connector-submit").click()
        await expect(page.get_by_test_id("connector-form-error")).to_contain_text("must begin with https://")
        await expect(page.get_by_test_id("connector-user_name")).to_have_value("api@northwind.example")
        assert autotask.asked == []
        # ConnectWise: notes of escalations and claims; the second one is refused for good.
        await page.goto(f"{server.url}/admin/connectors")
        await page.locator("[data-system=connectwise]").get_by_test_id("connector-edit").click()
        # The page stays where the form is once its scripts run: a hand may be on it already.
        await page.locator('html[data-ready="yes"]').wait_for(state="attached")
        await expect(page.locator("#form h2")).to_be_in_viewport()
        for event in ("escalated", "claimed"):
            await page.locator(".day", has=page.get_by_test_id(f"connector-on-{event}")).click()
        await page.get_by_test_id("connector-submit").click()
        await expect(result).to_contain_text("Signed in to ConnectWise")
        handoff = (await escalate(desk.junior, await desk.session())).json()
        await desk.logged("written")
        cw.faults.append(Fault(403))
        await claimed(desk.senior, handoff["id"])
        await desk.logged("written", "failed")
        await page.goto(f"{server.url}/admin/connectors")
        await expect(page.locator("[data-system=connectwise]")).to_have_attribute("data-state", "paused")
        await page.get_by_test_id("connector-dead").click()
        await expect(page.get_by_test_id("connector-note")).to_have_count(1)
        await looked_at(page, "dead", tmp_path)
        await page.get_by_test_id("connector-replay").click()
        await expect(page.get_by_test_id("connector-error")).to_contain_text("does not write now")
        await desk.hurry()
        await page.locator("[data-system=connectwise]").get_by_test_id("connector-check").click()
        await expect(result).to_have_attribute("data-ok", "yes")
        await page.get_by_test_id("connector-dead").click()
        await page.get_by_test_id("connector-replay-all").click()
        await expect(page.get_by_test_id("connector-replayed")).to_contain_text("1 note is being written again")
        await desk.hurry()
        await desk.logged("written", "written")
        await page.locator("[data-system=connectwise]").get_by_test_id("connector-log").click()
        await expect(page.get_by_test_id("connector-note")).to_have_count(2)
        await looked_at(page, "log", tmp_path)
        assert PRIVATE_KEY not in await page.content()
        await page.locator("[data-system=connectwise]").get_by_test_id("connector-switch").click()
        await expect(page.locator("[data-system=connectwise]")).to_have_attribute("data-state", "off")
        await page.locator("[data-system=connectwise]").get_by_test_id("connector-edit").click()
        await page.get_by_test_id("connector-remove").click()
        await expect(page.locator("[data-system=connectwise]")).to_have_attribute("data-state", "none")


async def test_only_administrators_see_the_page(
    people: Callable[..., Awaitable[Crew]], server: Server, browser: Browser
) -> None:
    crew = await people()
    page = await signed_in(await browser.new_context(), server, crew.engineer)
    answer = await page.goto(f"{server.url}/admin/connectors")
    assert answer is not None
    assert answer.status == 403
