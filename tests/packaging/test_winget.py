"""The winget manifests: read back as YAML, and held against the rules of the form, which no registry here carries."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from desktop.version import VERSION

ROOT = Path(__file__).parents[2]
COMMON = {
    "PackageIdentifier": r"[^\.\s\\/:\*\?\"<>\|]{1,32}(\.[^\.\s\\/:\*\?\"<>\|]{1,32}){1,7}",
    "PackageVersion": r"[^\\/:\*\?\"<>\|]{1,128}",
    "ManifestVersion": r"1\.(4|5|6|7|9|10)\.0",
}
INSTALLER = {
    "Architecture": r"x64",
    "InstallerType": r"msi|wix|nullsoft|exe",
    "InstallerUrl": r"https://\S{1,2000}",
    "InstallerSha256": r"[A-F0-9]{64}",
}
ONE_OF = {"Scope": {"user", "machine"}, "UpgradeBehavior": {"install", "uninstallPrevious", "deny"}}
EACH_OF = {
    "Platform": {"Windows.Desktop", "Windows.Universal"},
    "InstallModes": {"interactive", "silent", "silentWithProgress"},
}
ANSWERS = {"installInProgress", "rebootRequiredToFinish", "fileInUse", "downgrade", "alreadyInstalled", "custom"}
NEEDED = {
    "version": {"DefaultLocale"},
    "installer": {"Installers"},
    "defaultLocale": {"PackageLocale", "Publisher", "PackageName", "License", "ShortDescription"},
}
FORM = "1.9.0"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("winget")
    files = [folder / f"flowpilot-tray-{VERSION}-x64.msi", folder / f"flowpilot-tray-{VERSION}-x64-setup.exe"]
    for file in files:
        file.write_bytes(file.name.encode())
    command = [
        sys.executable,
        "packaging/windows/winget.py",
        "--url",
        "https://dl.example.com/fp/",
        "--out",
        str(folder),
    ]
    subprocess.run([*command, *map(str, files)], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return {file.name: YAML(typ="safe", pure=True).load(file.read_text()) for file in folder.glob("*.yaml")}


def test_each_manifest_has_what_the_form_asks_for(made: dict[str, Any]) -> None:
    assert {one["ManifestType"] for one in made.values()} == set(NEEDED)
    for one in made.values():
        assert NEEDED[one["ManifestType"]] <= set(one)
        for name, rule in COMMON.items():
            assert re.fullmatch(rule, one[name]), (name, one[name])
        assert (one["PackageVersion"], one["ManifestVersion"]) == (VERSION, FORM)


def test_each_installer_can_be_fetched_checked_and_recognised(made: dict[str, Any]) -> None:
    (manifest,) = (one for one in made.values() if one["ManifestType"] == "installer")
    for name, words in ONE_OF.items():
        assert manifest[name] in words
    for name, known in EACH_OF.items():
        assert set(manifest[name]) <= known
    codes = {one["InstallerReturnCode"]: one["ReturnResponse"] for one in manifest["ExpectedReturnCodes"]}
    assert (0 not in codes, set(codes.values()) <= ANSWERS) == (True, True)
    assert len(manifest["Installers"]) == 2
    for one in manifest["Installers"]:
        for name, rule in INSTALLER.items():
            assert re.fullmatch(rule, one[name]), (name, one[name])
        file = one["InstallerUrl"].rsplit("/", 1)[1]
        assert one["InstallerSha256"] == hashlib.sha256(file.encode()).hexdigest().upper()
    msi = json.dumps(manifest["Installers"])
    windows = (ROOT / "docs" / "deploy" / "windows.md").read_text()
    assert re.findall(r"\{[0-9A-F-]{36}\}", msi) == re.findall(r"\{[0-9A-F-]{36}\}", windows)
