"""Render the web pages of a running demo to pictures: light, dark and phone, to be held beside the design.

    python -m scripts.screens_web http://127.0.0.1:8000 OUT [--look light|dark|phone]

The demo account's sign-ins are used. Escalates and claims on the way, so use a demo, never a live account.
Prints what the browser complained of; exit 1 when it complained of anything.
"""

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, ConsoleMessage, Page

from tests.support.chromium import chromium

PASSWORD = "flowpilot-demo"  # noqa: S105 - the demo prints it


@dataclass
class Camera:
    """One signed-in browser in one look; `complaints` gathers what its console says."""

    base: str
    out: Path
    look: str
    complaints: list[str]

    async def page(self, browser: Browser, who: str | None) -> Page:
        """A page in this look, signed in as `who`."""
        phone = self.look == "phone"
        context = await browser.new_context(
            viewport={"width": 390, "height": 844} if phone else {"width": 1280, "height": 820},
            color_scheme="dark" if self.look == "dark" else "light",
            has_touch=phone,
            is_mobile=phone,
            device_scale_factor=2 if phone else 1,
        )
        page = await context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(f"{self.look}: {error}"))
        if who:
            await page.goto(f"{self.base}/sign-in")
            await page.get_by_test_id("signin-email").fill(f"{who}@northbeam.example")
            await page.get_by_test_id("signin-password").fill(PASSWORD)
            await page.get_by_test_id("signin-submit").click()
            await page.wait_for_url("**/sessions")
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{self.look}: {message.text}")

    async def shoot(self, page: Page, name: str, *, live: bool = True) -> None:
        """Wait until the page is live, then keep the picture."""
        if live:
            await page.locator('html[data-ready="yes"]').wait_for(state="attached")
            if await page.locator("[data-live]").count():
                await page.locator('[data-live][data-state="live"]').wait_for(state="attached")
        await page.wait_for_timeout(250)
        await page.screenshot(path=self.out / f"{name}-{self.look}.png")


async def tour(camera: Camera, browser: Browser, title: str) -> None:
    """A junior escalates, a senior picks up; a picture at each stop."""
    stranger = await camera.page(browser, None)
    await stranger.goto(f"{camera.base}/sign-in")
    await camera.shoot(stranger, "sign-in")
    await stranger.get_by_test_id("signin-email").fill("dana@northbeam.example")
    await stranger.get_by_test_id("signin-password").fill("not it")
    await stranger.get_by_test_id("signin-submit").click()
    await camera.shoot(stranger, "sign-in-error")
    mina = await camera.page(browser, "mina")
    await camera.shoot(mina, "sessions")
    await mina.get_by_test_id("session-new").click()
    await camera.shoot(mina, "session-new")
    await mina.get_by_test_id("session-new-title").fill(title)
    await mina.get_by_test_id("session-new-customer").fill("Harlow Dental Group")
    await mina.get_by_test_id("session-new-ticket").fill("20418")
    await mina.get_by_test_id("session-new-description").fill("The tunnel drops at 41 minutes past each hour.")
    await mina.get_by_test_id("session-new-submit").click()
    await mina.wait_for_url("**/pilot/*")
    await _work(mina)
    await camera.shoot(mina, "session-open")
    await _correct(camera, mina)
    await _escalate_and_claim(camera, mina, await camera.page(browser, "dana"), title)
    await _administrators(camera, browser)
    await stranger.context.close()
    await mina.context.close()


async def _administrators(camera: Camera, browser: Browser) -> None:
    """Every tab of *Admin*, an invitation, one person, a policy that cannot be saved."""
    marcus = await camera.page(browser, "marcus")
    tabs = (
        *("people", "sign-in", "baseline", "policy", "email", "webhooks", "connectors"),
        *("devices", "installers", "runbooks", "ai", "privacy", "audit"),
    )
    for tab in tabs:
        await marcus.goto(f"{camera.base}/admin/{tab}")
        await camera.shoot(marcus, f"admin-{tab}")
    await marcus.goto(f"{camera.base}/admin/people?invite=1")
    await camera.shoot(marcus, "admin-invite")
    await marcus.goto(f"{camera.base}/admin/people")
    await marcus.get_by_test_id("person-actions").first.click()
    await camera.shoot(marcus, "admin-person")
    await marcus.goto(f"{camera.base}/admin/policy")
    await marcus.locator('html[data-ready="yes"]').wait_for(state="attached")
    await marcus.get_by_test_id("policy-step-3-urgent").fill("2")
    await marcus.get_by_test_id("policy-error").wait_for()
    await camera.shoot(marcus, "admin-policy-error")
    await marcus.get_by_test_id("policy-discard").click()
    await marcus.context.close()


