"""What the Windows installers write, held against what the tray app reads; and each other's tables."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import build as windows_build
import fetch
import icons
import msi
import nsis
import pip
import product
import pytest

from desktop.__main__ import FOR_INSTALLERS
from desktop.core.links import SCHEME
from desktop.platform import make_way
from desktop.platform.autostart import RUN_KEY, WindowsAutostart
from desktop.platform.windows_identity import APP_ID
from desktop.settings.registry import MACHINE_KEY, RegistryKey
from desktop.settings.schema import BY_NAME
from desktop.version import VERSION

ROOT = Path(__file__).parents[2]
PROGRAM = Path(pip.__file__).parent / "_vendor" / "distlib" / "w64.exe"
GIVEN = {
    "SERVERURL": "https://flowpilot.example.com",
    "ACCOUNT": "NORTHWIND-7",
    "AUTOSTART": "0",
    "PROXY": "http://proxy:3128",
    "CAFILE": r"C:\authorities.pem",
    "UPDATECHANNEL": "early",
}


class Written:
    """A registry that holds what an installer wrote."""

    def __init__(self) -> None:
        self.kept: dict[str, object] = {}
        for one in product.PROPERTIES:
            self.kept[one.value_name] = GIVEN[one.name]
            self.kept |= dict([one.also]) if one.also else {}

    def values(self, _hive: str, key: str) -> Mapping[str, object]:
        return self.kept if key == MACHINE_KEY else {}

    def write(self, *_words: str) -> None:
        raise NotImplementedError

    def delete(self, *_words: str) -> None:
        raise NotImplementedError


def test_every_property_of_the_installers_is_a_machine_default_that_the_app_takes() -> None:
    [part], trouble = RegistryKey(Written(), product.MACHINE_KEY, "machine").read()
    assert trouble == []
    assert {name: BY_NAME[name].accept(value) for name, value in part.values.items()} == {
        "server": "https://flowpilot.example.com",
        "account": "NORTHWIND-7",
        "start_at_login": False,
        "proxy.url": "http://proxy:3128",
        "proxy.mode": "manual",
        "ca_file": r"C:\authorities.pem",
        "update.channel": "early",
    }


def test_installers_and_app_mean_the_same_places() -> None:
    assert product.MACHINE_KEY == MACHINE_KEY
    assert product.PROGRAM_KEY == make_way.KEY
    assert product.RUN_KEY == RUN_KEY
    assert product.APP_ID == APP_ID
    assert product.SCHEME == SCHEME
    assert (product.MAKE_WAY, product.START, product.KEEP) == FOR_INSTALLERS
    autostart = WindowsAutostart(("x",), Written())
    assert autostart._name == product.RUN_NAME


def test_what_windows_knows_the_product_by_never_changes() -> None:
    """Another upgrade code, and every computer would have the app twice."""
    assert product.UPGRADE_CODE == "5C0F2B7E-3F0B-4B57-9E5D-8B7C3B0D6A41"
    assert product.product_code("0.1.0") == "4E8A4328-F4AF-54AB-B277-B85B5E37D7D5"
    assert product.product_code("0.1.1") != product.product_code("0.1.0")
    for version in ("1.2", "1.2.3.4", "300.1.1", "1.2.3-rc1"):
        with pytest.raises(ValueError, match="no version of Windows Installer"):
            product.checked_version(version)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "flowpilot-tray"
    (folder / "_internal").mkdir(parents=True)
    shutil.copy(PROGRAM, folder / product.PROGRAM)
    (folder / "_internal" / "part.dll").write_bytes(b"part")
    return folder


def _icon(folder: Path) -> Path:
    (folder / "an.ico").write_bytes(b"\0\0\1\0\0\0")
    return folder / "an.ico"


@pytest.mark.skipif(shutil.which("wixl") is None, reason="wixl is not installed")
def test_the_packages_tables_say_what_its_builder_has_no_words_for(bundle: Path, tmp_path: Path) -> None:
    package = tmp_path / "tray.msi"
    msi.build(bundle, _icon(tmp_path), package, tmp_path / "work", version=VERSION, name=product.NAME)

    def table(name: str) -> dict[str, list[str]]:
        said = subprocess.run(["msiinfo", "export", str(package), name], capture_output=True, text=True, check=True)
        return {row.split("\t")[0]: row.rstrip("\r").split("\t")[1:] for row in said.stdout.split("\n")[3:] if row}

    components = table("Component")
    assert components["Login"][3] == 'NOT (AUTOSTART = "0")'
    for one in product.PROPERTIES:
        assert components[one.name][2:4] == ["260", one.name]  # 64-bit, only when it is given
    assert {row[3] for row in table("RegLocator").values()} == {"18"}  # the 64-bit view of the registry
    secure = table("Property")["SecureCustomProperties"][0].split(";")
    assert {one.name for one in product.PROPERTIES} < set(secure)
    sequence = {name: int(row[1]) for name, row in table("InstallExecuteSequence").items()}
    kept = [sequence[f"Keep{one.name}"] for one in product.PROPERTIES]
    assert sequence["AppSearch"] < min(kept) <= max(kept) < sequence["LaunchConditions"]
    assert sequence["CostFinalize"] < sequence["RunOld"] < sequence["InstallValidate"]
    assert sequence["InstallFinalize"] < min(sequence["RunNew"], sequence["RunKeep"])
    assert table("MsiShortcutProperty")["AppId"][1:] == ["System.AppUserModel.ID", product.APP_ID]
    assert table("Property")["UpgradeCode"] == [f"{{{product.UPGRADE_CODE}}}"]


@pytest.mark.skipif(shutil.which("makensis") is None, reason="makensis is not installed")
def test_the_set_up_program_compiles_without_a_warning_as_one_of_64_bits(
    bundle: Path, tmp_path: Path, qapp: object
) -> None:
    """The 32-bit stub does nothing at all on a system without 32-bit libraries, and says that it has succeeded."""
    made = tmp_path / "flowpilot-setup.exe"
    nsis.build(bundle, icons.make(tmp_path / "icons")[-1], made, tmp_path / "work", version=VERSION, name=product.NAME)
    data = made.read_bytes()
    machine = data[int.from_bytes(data[0x3C:0x40], "little") + 4 :][:2]
    assert machine == b"\x64\x86"


def test_both_installers_write_the_same_places(tmp_path: Path) -> None:
    script = nsis.script(tmp_path, tmp_path / "an.ico", tmp_path / "x.exe", version=VERSION, name=product.NAME)
    by_setup = set(re.findall(r'WriteRegStr HKLM "([^"]*)" "([^"]*)"', script))
    source = msi.source(VERSION, product.NAME)
    by_package = {(one.get("Key"), one.get("Name", "")) for one in source.iter("RegistryValue")}
    own = {(product.UNINSTALL_KEY, name) for key, name in by_setup if key == product.UNINSTALL_KEY}
    assert by_setup - own == by_package - {(product.PROGRAM_KEY, "Shortcut")}
    removed = set(re.findall(r'DeleteRegValue HKLM "([^"]*)" "([^"]*)"', script.partition('Section "Uninstall"')[2]))
    whole = set(re.findall(r'DeleteRegKey HKLM "([^"]*)"', script))
    left = {(key, name) for key, name in by_setup if not any(key.startswith(one) for one in whole)} - removed
    assert left == set()


def test_what_the_test_build_is_made_of_comes_from_the_lock_with_its_hashes() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    names = frozenset({"pyside6-essentials", "httpx", "dbus-fast", "pyinstaller"})
    wanted = fetch.windows_requirements(lock, names)
    pins = re.findall(r"(?m)^([a-z0-9.-]+)==", wanted)
    assert {"pyside6-essentials", "httpx", "pyinstaller", "pywin32-ctypes"} <= set(pins)
    assert "dbus-fast" not in pins
    assert ";" not in wanted
    assert all("--hash=sha256:" in entry for entry in re.split(r"(?m)^(?=[a-z])", wanted) if entry)


def test_a_release_is_not_signed_without_a_time_stamp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Windows would refuse it on the day on which the certificate ends, on every computer that has it."""
    for name in ("CERTIFICATE", "KEY"):
        monkeypatch.setenv(f"FLOWPILOT_SIGN_{name}", str(tmp_path / "x.pem"))
    monkeypatch.delenv("FLOWPILOT_SIGN_TIMESTAMP", raising=False)
    monkeypatch.setattr(windows_build, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["build.py", "--out", str(tmp_path), "--bundle", str(tmp_path / "bundle")])
    assert windows_build.main() == 1
    assert "FLOWPILOT_SIGN_TIMESTAMP is not set" in capsys.readouterr().err


_SAID = """
Current message digest    : {is_now}
Calculated message digest : AB12

Signer's certificate:
	------------------
	Signer #0:
		Subject: /C=US/O=Somebody/CN={signer}
"""


@pytest.mark.parametrize(
    ("is_now", "signer", "doubt"),
    [
        ("AB12", "Python Software Foundation", None),
        ("AB13", "Python Software Foundation", "the signature is not of this file"),
        ("AB12", "Somebody Else", "signed by Somebody Else"),
    ],
)
def test_an_interpreter_of_anybody_elses_is_not_used(is_now: str, signer: str, doubt: str | None) -> None:
    assert fetch._doubt(_SAID.format(is_now=is_now, signer=signer)) == doubt
    assert fetch._doubt("No signature found") == "the signature is not of this file"
