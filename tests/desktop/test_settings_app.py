"""Settings in the real app: quiet hours, sound, scope and theme act at once, in a process with a real session bus."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.desktop.computer import WAIT_S, Computer, computer
from tests.desktop.rig import serving

ALL_DAY = {"quiet.enabled": True, "quiet.from": "00:00", "quiet.to": "00:00"}


def keep(desk: Computer, **values: Any) -> Path:
    """As another tool would write the user's file."""
    path = desk.folder / "data" / "tray" / "default" / "settings.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps({name.replace("__", "."): value for name, value in values.items()}))
    new.replace(path)
    return path


async def test_quiet_hours_hold_and_end_and_urgent_comes_through_without_a_restart(tmp_path: Path) -> None:
    async with serving() as server, computer(tmp_path) as desk:
        await desk.start_desktop()
        keep(desk, **ALL_DAY)
        await desk.start_app(server.url, "dana")
        await desk.milestone("live")
        held = server.escalate("held", priority="high")
        await server.until(lambda: server.rounds(held) == [(0, "suppressed", "quiet hours")])
        await desk.tooltip("FlowPilot: quiet hours. 1 waiting")
        server.escalate("through", priority="urgent")
        await desk.desktop_event("notify", summary="Urgent: through")
        keep(desk, quiet__enabled=False)
        await desk.desktop_event("notify", summary="High: held")
        await server.until(lambda: server.rounds(held)[1:] == [(0, "shown", None)])


async def test_only_for_me_keeps_the_rest_away_and_tells_the_server(tmp_path: Path) -> None:
    async with serving() as server, computer(tmp_path) as desk:
        await desk.start_desktop()
        await desk.start_app(server.url, "dana", "--set", "notify.scope=mine")
        await desk.milestone("live")
        nobodys = server.escalate("nobody's")
        await server.until(lambda: server.rounds(nobodys) == [(0, "suppressed", "notifications off")])
        assert [event for event in desk.desktop_events if event["event"] == "notify"] == []


async def test_the_sound_is_ours_and_repeats_until_the_toast_is_acted_on(tmp_path: Path) -> None:
    async with serving() as server, computer(tmp_path) as desk:
        tools, heard = tmp_path / "tools", tmp_path / "heard"
        tools.mkdir()
        (tools / "paplay").write_text(f'#!/bin/sh\necho "$1" >> "{heard}"\n')
        (tools / "paplay").chmod(0o755)
        desk.environment["PATH"] = f"{tools}:{desk.environment['PATH']}"
        await desk.start_desktop()
        await desk.start_app(server.url, "dana", "--set", "sound.repeat_s=10")
        await desk.milestone("live")
        server.escalate("now", priority="urgent")
        shown = await desk.desktop_event("notify", summary="Urgent: now")
        assert shown["hints"]["suppress-sound"] is True, "the service is silent: the sound is ours"
        notes = str(tmp_path / "data" / "tray" / "default" / "sounds" / "notes-3.wav")
        await desk.wait_for("the sound", lambda: heard.exists() and heard.read_text().split() == [notes])
        await desk.wait_for("its repeat", lambda: heard.read_text().split() == [notes] * 2)
        await desk.command(f"press {shown['id']} view")
        await desk.desktop_event("closed-by-app", id=shown["id"])


async def test_without_a_player_the_notification_carries_the_sounds_file(tmp_path: Path) -> None:
    async with serving() as server, computer(tmp_path) as desk:
        await desk.start_desktop()
        await desk.start_app(server.url, "dana")
        await desk.milestone("live")
        server.escalate("now", priority="high")
        shown = await desk.desktop_event("notify", summary="High: now")
        sound = await asyncio.to_thread(Path(shown["hints"]["sound-file"]).read_bytes)
        assert sound[:4] == b"RIFF"


async def test_the_settings_open_from_the_icons_menu_and_a_second_start_prints_them(tmp_path: Path) -> None:
    async with serving() as server, computer(tmp_path) as desk:
        await desk.start_desktop()
        path = keep(desk, theme="dark")
        await desk.start_app(server.url, "dana")
        await desk.milestone("live")
        second = await desk.start_app(server.url, None, "--print-settings")
        out, _ = await second.communicate()
        assert f"theme                = dark  (user: {path})" in out.decode().splitlines()
        await desk.command("menu Settings")
        async with asyncio.timeout(WAIT_S):
            while "Settings" not in await desk.windows():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
        await desk.command("menu About and diagnostics")
        async with asyncio.timeout(WAIT_S):
            while "About and diagnostics" not in await desk.windows():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)


async def test_the_global_shortcut_opens_the_queue_and_gives_its_keys_back(tmp_path: Path) -> None:
    async with serving() as server, computer(tmp_path) as desk:
        await desk.start_desktop()
        keep(desk, hotkey="Ctrl+Shift+E")
        await desk.start_app(server.url, "dana")
        await desk.milestone("live")

        async def press_until_open() -> None:
            async with asyncio.timeout(WAIT_S):
                while "FlowPilot Escalations" not in await desk.windows():
                    keys = await desk._spawn("xdotool", "key", "ctrl+shift+e")
                    await keys.wait()
                    await asyncio.sleep(0.1)

        await press_until_open()
