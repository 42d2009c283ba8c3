"""What lies in packaging/macos: there is no macOS here, so each file is read, and held against the program."""

import ast
import importlib.util
import plistlib
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.core.links import SCHEME
from desktop.settings.managed import DOMAIN
from desktop.version import VERSION

MACOS = Path(__file__).parents[2] / "packaging" / "macos"
SPEC = MACOS.parents[1] / "build.spec"


def info() -> dict[str, object]:
    spec = importlib.util.spec_from_file_location("app_info", MACOS / "app_info.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, object] = module.info_plist(VERSION)
    return found


def test_the_app_lives_in_the_menu_bar_and_takes_our_links() -> None:
    plist = plistlib.loads(plistlib.dumps(info()))
    assert (plist["LSUIElement"], plist["LSAppNapIsDisabled"]) == (True, True)
    assert plist["CFBundleIdentifier"] == DOMAIN, "preferences, policy and notifications hang on it"
    assert plist["CFBundleURLTypes"][0]["CFBundleURLSchemes"] == [SCHEME]
    assert plist["CFBundleShortVersionString"] == VERSION


def test_the_specification_makes_the_app_from_it() -> None:
    ast.parse(SPEC.read_text())
    assert "info_plist=info_plist(VERSION)" in SPEC.read_text()


def test_entitlements_and_login_item_are_property_lists() -> None:
    rights = plistlib.loads((MACOS / "entitlements.plist").read_bytes())
    assert "com.apple.security.cs.disable-library-validation" not in rights, "others' libraries stay out"
    assert "com.apple.security.get-task-allow" not in rights, "notarisation refuses it"
    login = plistlib.loads((MACOS / "login-item.plist").read_bytes())
    assert login["ProgramArguments"][1:] == ["--autostart"], "so that the setting and the policy are obeyed"
    assert "KeepAlive" not in login, "Quit is Quit"


@pytest.mark.skipif(sys.platform != "linux", reason="the checker is installed on Linux")
def test_the_scripts_are_clean() -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    scripts = [MACOS / "build.sh", MACOS / "scripts" / "postinstall"]
    done = subprocess.run([shellcheck, *scripts], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert all(script.stat().st_mode & 0o111 for script in scripts)


def test_nothing_comes_into_the_app_after_it_is_signed() -> None:
    """A late copy breaks the signature; the system then refuses notifications without a word."""
    lines = (MACOS / "build.sh").read_text().splitlines()
    verified = next(number for number, line in enumerate(lines) if "codesign --verify" in line)
    late = [line for line in lines[verified:] if '"$app/' in line or ("cp " in line and "$app" in line)]
    assert late == []
