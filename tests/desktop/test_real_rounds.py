"""The policy's rounds on real parts: server and worker, tray app, notification daemon."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.conftest import Http, StartServer
from tests.support.flow import API, Owner
from tests.support.people import Crew
from tests.support.senior_desk import SeniorDesk, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


async def test_a_reminder_a_nudge_and_the_return_reach_the_senior_and_each_leaves_its_receipt(
    http: Http, people: Callable[..., Awaitable[Crew]], start_server: StartServer, database_url: str, tmp_path: Path
) -> None:
    crew = await people()
    server = await start_server(FLOWPILOT_WORKER="on")
    owner = Owner(database_url)
    desk = SeniorDesk(tmp_path / "desk", server.url, crew.engineer.token)

    async def later(handoff: str, minutes: int) -> None:
        """As if so many minutes had gone by for this hand-off."""
        span = f"interval '{minutes} minutes'"
        moved = ", ".join(f"{each} = {each} - {span}" for each in ("waiting_since", "claimed_at", "nudged_at"))
        await owner.fetch(f"update handoff set {moved} where id = $1", handoff)
        due = "update job set due_at = now() where handoff_id = $1 and kind in ('step', 'idle')"
        await owner.fetch(due, handoff)

    async def shown(handoff: str, rung: int, variant: str) -> None:
        """The tray app showed it, and the server knows it of this round."""

        def on_screen() -> bool:
            return any(each["variant"] == variant for each in desk.events("toast_shown"))

        await asyncio.to_thread(wait_until, f"a toast {variant}", on_screen)
        found = "select 1 from delivery where handoff_id = $1 and rung = $2 and channel = 'desktop' and state = 'shown'"
        async with asyncio.timeout(60):
            while not await owner.fetch(found, handoff, rung):  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.05)

    try:
        await asyncio.to_thread(desk.start)
        junior, senior = http(crew.technician, at=server), http(crew.engineer, at=server)
        new = {"title": "VPN to Leeds clinic drops every hour", "problem": "Hourly.", "customer": "Harlow Dental"}
        session = (await junior.post(f"{API}/ai-sessions", json=new)).json()["id"]
        body = {"reason": "I have no access to the firewall.", "priority": "high"}
        made = await junior.post(f"{API}/ai-sessions/{session}/handoff", json=body)
        handoff = made.json()["id"]
        await shown(handoff, 0, "new")
        await later(handoff, 6)
        await shown(handoff, 1, "reminder")
        assert (await senior.post(f"{API}/handoffs/{handoff}/claim")).status_code == 200
        await later(handoff, 16)
        await shown(handoff, 2, "nudge")
        await later(handoff, 40)
        await shown(handoff, 3, "handed_back")
        assert [each["variant"] for each in desk.events("toast_shown")] == ["new", "reminder", "nudge", "handed_back"]
    finally:
        await asyncio.to_thread(desk.stop)
