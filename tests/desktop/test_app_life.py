"""The real tray app as a process: what it shows, what a click does, how it starts and ends."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.__main__ import main
from tests.desktop.computer import WAIT_S, computer
from tests.desktop.rig import serving
from tests.support.fake_server import LEE


async def test_claim_on_the_toast_opens_the_session_in_the_browser(tmp_path: Path) -> None:
    async with serving() as server, computer(tmp_path) as desk:
        await desk.start_desktop()
        app = await desk.start_app(server.url, "dana")
        await desk.desktop_event("tray-registered")
        await desk.milestone("live")
        handoff_id = server.escalate(priority="high")
        shown = await desk.desktop_event("notify")
        assert shown["summary"] == "High: VPN to Leeds clinic drops every hour"
        await server.until(lambda: server.receipts() == [(handoff_id, "shown")])
        await desk.tooltip("FlowPilot: 1 waiting, longest 0:")
        await desk.command(f"press {shown['id']} claim")
        await desk.milestone("opened", path="/go", opened=True)
        assert desk.opened_path.read_text().startswith(f"{server.url}/go#t=secret")
        replaced = await desk.desktop_event("replaced")
        assert replaced["body"] == "Opening the session in your browser. Mina has been told."
        app.send_signal(signal.SIGTERM)
        out, err = await app.communicate()
        assert (app.returncode, out) == (0, b"")
        everything = err.decode() + (tmp_path / "data/tray/default/tray.log").read_text() + desk.events_path.read_text()
        assert "dana" not in everything
        assert "secret" not in everything


async def test_a_toast_goes_when_claimed_elsewhere_and_all_go_when_the_app_ends(tmp_path: Path) -> None:
    async with serving() as server, computer(tmp_path) as desk:
        await desk.start_desktop()
        app = await desk.start_app(server.url, "dana")
        await desk.milestone("live")
        first = server.escalate("first")
        await desk.desktop_event("notify", summary="Normal: first")
        server.claim(first, LEE)
        await desk.desktop_event("closed-by-app", id=1)
        server.escalate("second")
        await desk.desktop_event("notify", summary="Normal: second")
        app.send_signal(signal.SIGINT)
        await desk.desktop_event("closed-by-app", id=2)
        await app.communicate()
        assert app.returncode == 0


async def test_a_second_start_raises_the_window_and_ends(tmp_path: Path) -> None:
    async with serving() as server, computer(tmp_path) as desk:
        await desk.start_desktop()
        await desk.start_app(server.url, "dana")
        await desk.milestone("live")
        assert "FlowPilot" not in await desk.windows()
        second = await desk.start_app(server.url, None)
        await second.communicate()
        assert second.returncode == 0
        async with asyncio.timeout(WAIT_S):
            while "FlowPilot Escalations" not in await desk.windows():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)


async def test_a_click_on_the_icon_opens_the_queue(tmp_path: Path) -> None:
    async with serving() as server, computer(tmp_path) as desk:
        await desk.start_desktop()
        await desk.start_app(server.url, "dana")
        await desk.milestone("live")
        await desk.command("activate")
        async with asyncio.timeout(WAIT_S):
            while "FlowPilot Escalations" not in await desk.windows():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)


async def test_a_tray_that_comes_up_after_the_app_gets_the_icon(tmp_path: Path) -> None:
    async with serving() as server, computer(tmp_path) as desk:
        await desk.start_app(server.url, "dana")
        assert not (await desk.milestone("icon_visible"))["system"]
        await desk.milestone("live")
        await desk.start_desktop()
        await desk.desktop_event("tray-registered")


async def test_without_a_notification_service_the_own_window_shows_it(tmp_path: Path) -> None:
    async with serving() as server, computer(tmp_path) as desk:
        await desk.start_app(server.url, "dana")
        await desk.milestone("live")
        handoff_id = server.escalate(priority="urgent")
        assert (await desk.milestone("toast_shown"))["how"] == "window"
        await server.until(lambda: server.receipts() == [(handoff_id, "shown")])


async def test_a_locked_screen_is_told_truly_and_at_the_unlock_what_waits_is_shown_again(tmp_path: Path) -> None:
    async with serving() as server, computer(tmp_path) as desk:
        await desk.start_desktop()
        await desk.start_app(server.url, "dana")
        await desk.milestone("live")
        await desk.command("lock")
        log = tmp_path / "data/tray/default/tray.log"
        await desk.wait_for("the app to hear of the lock", lambda: "cover over the screen: locked" in log.read_text())
        handoff_id = server.escalate(priority="high")
        await server.until(lambda: server.rounds(handoff_id) == [(0, "suppressed", "locked")])
        await desk.desktop_event("notify", summary="High: Harlow Dental Group", body="")
        await desk.command("unlock")
        await server.until(lambda: server.rounds(handoff_id)[1:] == [(0, "shown", None)])
        await desk.desktop_event("replaced", summary="High: Still waiting: VPN to Leeds clinic drops every hour")


async def test_an_app_that_starts_behind_a_lock_says_nothing_was_shown(tmp_path: Path) -> None:
    async with serving() as server, computer(tmp_path) as desk:
        handoff_id = server.escalate()
        await desk.start_desktop()
        await desk.command("lock")
        await desk.start_app(server.url, "dana")
        await server.until(lambda: server.rounds(handoff_id) == [(0, "suppressed", "locked")], WAIT_S)


async def test_without_a_token_it_asks_to_sign_in(tmp_path: Path) -> None:
    async with serving() as server, computer(tmp_path) as desk:
        await desk.start_desktop()
        await desk.start_app(server.url, None)
        async with asyncio.timeout(WAIT_S):
            while "FlowPilot" not in await desk.windows():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
        assert server.requests == []


async def test_a_server_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    async with serving() as server, computer(tmp_path) as desk:
        await desk.start_desktop()
        await server.stop()
        await desk.start_app(server.url, "dana")
        await desk.milestone("icon_visible")
        server.escalate("while nobody looked")
        await server.start()
        await desk.desktop_event("notify", summary="Normal: while nobody looked")


async def test_a_token_that_the_server_does_not_know_is_said_in_one_line_and_ends_it(tmp_path: Path) -> None:
    async with serving() as server, computer(tmp_path) as desk:
        await desk.start_desktop()
        app = await desk.start_app(server.url, "fpat_bad")
        async with asyncio.timeout(WAIT_S):
            out, err = await app.communicate()
        assert (app.returncode, out) == (2, b"")
        told = "The server does not know this token. Check that it is complete and has not expired."
        assert err.decode() == f"flowpilot-tray: {told}\n"
        data = tmp_path / "data/tray/default"
        assert told in (data / "tray.log").read_text()
        assert not (data / "profile.json").exists(), "nothing of a sign-in that failed is kept"


async def test_a_server_that_does_not_answer_is_said_once_and_waited_for(tmp_path: Path) -> None:
    async with serving() as server, computer(tmp_path) as desk:
        await desk.start_desktop()
        await server.stop()
        app = await desk.start_app(server.url, "dana")
        assert app.stderr is not None
        async with asyncio.timeout(WAIT_S):
            line = (await app.stderr.readline()).decode()
        assert line.startswith(f"flowpilot-tray: {server.url} does not answer (")
        await server.start()
        await desk.milestone("live")
        app.send_signal(signal.SIGTERM)
        _, rest = await app.communicate()
        assert b"does not answer" not in rest
        assert (tmp_path / "data/tray/default/tray.log").read_text().count("does not answer") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--bogus"], "unrecognized arguments: --bogus"),
        (["--server", "ftp://x"], "'ftp://x' is no server address"),
        (["--server", "https://user:pw@x"], "a server address has no user"),
        (["--profile", "../x"], "is no profile name"),
        (["--server", "https://x", "--token-stdin"], "standard input holds no personal access token"),
        (["--token-stdin"], "--token-stdin needs --server URL the first time"),
    ],
)
def test_bad_usage_is_one_plain_line_and_exit_2(arguments: list[str], words: str, tmp_path: Path) -> None:
    token = "" if "--server" in arguments else "fp_token"
    done = subprocess.run(
        [sys.executable, "-m", "desktop", *arguments],
        input=f"{token}\n",
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "FLOWPILOT_DATA_DIR": str(tmp_path)},
    )
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert words in line
    assert done.stdout == ""


def test_a_data_dir_that_cannot_be_written_is_said_plainly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as ended:
        main(["--data-dir", str(tmp_path / "file"), "--server", "https://x"])
    assert ended.value.code == 2
    assert "cannot write in" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("flowpilot-tray ")


def test_a_policy_keeps_the_app_of_everybodys_autostart_entry_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An administrator who switched it off finds a tray icon on every computer after each login."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    start = ["--data-dir", str(tmp_path), "--server", "https://flowpilot.example", "--autostart"]
    assert main([*start, "--set", "start_at_login=false"]) == 0
    assert capsys.readouterr().err == ""
    assert main(start) == 1
    assert "no display" in capsys.readouterr().err
