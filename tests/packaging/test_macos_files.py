"""What lies in packaging/macos: there is no macOS here, so each file is read, and held against the program."""

import ast
import importlib.util
import os
import plistlib
import shutil
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


_STAND_INS = {
    "uname": "echo Darwin",
    "file": 'case "$2" in *.txt | *.pyc) echo "ASCII text" ;; *) echo "Mach-O 64-bit dynamically linked" ;; esac',
    "codesign": 'printf "%s\\n" "$*" >> "$SIGNED"',
    "python": 'case "$1" in -c) echo 1.2.3 ;; *) . ./freeze ;; esac',
} | dict.fromkeys(["ditto", "pkgbuild", "plutil", "productbuild", "xcrun", "spctl", "shasum"], ":")


def test_every_library_is_signed_by_us_before_the_app_is(tmp_path: Path) -> None:
    """One that is not, and notarisation refuses the app; frameworks' libraries have names without an ending."""
    (tmp_path / "packaging" / "macos").mkdir(parents=True)
    for name in ("build.sh", "login-item.plist"):
        shutil.copy(MACOS / name, tmp_path / "packaging" / "macos" / name)
    libraries = ["QtCore.framework/Versions/A/QtCore", "Python", "lib b.dylib", "_ssl.so"]
    made = ["MacOS/flowpilot-tray", "Resources/note.txt", *(f"Frameworks/{name}" for name in libraries)]
    app = "build/macos/FlowPilot Escalations.app"
    (tmp_path / "freeze").write_text(
        "".join(f'mkdir -p "$(dirname "{app}/Contents/{name}")"; : > "{app}/Contents/{name}"\n' for name in made)
    )
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, does in _STAND_INS.items():
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHON": str(programs / "python"),
        "SIGNED": str(tmp_path / "signed"),
        "MACOS_APP_IDENTITY": "Developer ID Application: Somebody",
    }
    done = subprocess.run(
        ["bash", "packaging/macos/build.sh"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    *first, last, verified = (tmp_path / "signed").read_text().splitlines()
    assert {line.partition("/Contents/")[2] for line in first} == {f"Frameworks/{name}" for name in libraries}
    assert last.endswith(
        f"--entitlements packaging/macos/entitlements.plist --sign {environment['MACOS_APP_IDENTITY']} {app}"
    )
    assert verified.startswith("--verify")


def test_an_upgrade_goes_to_where_the_login_item_looks() -> None:
    """By default the system's installer follows the app to wherever a copy of it lies."""
    text = (MACOS / "build.sh").read_text()
    assert "-replace 0.BundleIsRelocatable -bool NO" in text
    assert '--component-plist "$work/components.plist"' in text
    login = plistlib.loads((MACOS / "login-item.plist").read_bytes())
    assert login["ProgramArguments"][0].startswith("/Applications/FlowPilot Escalations.app/")


def test_nothing_comes_into_the_app_after_it_is_signed() -> None:
    """A late copy breaks the signature; the system then refuses notifications without a word."""
    lines = (MACOS / "build.sh").read_text().splitlines()
    verified = next(number for number, line in enumerate(lines) if "codesign --verify" in line)
    late = [line for line in lines[verified:] if '"$app/' in line or ("cp " in line and "$app" in line)]
    assert late == []
