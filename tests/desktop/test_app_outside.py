"""The real tray app and the world around it: links, a second start, a network that hangs, a sleep that freezes it."""

import asyncio
import signal
import time
from pathlib import Path

import pytest

from tests.desktop.computer import WAIT_S, computer
from tests.desktop.rig import serving

ID = "01a21f19-be46-763c-b5ab-1d489ed7000c"
LINK = f"flowpilot://open/{ID}"


async def test_a_link_shows_the_escalation_in_the_app_that_runs_and_claims_nothing(tmp_path: Path) -> None:
    async with serving() as server, computer(tmp_path) as desk:
        await desk.start_desktop()
        await desk.start_app(server.url, "dana")
        await desk.milestone("live")
        server.escalate("Domain controller down", id=ID)
        await desk.desktop_event("notify")
        second = await desk.run_app(LINK)
        async with asyncio.timeout(WAIT_S):
            await second.wait()
        assert second.returncode == 0
        await desk.wait_for("the hand-off to be read", lambda: f"GET /handoffs/{ID}" in server.requests)
        await desk.wait_for_window("FlowPilot Escalations")
        hostile = await desk.run_app(f"flowpilot://claim/{ID}")
        assert await hostile.wait() == 2
        assert server.handoffs[ID]["status"] == "pending"
        assert not [asked for asked in server.requests if asked.endswith("/claim")]


_HANGS = """
import socket, time
def getaddrinfo(*_arguments, **_more):
    open({asked!r}, "a").close()
    time.sleep(60)
socket.getaddrinfo = getaddrinfo
"""


async def test_it_quits_at_once_though_every_name_lookup_hangs(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    (tmp_path / "sitecustomize.py").write_text(_HANGS.format(asked=str(asked)))
    async with computer(tmp_path) as desk:
        desk.environment["PYTHONPATH"] += f":{tmp_path}"
        await desk.start_desktop()
        app = await desk.start_app("https://flow.test", "dana")
        await desk.milestone("icon_visible")
        await desk.wait_for("a name to be looked up", asked.exists)
        began = time.monotonic()
        app.send_signal(signal.SIGTERM)
        async with asyncio.timeout(WAIT_S):
            await app.communicate()
        assert app.returncode == 0
        assert time.monotonic() - began < 30, "within a second, on a machine that is not busy; a look-up takes 60"


@pytest.mark.slow
async def test_an_app_that_was_frozen_finds_out_and_connects_anew(tmp_path: Path) -> None:
    """To the app a sleeping computer looks like this: time has passed, and nothing ran."""
    async with serving() as server, computer(tmp_path) as desk:
        await desk.start_desktop()
        app = await desk.start_app(server.url, "dana")
        await desk.milestone("live")
        app.send_signal(signal.SIGSTOP)
        handoff_id = server.escalate("While asleep")
        await asyncio.sleep(16)
        app.send_signal(signal.SIGCONT)
        await desk.milestone("woke_up")
        await desk.milestone("toast_shown", toast=handoff_id)
        await desk.wait_for("a second greeting", lambda: [e["event"] for e in desk.milestones()].count("live") == 2)
        shown = [e for e in desk.milestones() if e["event"] == "toast_called"]
        assert [e["toast"] for e in shown] == [handoff_id]
