"""An upgrade under a running app: it notices, waits for the installer to be done, and becomes the new one."""

import json
import os
import subprocess
import sys
from pathlib import Path

from desktop.platform.renewed import Renewed

_START = """
import json, os, sys
from desktop.platform import renewed
os.execve = lambda file, arguments, environment: print(json.dumps([arguments, environment]))
renewed.start_again(sys.argv[1:])
"""


def test_a_replaced_program_is_noticed_once_the_installer_is_done(tmp_path: Path) -> None:
    program, new = tmp_path / "flowpilot-tray", tmp_path / "flowpilot-tray.dpkg-new"
    program.write_bytes(b"old")
    renewed = Renewed(program)
    assert [renewed.look(), renewed.look()] == [False, False]
    new.write_bytes(b"half")
    new.replace(program)
    assert not renewed.look()  # it has only just come
    program.write_bytes(b"whole now")
    os.utime(program, (1, 1))
    assert not renewed.look()
    assert renewed.look()


def test_a_removed_program_is_no_upgrade(tmp_path: Path) -> None:
    """Becoming a program that is not there would end the only notifications that this user gets."""
    program = tmp_path / "flowpilot-tray"
    program.write_bytes(b"old")
    renewed = Renewed(program)
    program.unlink()
    assert [renewed.look(), renewed.look()] == [False, False]


def test_the_new_one_is_told_what_the_old_one_was_told() -> None:
    """Profile and server stay; a token on standard input and a link are not there a second time."""
    told = ["--profile", "night", "--autostart", "--token-stdin", "--server", "https://x", "flowpilot://open/1"]
    done = subprocess.run([sys.executable, "-c", _START, *told], capture_output=True, text=True, check=True)
    arguments, environment = json.loads(done.stdout)
    assert arguments[1:] == ["--profile", "night", "--server", "https://x"]
    assert environment["PYINSTALLER_RESET_ENVIRONMENT"] == "1"
