"""Signing the real tray app in with a real browser: from the window to the queue, over a restart, to the last toast."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Browser, Page, expect

from tests.conftest import Http
from tests.desktop.computer import ROOT, Computer, computer
from tests.support.flow import API
from tests.support.people import Crew
from tests.support.server import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

_KEYRING = """
import json, pathlib
from keyring.backend import KeyringBackend

KEPT = pathlib.Path(__file__).with_name("kept.json")


class Filed(KeyringBackend):
    priority = 1

    def _all(self):
        return json.loads(KEPT.read_text()) if KEPT.exists() else {}

    def get_password(self, service, username):
        return self._all().get(username)

    def set_password(self, service, username, password):
        KEPT.write_text(json.dumps({**self._all(), username: password}))

    def delete_password(self, service, username):
        KEPT.write_text(json.dumps({k: v for k, v in self._all().items() if k != username}))
"""


@pytest.fixture
async def crew(people: Callable[..., Awaitable[Crew]]) -> Crew:
    return await people()


def with_keyring(desk: Computer) -> Path:
    """A keyring that works, for the app's helper; answers where it keeps its things."""
    folder = desk.folder / "keyring"
    folder.mkdir()
    (folder / "keyrings_here.py").write_text(_KEYRING)
    desk.environment |= {"PYTHONPATH": f"{folder}:{ROOT}", "PYTHON_KEYRING_BACKEND": "keyrings_here.Filed"}
    return folder / "kept.json"


async def continue_in_browser(desk: Computer) -> str:
    """Enter in the sign-in window; answers the page that the default browser was asked to open."""
    before = opened(desk)
    await desk.xdotool("search", "--sync", "--onlyvisible", "--name", "FlowPilot Escalations", "windowfocus", "--sync")
    await desk.xdotool("key", "Return")
    await desk.wait_for("the sign-in page", lambda: len(opened(desk)) > len(before))
    return opened(desk)[-1]


def opened(desk: Computer) -> list[str]:
    return desk.opened_path.read_text().split() if desk.opened_path.exists() else []


async def say(page: Page, crew: Crew, address: str, decision: str, pictures: Path | None = None) -> str:
    """Sign in where asked, decide; answers what the page says at last."""
    await page.goto(address)
    if await page.get_by_test_id("signin-email").count():
        await page.get_by_test_id("signin-email").fill(crew.engineer.email)
        await page.get_by_test_id("signin-password").fill(crew.engineer.password)
        await page.get_by_test_id("signin-submit").click()
    await expect(page.get_by_text("Connect this computer?")).to_be_visible()
    await expect(page.get_by_text(crew.engineer.name)).to_be_visible()
    if pictures is not None:
        await page.screenshot(path=pictures / "consent.png")
    await page.get_by_test_id(f"device-{decision}").click()
    await expect(page.get_by_test_id("device-result")).to_be_visible()
    if pictures is not None:
        await page.screenshot(path=pictures / "result.png")
    return await page.get_by_test_id("device-result").inner_text()


def secrets_in(folder: Path, *besides: Path) -> list[str]:
    """Files that hold anything like a token."""
    files = [path for path in folder.rglob("*") if path.is_file() and path not in besides]
    return [str(path) for path in files if any(mark in path.read_bytes() for mark in (b"fprt_", b"fpda_"))]


