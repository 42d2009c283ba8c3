"""The pages on which computers are connected and signed out: for everybody, at any width, with scripts off."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.async_api import Browser, expect

from tests.conftest import Http
from tests.support.axe import blemishes
from tests.support.flow import API
from tests.support.pairing import Client, paired, refreshing
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import signed_in

pytestmark = [pytest.mark.slow]
LONG = "RECEPTION-PC-OF-THE-LEEDS-CLINIC-WITH-A-VERY-LONG-NAME-INDEED"


@pytest.fixture
async def crew(people: Callable[..., Awaitable[Crew]], server: Server, http: Http) -> Crew:
    """A senior with one computer signed in and one that was shut out."""
    made = await people()
    await paired(server, made.engineer, http(), Client(name=LONG))
    first = await paired(server, made.engineer, http(), Client(name="OLD-LAPTOP"))
    tokens = first
    for _ in range(2):
        tokens = (await http().post("/oauth/token", data=refreshing(tokens["refresh_token"]))).json()
    await http().post("/oauth/token", data=refreshing(first["refresh_token"]))
    return made


def consent(server: Server) -> str:
    return f"{server.url}/oauth/authorize?{urlencode(Client(name=LONG).request())}"


async def test_the_pages_shut_nobody_out(browser: Browser, server: Server, crew: Crew, tmp_path: Path) -> None:
    context = await browser.new_context()
    page = await signed_in(context, server, crew.engineer)
    for name, address in (
        ("consent", consent(server)),
        ("devices", f"{server.url}/account/devices"),
        ("unusable", f"{server.url}/oauth/authorize?client_id=x"),
    ):
        await page.goto(address)
        await page.screenshot(path=tmp_path / f"{name}.png")
        assert not await blemishes(page), name
    await expect(page.get_by_test_id("device-result")).to_contain_text("Nothing was signed in.")


@pytest.mark.parametrize("width", [320, 700])
async def test_a_long_name_scrolls_nothing_sideways(
    browser: Browser, server: Server, crew: Crew, width: int, tmp_path: Path
) -> None:
    context = await browser.new_context(viewport={"width": width, "height": 640})
    page = await signed_in(context, server, crew.engineer)
    for name, address in (("consent", consent(server)), ("devices", f"{server.url}/account/devices")):
        await page.goto(address)
        await page.screenshot(path=tmp_path / f"{name}-{width}.png")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, name


async def test_a_computer_is_signed_out_with_scripts_off_and_by_keyboard(
    browser: Browser, server: Server, crew: Crew, http: Http
) -> None:
    tokens = await paired(server, crew.engineer, http(), Client(name="DANA-LT-04"))
    context = await browser.new_context(java_script_enabled=False)
    page = await signed_in(context, server, crew.engineer, "/account/devices")
    await expect(page.get_by_test_id("device-row")).to_have_count(3)
    await expect(page.get_by_test_id("device-shut-out")).to_have_count(1)
    await page.get_by_role("button", name="Sign out DANA-LT-04").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("device-row")).to_have_count(2)
    assert (await http(tokens["access_token"]).get(f"{API}/me")).status_code == 401
