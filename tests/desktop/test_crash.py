"""A run that fell is told of once, with what is known of it; one that ended well, or with the computer, is not."""

import asyncio
import json
import signal
from pathlib import Path

import pytest

from desktop import crash
from desktop.crash import CrashWatch
from tests.desktop.computer import WAIT_S, computer
from tests.desktop.rig import serving


async def test_after_a_crash_the_next_start_says_so_once_and_offers_the_diagnostics(tmp_path: Path) -> None:
    async with serving() as server, computer(tmp_path) as desk:
        await desk.start_desktop()
        app = await desk.start_app(server.url, "dana")
        await desk.milestone("live")
        app.send_signal(signal.SIGSEGV)
        await app.communicate()
        desk.events_path.unlink()
        again = await desk.start_app(server.url, "dana")
        told = await desk.desktop_event("notify", summary="FlowPilot ended unexpectedly last time")
        assert "Segmentation fault" in told["body"]
        await desk.command(f"press {told['id']} diagnostics")
        async with asyncio.timeout(WAIT_S):
            while "About and diagnostics" not in await desk.windows():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)
        again.send_signal(signal.SIGTERM)
        await again.communicate()
        assert again.returncode == 0
        desk.events_path.unlink()
        desk.desktop_events.clear()
        third = await desk.start_app(server.url, "dana")
        await desk.milestone("live")
        server.escalate("after")
        await desk.desktop_event("notify", summary="Normal: after")
        assert not [each for each in desk.desktop_events if "unexpectedly" in str(each.get("summary"))]
        third.send_signal(signal.SIGTERM)
        await third.communicate()
        assert "Segmentation fault" in (tmp_path / "data/tray/default/crash.log").read_text()


def test_a_computer_that_was_switched_off_is_no_crash_but_a_killed_app_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = CrashWatch(tmp_path)
    first.begin()
    assert first.last is None
    second = CrashWatch(tmp_path)
    second.begin()
    assert second.last is not None
    assert second.last.why == crash.UNKNOWN
    monkeypatch.setattr(crash, "_boot", lambda: "another boot")
    third = CrashWatch(tmp_path)
    third.begin()
    assert third.last is None
    for watch in (first, second, third):
        watch.end()
    assert not (tmp_path / "running.json").exists()
    (tmp_path / "running.json").write_text("{")
    fourth = CrashWatch(tmp_path)
    fourth.begin()
    assert fourth.last is None, "a marker that was cut off tells nothing"
    assert json.loads((tmp_path / "running.json").read_text())["boot"] == "another boot"
    fourth.end()
