"""Takes the README's pictures from the running program: toast, queue window, session page.

Run: `.venv/bin/python -m scripts.screenshots [FOLDER]` (docs/screens by default). It starts a demo server of its own,
a desktop under Xvfb with a real notification daemon and the tray app, and a headless Chromium; all end with it.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from playwright.async_api import Page

from backend.demo import PASSWORD
from tests.support.chromium import chromium
from tests.support.senior_desk import SeniorDesk, wait_until
from tests.support.server import Server

JUNIOR, SENIOR = "mina@northbeam.example", "dana@northbeam.example"


def _token(server: Server, email: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "backend.cli", "token", "create", "--email", email, "--data-dir", str(server.data_dir)],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


async def _page(page: Page, server: Server, email: str, path: str, shot: Path) -> None:
    await page.goto(f"{server.url}/sign-in")
    await page.get_by_test_id("signin-email").fill(email)
    await page.get_by_test_id("signin-password").fill(PASSWORD)
    await page.get_by_test_id("signin-submit").click()
    await page.wait_for_url("**/sessions")
    await page.goto(f"{server.url}{path}")
    await page.wait_for_timeout(1_500)  # the live link and the clocks
    await page.screenshot(path=shot)


async def _session(server: Server, email: str, session_id: str, height: int, shot: Path) -> None:
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": 1280, "height": height})
        await _page(page, server, email, f"/pilot/{session_id}", shot)


def _vpn_session(server: Server, token: str) -> tuple[str, str]:
    """(session id, handoff id) of the story that the pictures tell."""
    headers = {"Authorization": f"Bearer {token}"}
    queue = httpx.get(f"{server.url}/api/v1/handoffs", headers=headers, trust_env=False).json()["items"]
    row = next(row for row in queue if row["title"].startswith("VPN"))
    return row["session_id"], row["id"]


def _window(desk: SeniorDesk, shot: Path) -> None:
    """A second start raises the running app's window; the row of the story is chosen by keyboard."""
    subprocess.run(
        [sys.executable, "-m", "desktop", "--server", desk.server, "--profile", "e2e"],
        env=desk.environment,
        check=True,
        timeout=30,
    )
    found = wait_until("the queue window", lambda: _search(desk, "FlowPilot Escalations"))
    desk.xdotool("windowactivate", "--sync", found)
    desk.xdotool("windowmove", "--sync", found, "0", "0")
    desk.xdotool("key", "--window", found, "j", "j")
    _pause(2)
    subprocess.run(["import", "-window", found, str(shot)], env=desk.environment, check=True, timeout=20)


def _pause(seconds: float) -> None:
    """Let a fade or a first paint end; nothing tells when a picture is still."""
    time.sleep(seconds)


def _search(desk: SeniorDesk, title: str) -> str:
    try:
        return desk.xdotool("search", "--onlyvisible", "--name", title).split()[-1]
    except (subprocess.CalledProcessError, IndexError):
        return ""


def _toast(desk: SeniorDesk, server: Server, token: str, shot: Path) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as client:
        session = client.post(
            "/api/v1/ai-sessions",
            json={
                "title": "Payroll export stops at the last page",
                "problem": "Since the update this morning",
                "customer": "Brightwater Accounting",
            },
        ).json()
        client.post(
            f"/api/v1/ai-sessions/{session['id']}/handoff",
            json={"reason": "I cannot read the export log on the server, and pay day is today.", "priority": "high"},
        )
    wait_until("the toast", lambda: any(e["variant"] == "new" for e in desk.events("toast_shown")))
    _pause(1)
    desk.screenshot(shot)
    crop = ["-gravity", "SouthEast", "-crop", "404x220+0+0", "+repage"]
    backdrop = ["-fill", "#EBEEF0", "-fuzz", "4%", "-draw", "color 0,0 floodfill"]  # the empty screen is black
    subprocess.run(["convert", str(shot), *crop, *backdrop, str(shot)], check=True, timeout=20)


def main() -> None:
    """Take them all."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/screens")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fp-screens-") as name:
        root = Path(name)
        root.chmod(0o711)
        server = Server(None, root / "server", arguments=("demo", "--no-tray")).start()
        # Without a notification daemon the app shows its own toast, which is the same on every machine.
        desk = SeniorDesk(root / "desk", server.url, _token(server, SENIOR), daemon=False)
        try:
            junior = _token(server, JUNIOR)
            session_id, handoff_id = _vpn_session(server, junior)
            desk.start()
            wait_until("the digest of what waits already", lambda: desk.events("toast_shown"))
            _pause(1)
            desk.xdotool("mousemove", "1486", "954", "click", "1", "mousemove", "20", "500")  # Dismiss, and away
            _toast(desk, server, junior, folder / "toast.png")
            _window(desk, folder / "queue-window.png")
            asyncio.run(_session(server, JUNIOR, session_id, 800, folder / "session-waiting.png"))
            httpx.post(
                f"{server.url}/api/v1/handoffs/{handoff_id}/claim",
                headers={"Authorization": f"Bearer {_token(server, SENIOR)}"},
                trust_env=False,
            ).raise_for_status()
            asyncio.run(_session(server, SENIOR, session_id, 880, folder / "session-claimed.png"))
        finally:
            desk.stop()
            server.stop()


if __name__ == "__main__":
    main()
