"""Start at login: what is asked for is what is read back, on each system's own terms."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from desktop.platform.autostart import APPROVED_KEY, RUN_KEY, LaunchAgent, WindowsAutostart, XdgAutostart
from desktop.platform.program import this_program

COMMAND = ("/opt/my apps/flow$pilot/flowpilot-tray", "--profile", "50%")


def xdg(tmp_path: Path) -> XdgAutostart:
    return XdgAutostart(COMMAND, tmp_path / "user", (tmp_path / "system",))


def test_on_and_off_without_an_entry_of_the_computers(tmp_path: Path) -> None:
    autostart = xdg(tmp_path)
    assert not autostart.state().on
    autostart.set(on=True)
    assert xdg(tmp_path).state().on
    autostart.set(on=False)
    assert list((tmp_path / "user").iterdir()) == []


def test_the_desktop_file_starts_the_program_whatever_its_path_is_made_of(tmp_path: Path) -> None:
    xdg(tmp_path).set(on=True)
    path = tmp_path / "user" / "flowpilot-tray.desktop"
    # The specification's own order: unescape the string, then the quoted word.
    line = next(line for line in path.read_text().splitlines() if line.startswith("Exec="))
    value = line.removeprefix("Exec=").replace("\\\\", "\\")
    assert value == '"/opt/my apps/flow\\$pilot/flowpilot-tray" --profile 50%%'


def test_an_entry_of_the_computers_is_switched_off_and_on_by_the_user(tmp_path: Path) -> None:
    (tmp_path / "system").mkdir()
    (tmp_path / "system" / "flowpilot-tray.desktop").write_text("[Desktop Entry]\nExec=flowpilot-tray\n")
    autostart = xdg(tmp_path)
    assert autostart.state().on
    autostart.set(on=False)
    assert not autostart.state().on
    assert "Hidden=true" in (tmp_path / "user" / "flowpilot-tray.desktop").read_text()
    autostart.set(on=True)
    assert autostart.state().on
    assert not (tmp_path / "user" / "flowpilot-tray.desktop").exists(), "nothing stands over the computer's own"


@pytest.mark.parametrize(
    ("text", "on"),
    [
        ("[Desktop Entry]\nExec=x\nX-GNOME-Autostart-enabled=false\n", False),
        ("[Desktop Entry]\nExec=x %u\nHidden=TRUE\n", False),
        ("not a desktop file", False),
        ("[Desktop Entry]\nExec=x\n", True),
    ],
)
def test_what_a_desktops_own_tool_wrote_is_read_back(tmp_path: Path, text: str, *, on: bool) -> None:
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "flowpilot-tray.desktop").write_text(text)
    assert xdg(tmp_path).state().on is on


class FakeRegistry:
    def __init__(self) -> None:
        self.keys: dict[tuple[str, str], dict[str, object]] = {}

    def values(self, hive: str, key: str) -> Mapping[str, object]:
        return self.keys.get((hive, key), {})

    def write(self, hive: str, key: str, name: str, value: str) -> None:
        self.keys.setdefault((hive, key), {})[name] = value

    def delete(self, hive: str, key: str, name: str) -> None:
        self.keys.get((hive, key), {}).pop(name, None)


def test_on_windows_what_the_task_manager_turned_off_is_off_and_is_not_written_over() -> None:
    registry = FakeRegistry()
    autostart = WindowsAutostart(("C:\\Program Files\\FlowPilot\\flowpilot-tray.exe",), registry)
    autostart.set(on=True)
    assert registry.keys["HKCU", RUN_KEY] == {"FlowPilot": '"C:\\Program Files\\FlowPilot\\flowpilot-tray.exe"'}
    assert autostart.state().on
    registry.keys["HKCU", APPROVED_KEY] = {"FlowPilot": bytes([3, 0, 0, 0])}
    assert (autostart.state().on, autostart.state().held_by) == (False, "Turned off in the Task Manager")
    autostart.set(on=True)
    assert not autostart.state().on
    registry.keys["HKCU", APPROVED_KEY] = {"FlowPilot": bytes([2, 0, 0, 0])}
    assert autostart.state().on
    autostart.set(on=False)
    assert not autostart.state().on
    registry.keys["HKLM", RUN_KEY] = {"FlowPilot": "x"}
    assert autostart.state().held_by == "Set for everyone on this computer"


def test_on_macos_a_launch_agent_comes_and_goes(tmp_path: Path) -> None:
    agent = LaunchAgent(("/Applications/FlowPilot.app/x",), tmp_path / "agents")
    assert not agent.state().on
    agent.set(on=True)
    assert agent.state().on
    agent.set(on=False)
    assert not agent.state().on
    (tmp_path / "agents" / "com.flowpilot.tray.plist").write_text("broken")
    assert not agent.state().on


def test_it_starts_this_very_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert this_program("default") == (sys.executable, "-m", "desktop")
    assert this_program("second")[-2:] == ("--profile", "second")
