"""What an installer on Windows does with the running ones, against a system of this file: Wine tries the real calls."""

import contextlib
import sys
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace

import pytest

from desktop.platform import at_restart
from desktop.platform.at_restart import without
from desktop.platform.make_way import KEY, is_asked, make_way, start_in_sessions
from desktop.platform.windows_sessions import Running

PROGRAM = Path("flowpilot-tray.exe")
OWN = 7


class Machine:
    """Registry and sessions. A running one that is `well` ends once it is asked."""

    def __init__(self, *running: Running, well: bool = True) -> None:
        self.kept: dict[str, object] = {}
        self.processes = [Running(OWN, 0), *running]
        self.well = well
        self.killed: list[int] = []
        self.started: list[tuple[int, tuple[str, ...]]] = []
        self.closed: set[int] = set()

    def values(self, _hive: str, key: str) -> dict[str, object]:
        assert key == KEY
        return dict(self.kept)

    def write(self, _hive: str, _key: str, name: str, value: str) -> None:
        self.kept[name] = value

    def delete(self, _hive: str, _key: str, name: str) -> None:
        self.kept.pop(name, None)

    def signed_in(self) -> list[int]:
        return [1, 3, 4]

    def running(self, program: Path) -> list[Running]:
        assert program == PROGRAM
        return list(self.processes)

    def kill(self, process: int) -> None:
        self.killed.append(process)
        self.processes = [one for one in self.processes if one.process != process]

    def start(self, session: int, command: tuple[str, ...]) -> None:
        if session in self.closed:
            raise OSError(5, "Access is denied")
        self.started.append((session, command))

    def pause(self, _seconds: float) -> None:
        if self.well and is_asked(self):
            self.processes = [one for one in self.processes if one.process == OWN]


def test_running_ones_are_asked_and_where_they_ran_they_run_again() -> None:
    machine = Machine(Running(20, 1), Running(24, 3))
    make_way(machine, machine, PROGRAM, OWN, machine.pause)
    assert machine.killed == []
    assert not is_asked(machine)  # else the next start would end at once
    assert start_in_sessions(machine, machine, PROGRAM) == []
    at_login = (str(PROGRAM), "--autostart")  # it looks at the user's setting and may stay away
    assert machine.started == [(1, (str(PROGRAM),)), (3, (str(PROGRAM),)), (4, at_login)]
    assert machine.kept == {}


def test_one_that_hangs_is_ended_in_time() -> None:
    machine = Machine(Running(20, 1), well=False)
    make_way(machine, machine, PROGRAM, OWN, machine.pause, patience_s=2.0)
    assert machine.killed == [20]
    assert not is_asked(machine)


def test_a_session_that_is_closed_to_us_does_not_keep_the_others_from_theirs() -> None:
    machine = Machine()
    machine.closed = {1}
    assert start_in_sessions(machine, machine, PROGRAM) == ["session 1: Access is denied"]
    assert [session for session, _command in machine.started] == [3, 4]


def test_who_may_not_write_the_machines_registry_ends_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(Running(20, 1))

    def refused(*_words: str) -> None:
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(machine, "write", refused)
    with pytest.raises(PermissionError):
        make_way(machine, machine, PROGRAM, OWN, machine.pause)
    assert machine.killed == []


def test_a_restart_deletes_no_file_of_what_was_installed_again() -> None:
    """And leaves alone what other programs, and an upgrade that waits for it, have told the system to do."""
    place = "\\??\\C:\\Program Files\\"
    others = (f"{place}FlowPilot Other\\x.dll", "", f"{place}Other\\a.new", f"!{place}Other\\a")
    upgrade = (f"{place}FlowPilot\\b.dll", "", f"{place}FlowPilot\\b.dll.new", f"!{place}FlowPilot\\b.dll")
    removal = (f"{place}flowpilot\\_internal\\c.pem", "", f"{place}FlowPilot", "")
    folder = PureWindowsPath(r"C:\Program Files\FlowPilot")
    assert without([*removal, *others, *upgrade], folder) == [*others, *upgrade]
    assert without(removal, folder) == []
    assert without([], folder) == []


@pytest.mark.parametrize(
    ("orders", "left"),
    [
        (["\\??\\C:\\FlowPilot\\a", ""], None),
        (["\\??\\C:\\FlowPilot\\a", "", "\\??\\C:\\b", ""], ["\\??\\C:\\b", ""]),
        (["\\??\\C:\\b", ""], ["\\??\\C:\\b", ""]),
        (None, None),
    ],
)
def test_the_machines_orders_are_written_only_where_one_is_taken_back(
    monkeypatch: pytest.MonkeyPatch, orders: list[str] | None, left: list[str] | None
) -> None:
    """Programs that guard a computer may refuse to have them written: who changes nothing must not ask for it."""
    kept = {"PendingFileRenameOperations": orders} if orders is not None else {}
    asked: list[int] = []

    def opened(_hive: int, _key: str, _reserved: int = 0, right: int = 0) -> contextlib.nullcontext[None]:
        asked.append(right)
        return contextlib.nullcontext()

    def value(_key: None, name: str) -> tuple[list[str], int]:
        if name not in kept:
            raise FileNotFoundError
        return kept[name], 7

    api = SimpleNamespace(
        HKEY_LOCAL_MACHINE=1,
        KEY_SET_VALUE=2,
        OpenKey=opened,
        QueryValueEx=value,
        SetValueEx=lambda _key, name, _reserved, _kind, words: kept.update({name: words}),
        DeleteValue=lambda _key, name: kept.pop(name),
    )
    monkeypatch.setitem(sys.modules, "winreg", api)
    at_restart.keep(Path("C:\\FlowPilot"))
    assert kept.get("PendingFileRenameOperations") == left
    assert (2 in asked) is (orders != left)