async def _escalate_and_claim(camera: Camera, mina: Page, dana: Page, title: str) -> None:
    """The moment itself, from both sides."""
    await dana.goto(f"{camera.base}/escalations")
    await camera.shoot(dana, "escalations-before")
    await mina.get_by_test_id("escalate-open").click()
    await mina.get_by_test_id("escalate-reason").fill(
        "I cannot see the head office firewall, and the drops line up with the key renewal."
    )
    await mina.locator("label.p-high", has=mina.get_by_test_id("escalate-priority-high")).click()
    await mina.get_by_test_id("escalate-need").fill(
        "Someone with head office firewall access to compare the phase 2 settings on both ends."
    )
    await mina.get_by_test_id("escalate-impact").fill("22 staff lose the practice system for 1 to 2 minutes each hour.")
    await camera.shoot(mina, "escalate")
    await mina.get_by_test_id("escalate-submit").click()
    await mina.get_by_test_id("delivery-strip").and_(mina.locator("[data-strip]")).wait_for()
    row = dana.get_by_test_id("escalation-row").filter(has_text=title)
    await row.wait_for()
    await mina.wait_for_timeout(600)
    await camera.shoot(mina, "session-waiting")
    await row.locator("[data-select]").click()
    await dana.locator(f'#context:has-text("{title}")').wait_for()
    await camera.shoot(dana, "escalations")
    await dana.get_by_test_id("pick-up-primary").click()
    await dana.wait_for_url("**/pilot/*")
    await camera.shoot(dana, "session-claimed")
    await dana.get_by_test_id("chat-input").fill("Comparing both ends now.")
    await dana.get_by_test_id("chat-send").click()
    await mina.get_by_text("Comparing both ends now.").wait_for()
    await camera.shoot(mina, "session-claimed-junior")
    await dana.reload()
    await camera.shoot(dana, "session-acted")
    for name in ("handback", "resolve"):
        await dana.goto(f"{dana.url.partition('?')[0]}?dialog={name}")
        await camera.shoot(dana, f"session-{name}")
    await dana.get_by_test_id("resolve-outcome-guided_back").check()
    await dana.get_by_test_id("resolve-needed-no").check()
    await dana.get_by_test_id("resolve-note").fill("Read the lifetime on the clinic side, then set both to 3600 s.")
    await camera.shoot(dana, "session-guidance")
    await dana.get_by_test_id("resolve-submit").click()
    await dana.locator('html[data-ready="yes"] body[data-holds="no"]').wait_for()  # laid out anew: no longer theirs
    await mina.get_by_test_id("guidance-link").click()
    await camera.shoot(mina, "session-returned")
    await dana.goto(f"{camera.base}/analytics")
    await camera.shoot(dana, "analytics")
    await dana.goto(f"{camera.base}/analytics?month=2024-01")
    await camera.shoot(dana, "analytics-empty")
    await dana.goto(f"{camera.base}/pilot/00000000-0000-7000-8000-000000000000")
    await camera.shoot(dana, "not-found")
    await dana.context.close()


async def _correct(camera: Camera, mina: Page) -> None:
    """An entry being edited, the fix in progress, tasks."""
    await _in_context(mina)
    await mina.get_by_test_id("fix-start").click()
    await mina.get_by_test_id("fix-action").fill("Align the phase 2 lifetime on both ends")
    await mina.get_by_test_id("fix-submit").click()
    await mina.get_by_test_id("active-fix").filter(has_text="In progress").wait_for(state="attached")
    await mina.locator("dialog[open]").wait_for(state="detached")  # until then nothing behind it takes the focus
    await _in_context(mina)
    for words in ("Call the clinic before 15:00", "Ask for the head office login"):
        await mina.get_by_test_id("task-text").fill(words)
        await mina.keyboard.press("Enter")
        await mina.get_by_test_id("task-item").filter(has_text=words).wait_for()
    await mina.get_by_test_id("task-tick").first.click()
    await mina.get_by_label("Edit: Clinic firewall").click()
    await mina.get_by_test_id("fact-edit-value").wait_for()
    await camera.shoot(mina, "session-editing")
    await mina.keyboard.press("Escape")
    await mina.locator("form[data-editing]").wait_for(state="detached")
    toggle = mina.locator("[data-context-toggle]").first
    if await toggle.is_visible():
        await mina.keyboard.press("Escape")


async def _in_context(mina: Page) -> None:
    """Open the drawer where the context is one."""
    toggle = mina.locator("[data-context-toggle]").first
    if await toggle.is_visible() and await toggle.get_attribute("aria-expanded") != "true":
        await toggle.click()


async def _work(mina: Page) -> None:
    """Messages, steps and facts, as a technician leaves them."""
    for words in ("It dropped again at 9:41, right when I expected.", "I do not have a login for that firewall."):
        await mina.get_by_test_id("chat-input").fill(words)
        await mina.get_by_test_id("chat-send").click()
        await mina.get_by_test_id("chat-message").filter(has_text=words).wait_for()
    toggle = mina.locator("[data-context-toggle]").first
    for label, value in (("Clinic firewall", "FortiGate 60F, 7.2.8"), ("Log at each drop", "no proposal chosen")):
        if await toggle.is_visible():
            await toggle.click()
        await mina.get_by_test_id("fact-add").click()
        await mina.get_by_test_id("fact-label").fill(label)
        await mina.get_by_test_id("fact-value").fill(value)
        await mina.get_by_test_id("fact-submit").click()
        await mina.get_by_test_id("fact-item").filter(has_text=value).wait_for(state="attached")
    for action, outcome in (("Restarted the tunnel", "helped"), ("Compare phase 2 settings: no access", "blocked")):
        if await toggle.is_visible():
            await toggle.click()
        await mina.get_by_test_id("step-add").click()
        await mina.get_by_test_id("step-action").fill(action)
        await mina.get_by_test_id("step-outcome").select_option(outcome)
        await mina.get_by_test_id("step-submit").click()
        await mina.get_by_test_id("step-item").filter(has_text=action).wait_for(state="attached")


async def main() -> int:
    """Every look in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", help="address of a running demo")
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--look", choices=("light", "dark", "phone"), action="append")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    complaints: list[str] = []
    async with chromium() as browser:
        for number, look in enumerate(arguments.look or ("light", "dark", "phone")):
            camera = Camera(arguments.base.rstrip("/"), arguments.out, look, complaints)
            await tour(camera, browser, f"VPN to Leeds clinic drops every hour, {time.time():.0f}{number}")
    print("\n".join(complaints), file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
