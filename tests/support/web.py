"""The web app as people use it: by forms alone (no script), and in a real Chromium."""

import asyncio
import re
from html import unescape
from typing import Self

import httpx
from playwright.async_api import BrowserContext, Page

from tests.support.people import Member
from tests.support.server import NO_TLS, Server


class Forms:
    """A browser without scripts: cookies, pages, and forms with the hidden fields that the page holds."""

    def __init__(self, server: Server) -> None:
        self.http = httpx.AsyncClient(base_url=server.url, trust_env=False, verify=NO_TLS, timeout=30)
        self.origin = server.url
        self.page = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def sign_in(self, who: Member, **fields: str) -> httpx.Response:
        """Send the sign-in form."""
        return await self.post("/sign-in", email=who.email, password=who.password, **fields)

    @property
    def csrf(self) -> str:
        """The anti-forgery value of the page at hand; empty where it has no form."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.page)
        return unescape(found[1]) if found else ""

    async def get(self, path: str) -> httpx.Response:
        """Open a page."""
        return self._kept(await self.http.get(path))

    async def post(self, path: str, **fields: str) -> httpx.Response:
        """Send a form of the page at hand; redirects are not followed."""
        data = {"csrf": self.csrf} | fields if self.csrf else fields
        return self._kept(await self.http.post(path, data=data, headers={"Origin": self.origin}))

    def _kept(self, response: httpx.Response) -> httpx.Response:
        if response.headers.get("content-type", "").startswith("text/html") and response.text:
            self.page = response.text
        return response


async def signed_in(
    context: BrowserContext, server: Server, who: Member, path: str = "/sessions", *, by_form: bool = False
) -> Page:
    """A page of this browser, signed in, at `path`.

    `by_form` types into the page, as people do. Otherwise the browser sends the same form without a page: two pages
    less to draw, for each person of each test.
    """
    if not by_form:
        answer = await context.request.post(
            f"{server.url}/sign-in",
            form={"email": who.email, "password": who.password},
            headers={"Origin": server.url},
            max_redirects=0,
        )
        assert answer.status == 303, await answer.text()
        page = await context.new_page()
        await page.goto(f"{server.url}{path}")
        return page
    page = await context.new_page()
    await page.goto(f"{server.url}/sign-in")
    await page.get_by_test_id("signin-email").fill(who.email)
    await page.get_by_test_id("signin-password").fill(who.password)
    await page.get_by_test_id("signin-submit").click()
    await page.wait_for_url("**/sessions")
    if path != "/sessions":
        await page.goto(f"{server.url}{path}")
    return page


async def until_it_reads(forms: Forms, path: str, wanted: str) -> str:
    """Ask for the page until its reach says so; the server takes a frame when it comes."""
    async with asyncio.timeout(30):
        while True:
            page = (await forms.get(path)).text
            reach = page.partition('data-testid="escalate-reach"')[2].partition("dl-ft")[0]
            said = " ".join(re.sub(r"<[^>]*>", " ", reach).split())
            if wanted in said:
                return page
            await asyncio.sleep(0.05)


async def live(page: Page) -> None:
    """Wait until the page has its event stream."""
    await page.locator('[data-live][data-state="live"]').wait_for(state="attached")