async def test_from_the_window_to_the_queue_over_a_restart_until_the_computer_is_signed_out(
    browser: Browser, server: Server, crew: Crew, http: Http, tmp_path: Path
) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    async with computer(tmp_path) as desk:
        kept = with_keyring(desk)
        await desk.start_desktop()
        app = await desk.start_app(server.url, None)
        address = await continue_in_browser(desk)
        assert await say(page, crew, address, "approve", tmp_path) == "Connected. You can close this page."
        await desk.milestone("live")
        await desk.wait_for("the keyring to have it", lambda: kept.exists() and "fprt_" in kept.read_text())
        assert secrets_in(tmp_path, kept) == [], "the keyring alone holds a token"

        app.terminate()
        _, err = await app.communicate()
        assert app.returncode == 0, err.decode()
        assert secrets_in(tmp_path, kept) == []
        desk.events_path.write_text("")
        app = await desk.start_app(server.url, None)
        await desk.milestone("live")
        assert "FlowPilot" not in await desk.windows(), "nobody is asked again"

        # The browser of the pairing is known again: signed out there, a claim still lands without a question.
        await page.goto(f"{server.url}/sessions")
        await page.get_by_test_id("account-menu").click()
        await page.get_by_test_id("sign-out").click()
        junior = http(crew.technician)
        session = (await junior.post(f"{API}/ai-sessions", json={"title": "VPN drops", "problem": "Hourly"})).json()
        await junior.post(f"{API}/ai-sessions/{session['id']}/handoff", json={"reason": "No access"})
        shown = await desk.desktop_event("notify", summary="Normal: VPN drops")
        await desk.command(f"press {shown['id']} claim")
        await desk.milestone("opened", path="/go", opened=True)
        await page.goto(opened(desk)[-1])
        await page.wait_for_url(f"**/pilot/{session['id']}")

        await page.goto(f"{server.url}/account/devices")
        await page.screenshot(path=tmp_path / "devices.png")
        row = page.get_by_test_id("device-row")
        await expect(row).to_have_count(1)
        await row.get_by_test_id("device-revoke").click()
        await page.wait_for_url("**/sign-in*")  # a claim on that computer had signed this browser in
        pressed = time.monotonic()
        over = await desk.milestone("signed_out")
        assert over["mono"] < pressed + 8, "at once: what looks by itself does so every ten seconds or less often"
        said = await desk.desktop_event("notify", summary="FlowPilot: signed out")
        assert said["body"] == "You will not be notified on this computer until you sign in."
        await desk.wait_for("the keyring to be empty", lambda: kept.read_text() == "{}")
        await desk.xdotool("search", "--sync", "--onlyvisible", "--name", "FlowPilot Escalations")
        told = [e for e in desk.desktop_events if e.get("summary") == "FlowPilot: signed out"]
        assert len(told) == 1, "asked once"

        address = await continue_in_browser(desk)
        assert await say(page, crew, address, "approve") == "Connected. You can close this page."
        await desk.wait_for("signed in again", lambda: sum(e["event"] == "live" for e in desk.milestones()) == 2)
    await context.close()


async def test_no_and_a_lost_page_leave_the_computer_signed_out_and_able_to_try_again(
    browser: Browser, server: Server, crew: Crew, tmp_path: Path
) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    async with computer(tmp_path) as desk:
        with_keyring(desk)
        await desk.start_desktop()
        await desk.start_app(server.url, None)
        first = await continue_in_browser(desk)
        assert await say(page, crew, first, "deny") == "Refused. The computer was not signed in."
        await desk.wait_for("the window to take a new try", lambda: _closed(first))
        second = await continue_in_browser(desk)
        assert first != second
        assert await say(page, crew, second, "approve") == "Connected. You can close this page."
        await desk.milestone("live")
    await context.close()


def _closed(address: str) -> bool:
    """Whether the port of this try is closed again."""
    port = urlsplit(parse_qs(urlsplit(address).query)["redirect_uri"][0]).port
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port or 0)) != 0


async def test_without_a_keyring_the_sign_in_lasts_until_the_app_ends_and_that_is_said(
    browser: Browser, server: Server, crew: Crew, tmp_path: Path
) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    async with computer(tmp_path) as desk:
        await desk.start_desktop()
        app = await desk.start_app(server.url, None)
        await say(page, crew, await continue_in_browser(desk), "approve")
        await desk.milestone("live")
        said = await desk.desktop_event("notify", summary="Signed in until you quit")
        assert said["body"] == "This computer has no keyring that can be used."
        app.terminate()
        await app.communicate()
        assert secrets_in(tmp_path) == []
        await desk.start_app(server.url, None)
        await desk.xdotool("search", "--sync", "--onlyvisible", "--name", "FlowPilot Escalations")
        async with asyncio.timeout(60):
            await continue_in_browser(desk)
    await context.close()
