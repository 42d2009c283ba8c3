"""The pages about one's own sign-ins: for everybody, light and dark, on a phone, with scripts off."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pyotp
import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.axe import blemishes
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import signed_in

pytestmark = [pytest.mark.slow]


async def clean(page: Page, picture: Path) -> None:
    """No fault for a screen reader, nothing that scrolls sideways, on a desk and on a phone."""
    for width in (1200, 320):
        await page.set_viewport_size({"width": width, "height": 800})
        await page.screenshot(path=picture.with_stem(f"{picture.stem}-{width}"), full_page=True)
        assert not await blemishes(page), (picture.stem, width)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (picture.stem, width)


async def test_from_the_security_page_to_a_second_sign_in(
    browser: Browser, server: Server, people: Callable[..., Awaitable[Crew]], tmp_path: Path
) -> None:
    crew = await people()
    context = await browser.new_context()
    page = await signed_in(context, server, crew.admin, "/account/security")
    await clean(page, tmp_path / "security.png")
    await page.get_by_test_id("factor-begin").click()
    secret = (await page.get_by_test_id("factor-secret").inner_text()).replace(" ", "")
    await clean(page, tmp_path / "setup.png")
    await page.get_by_test_id("code-input").fill(pyotp.TOTP(secret).now())
    await page.get_by_test_id("factor-confirm").click()
    codes = await page.get_by_test_id("recovery-codes").locator("code").all_inner_texts()
    await page.get_by_test_id("token-label").fill("Nightly export of the monthly figures for the accounting system")
    await page.get_by_test_id("token-create").click()
    assert re.fullmatch(r"fpat_[\w-]{43}", await page.get_by_test_id("token-value").inner_text())
    await clean(page, tmp_path / "token.png")
    await page.goto(f"{server.url}/admin/sign-in")
    await clean(page, tmp_path / "admin.png")
    await context.clear_cookies()
    await page.goto(f"{server.url}/forgot")
    await clean(page, tmp_path / "forgot.png")
    await page.goto(f"{server.url}/sign-in")
    await clean(page, tmp_path / "sign-in.png")
    await page.get_by_test_id("signin-email").fill(crew.admin.email)
    await page.get_by_test_id("signin-password").fill(crew.admin.password)
    await page.get_by_test_id("signin-submit").click()
    await expect(page.get_by_test_id("code-input")).to_be_focused()
    await clean(page, tmp_path / "code.png")
    await page.get_by_test_id("code-input").fill(codes[0])
    await page.get_by_test_id("code-submit").click()
    await page.wait_for_url("**/sessions")
