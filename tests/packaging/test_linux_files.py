"""What lies in packaging/linux: each file is read by the system's own tool, or held against the program."""

import json
import os
import re
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from desktop.core.links import is_link
from desktop.settings.schema import BY_NAME
from tests.packaging.documented import PAGES

LINUX = Path(__file__).parents[2] / "packaging" / "linux"


@pytest.mark.parametrize("name", ["flowpilot-tray.desktop", "autostart.desktop"])
def test_desktop_files_are_what_the_desktop_reads(name: str) -> None:
    done = subprocess.run(["desktop-file-validate", str(LINUX / name)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_links_lead_to_the_program_and_logins_start_it_by_the_policys_leave() -> None:
    menu, login = ConfigParser(interpolation=None), ConfigParser(interpolation=None)
    menu.read(LINUX / "flowpilot-tray.desktop")
    login.read(LINUX / "autostart.desktop")
    assert menu["Desktop Entry"]["MimeType"] == "x-scheme-handler/flowpilot;"
    assert is_link("flowpilot://open/x")
    assert menu["Desktop Entry"]["Exec"] == "/usr/bin/flowpilot-tray %u"
    assert login["Desktop Entry"]["Exec"] == "/usr/bin/flowpilot-tray --autostart"


def test_the_example_policy_names_settings_that_exist() -> None:
    """An administrator who starts from it must not wonder why nothing happens."""
    (page,) = re.findall(r"`(\{.*\})`", (PAGES / "linux.md").read_text())
    for text in ((LINUX / "policy-example.json").read_text(), page):
        for name, value in json.loads(text).items():
            BY_NAME[name].accept(value)


def test_both_packages_ask_for_the_systems_own_openssl() -> None:
    """The bundle leaves it out, so that its vendor keeps it patched; without it nothing connects."""
    lines = [line.strip() for line in (LINUX / "nfpm.yaml").read_text().splitlines()]
    debian, rpm = lines.index("deb:"), lines.index("rpm:")
    assert "- libssl3 | libssl3t64" in lines[debian:rpm]
    assert "- libssl.so.3()(64bit)" in lines[rpm:]


@pytest.mark.parametrize("name", ["after-install.sh", "before-remove.sh"])
@pytest.mark.parametrize("word", ["upgrade", "2", "abort-upgrade", ""])
def test_scripts_do_nothing_on_an_upgrade(name: str, word: str) -> None:
    """A running app starts itself again by itself; a script that ended it would lose its user's notifications."""
    script = LINUX / "scripts" / name
    done = subprocess.run(["sh", str(script), word], capture_output=True, text=True, check=False, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


_LOGINCTL = """
case "$1" in
    list-sessions) printf '%s\\n' '2 1000 dana seat0' '  4 1001 lee' '5 1002 tom tty3' 'c1 120 gdm seat0' ;;
    show-session)
        case "$2 $3" in
            "2 --property=Type") echo wayland ;; "4 --property=Type") echo x11 ;; "5 --property=Type") echo tty ;;
            "c1 --property=Type") echo x11 ;; "2 --property=Name") echo dana ;; "4 --property=Name") echo lee ;;
            "5 --property=Name") echo tom ;; "c1 --property=Name") echo gdm ;; "c1 --property=Class") echo greeter ;;
            *) echo user ;;
        esac ;;
esac
"""


@pytest.mark.parametrize("words", [["configure", ""], ["1"]], ids=["deb", "rpm"])
def test_installed_first_it_is_started_for_whoever_sits_before_a_desktop(tmp_path: Path, words: list[str]) -> None:
    """Not at the next login only; for nobody at a text terminal, and not for the login screen."""
    started = tmp_path / "started"
    for name, does in (("loginctl", _LOGINCTL), ("systemd-run", f'echo "$*" >> {started}')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    script = ["sh", str(LINUX / "scripts" / "after-install.sh"), *words]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False, timeout=20)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"--machine=(\S+)@\.host (.*)", started.read_text()) == [
        ("dana", "/usr/bin/flowpilot-tray --autostart"),
        ("lee", "/usr/bin/flowpilot-tray --autostart"),
    ]
