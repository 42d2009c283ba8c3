"""A click on a `flowpilot:` link reaches this program, by the tools that a desktop itself uses."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.__main__ import main
from desktop.platform.scheme import CLASS_KEY, BundledLinkHandler, WindowsLinkHandler, XdgLinkHandler
from tests.desktop.test_platform_autostart import FakeRegistry

ID = "01a21f19-be46-763c-b5ab-1d489ed7000c"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A desktop of its own: what is opened there lands in `opened`."""
    for name in ("program", "pro gram"):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{tmp_path}/opened"\n')
        program.chmod(0o755)
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CURRENT_DESKTOP", raising=False)
    monkeypatch.setenv("BROWSER", "false")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


# xdg-open by itself parts the command at its spaces, quoted or not.
@pytest.mark.parametrize(("program", "opener"), [("program", ("xdg-open",)), ("pro gram", ("gio", "open"))])
def test_the_desktop_opens_a_link_with_this_program(home: Path, program: str, opener: tuple[str, ...]) -> None:
    if not all(map(shutil.which, (opener[0], "xdg-mime"))):
        pytest.skip(f"{opener[0]} and xdg-mime are not installed here")
    handler = XdgLinkHandler((str(home / program), "--profile", "second"))
    handler.register()
    link = f"flowpilot://open/{ID}"
    subprocess.run([*opener, link], check=True, capture_output=True, timeout=30, env={**os.environ, "DISPLAY": ":0"})
    opened = home / "opened"
    for _ in range(200):
        if opened.exists() and opened.read_text().endswith("\n"):
            break
        subprocess.run(["sleep", "0.05"], check=True)
    assert opened.read_text().splitlines() == ["--profile", "second", link]
    handler.unregister()
    assert not list((home / "XDG_DATA_HOME" / "applications").glob("flowpilot*"))


def test_the_command_registers_and_takes_it_back(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry = home / "XDG_DATA_HOME" / "applications" / "flowpilot-tray.desktop"
    assert main(["--register", "--data-dir", str(home / "data")]) == 0
    assert "MimeType=x-scheme-handler/flowpilot;" in entry.read_text()
    assert main(["--unregister", "--data-dir", str(home / "data")]) == 0
    assert not entry.exists()
    assert capsys.readouterr().out == ("flowpilot: links open here\nflowpilot: links do not open here any more\n")


def test_on_windows_the_link_is_one_quoted_word(home: Path) -> None:
    registry = FakeRegistry()
    handler = WindowsLinkHandler((r"C:\Program Files\FlowPilot\flowpilot-tray.exe",), registry)
    handler.register()
    command = registry.keys["HKCU", rf"{CLASS_KEY}\shell\open\command"][""]
    assert command == r'"C:\Program Files\FlowPilot\flowpilot-tray.exe" "%1"'
    assert registry.keys["HKCU", CLASS_KEY]["URL Protocol"] == ""
    handler.unregister()
    assert registry.keys["HKCU", rf"{CLASS_KEY}\shell\open\command"] == {}
    BundledLinkHandler().register()
    BundledLinkHandler().unregister()


@pytest.mark.parametrize(
    "arguments",
    [
        [f"flowpilot://claim/{ID}"],
        [f"flowpilot://open/{ID}", "--server", "https://evil.test"],
        ["--set", "proxy.url=http://evil.test", f"flowpilot://open/{ID}"],
        ["--token-stdin", f"flowpilot://open/{ID}"],
        ["--unregister", f"flowpilot://open/{ID}"],
        [f"flowpilot://open/{ID}", f"flowpilot://open/{ID}"],
        ["open", "sesame"],
    ],
)
def test_a_hostile_command_line_is_refused_in_one_line(arguments: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "desktop", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "FLOWPILOT_DATA_DIR": str(tmp_path / "data")},
    )
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert not (tmp_path / "data").exists(), "nothing is made for a link that is refused"
