"""The package for Windows Installer: written as WiX source, built by wixl, completed where wixl knows no word."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import product
from product import PROPERTIES, Property

_NAMESPACE = "http://schemas.microsoft.com/wix/2006/wi"
_WAS = "WAS_"
_KEY_PATH_IN_REGISTRY, _BITS_64 = 4, 256
_RAW_VALUE, _SEARCH_64 = 2, 16
_SET_PROPERTY = 51
_RUN_WHATEVER_IT_SAYS = 50 + 64
_RUN_UNWATCHED = 50 + 64 + 128


def source(version: str, name: str) -> ET.Element:
    """The WiX source; the files themselves come from a fragment of their own, the component group `Payload`."""
    root = ET.Element("Wix", {"xmlns": _NAMESPACE})
    described = ET.SubElement(
        root,
        "Product",
        {
            "Id": product.product_code(version), "Name": name, "Language": "1033", "Version": version,
            "Manufacturer": product.MAKER, "UpgradeCode": product.UPGRADE_CODE,
        },
    )  # fmt: skip
    ET.SubElement(
        described,
        "Package",
        {
            "InstallerVersion": "500", "Compressed": "yes", "InstallScope": "perMachine", "Description": name,
            "Manufacturer": product.MAKER,
        },
    )  # fmt: skip
    ET.SubElement(described, "MajorUpgrade", {"DowngradeErrorMessage": "A newer version is installed already."})
    ET.SubElement(described, "Media", {"Id": "1", "Cabinet": "files.cab", "EmbedCab": "yes"})
    for key in ("ARPNOMODIFY", "ARPNOREPAIR"):
        ET.SubElement(described, "Property", {"Id": key, "Value": "1"})
    ET.SubElement(described, "Icon", {"Id": "program.ico", "SourceFile": "program.ico"})
    ET.SubElement(described, "Property", {"Id": "ARPPRODUCTICON", "Value": "program.ico"})
    for one in PROPERTIES:
        _remember(described, _WAS + one.name, product.MACHINE_KEY, one.value_name)
        fault = ET.SubElement(described, "Condition", {"Message": one.fault})
        fault.text = one.condition()
    for ident, value_name in (("WAS_INSTALLDIR", "InstallDir"), ("WAS_INSTALLER", product.INSTALLER)):
        _remember(described, ident, product.PROGRAM_KEY, value_name)
    other = ET.SubElement(
        described, "Condition", {"Message": "It was installed by the set-up program: remove that first."}
    )
    other.text = 'REMOVE = "ALL" OR NOT (WAS_INSTALLER = "setup")'
    _components(described, version)
    return root


def _remember(described: ET.Element, ident: str, key: str, name: str) -> None:
    found = ET.SubElement(described, "Property", {"Id": ident})
    search = {"Id": f"Search{ident}", "Root": "HKLM", "Key": key, "Name": name, "Type": "raw"}
    ET.SubElement(found, "RegistrySearch", search)


def _components(described: ET.Element, version: str) -> None:
    target = ET.SubElement(described, "Directory", {"Id": "TARGETDIR", "Name": "SourceDir"})
    programs = ET.SubElement(target, "Directory", {"Id": "ProgramFiles64Folder"})
    folder = ET.SubElement(programs, "Directory", {"Id": "INSTALLDIR", "Name": product.FOLDER})
    menu = ET.SubElement(target, "Directory", {"Id": "ProgramMenuFolder"})
    feature = ET.SubElement(described, "Feature", {"Id": "Complete", "Level": "1"})
    ET.SubElement(feature, "ComponentGroupRef", {"Id": "Payload"})
    program = f"[INSTALLDIR]{product.PROGRAM}"

    def component(parent: ET.Element, name: str, *values: tuple[str, str, str]) -> ET.Element:
        made = ET.SubElement(
            parent, "Component", {"Id": name, "Guid": product.component_code(name), "Win64": "yes"}
        )  # fmt: skip
        for place, (key, value_name, value) in enumerate(values):
            words = {"Root": "HKLM", "Key": key, "Type": "string", "Value": value}
            if value_name:
                words["Name"] = value_name
            if place == 0:
                words["KeyPath"] = "yes"
            ET.SubElement(made, "RegistryValue", words)
        ET.SubElement(feature, "ComponentRef", {"Id": name})
        return made

    component(
        folder,
        "Product",
        (product.PROGRAM_KEY, "InstallDir", "[INSTALLDIR]"),
        (product.PROGRAM_KEY, "Version", version),
        (product.PROGRAM_KEY, product.INSTALLER, "msi"),
        (product.CLASS_KEY, "", f"URL:{product.NAME}"),
        (product.CLASS_KEY, "URL Protocol", ""),
        (rf"{product.CLASS_KEY}\DefaultIcon", "", f'"{program}",0'),
        (rf"{product.CLASS_KEY}\shell\open\command", "", f'"{program}" "%1"'),
        (product.APP_ID_KEY, "DisplayName", product.NAME),
    )
    component(folder, "Login", (product.RUN_KEY, product.RUN_NAME, f'"{program}" --autostart'))
    for one in PROPERTIES:
        component(folder, one.name, *_values(one))
    link = component(menu, "Shortcut", (product.PROGRAM_KEY, "Shortcut", "1"))
    ET.SubElement(
        link,
        "Shortcut",
        {
            "Id": "Menu", "Name": product.NAME, "Target": program, "WorkingDirectory": "INSTALLDIR", "Advertise": "no",
            "Description": "Escalations as notifications",
        },
    )  # fmt: skip


def _values(one: Property) -> Iterator[tuple[str, str, str]]:
    yield product.MACHINE_KEY, one.value_name, f"[{one.name}]"
    if one.also is not None:
        yield product.MACHINE_KEY, *one.also


def completions() -> Iterator[str]:
    """What wixl 0.101 cannot say, as SQL for `msibuild`."""
    secure = ["WIX_DOWNGRADE_DETECTED", "WIX_UPGRADE_DETECTED"]
    registry = _KEY_PATH_IN_REGISTRY + _BITS_64
    yield f"UPDATE `RegLocator` SET `Type` = {_RAW_VALUE + _SEARCH_64}"
    yield "UPDATE `Component` SET `Condition` = 'NOT (AUTOSTART = \"0\")' WHERE `Component` = 'Login'"
    for place, one in enumerate(PROPERTIES):
        secure += [one.name, _WAS + one.name]
        yield f"UPDATE `Component` SET `Condition` = '{one.name}' WHERE `Component` = '{one.name}'"
        yield f"UPDATE `Component` SET `Attributes` = {registry} WHERE `Component` = '{one.name}'"
        # What was set before is set again: a newer version, or a repair, is installed without saying everything anew.
        yield (
            "INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`)"
            f" VALUES ('Keep{one.name}', {_SET_PROPERTY}, '{one.name}', '[{_WAS}{one.name}]')"
        )
        yield (
            "INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`)"
            f" VALUES ('Keep{one.name}', 'NOT {one.name} AND {_WAS}{one.name}', {51 + place})"
        )
    yield from _program_runs()
    secure += ["WAS_INSTALLDIR", "WAS_INSTALLER"]
    yield f"UPDATE `Property` SET `Value` = '{';'.join(sorted(secure))}' WHERE `Property` = 'SecureCustomProperties'"
    yield (
        "CREATE TABLE `MsiShortcutProperty` (`MsiShortcutProperty` CHAR(72) NOT NULL, `Shortcut_` CHAR(72) NOT NULL,"
        " `PropertyKey` CHAR(0) NOT NULL, `PropVariantValue` CHAR(0) NOT NULL PRIMARY KEY `MsiShortcutProperty`)"
    )
    yield (
        "INSERT INTO `MsiShortcutProperty` (`MsiShortcutProperty`, `Shortcut_`, `PropertyKey`, `PropVariantValue`)"
        f" VALUES ('AppId', 'Menu', 'System.AppUserModel.ID', '{product.APP_ID}')"
    )


def _program_runs() -> Iterator[str]:
    """The old program is asked to make way before its files go, the new one is started for everyone signed in.

    Not where a file waits for the next start of Windows: it would run with files of two versions. What it must do even
    then nobody waits for, since with such files it may not come up.
    """
    gone = rf"delete HKLM\{product.PROGRAM_KEY} /v EndedIn /f /reg:64"  # what the old one noted for a new one
    runs = (
        ("Old", f"[WAS_INSTALLDIR]{product.PROGRAM}", product.MAKE_WAY, "WAS_INSTALLDIR", 1390),
        ("Last", "[System64Folder]reg.exe", gone, 'REMOVE = "ALL" AND NOT UPGRADINGPRODUCTCODE', 1392),
        (
            "New",
            f"[INSTALLDIR]{product.PROGRAM}",
            product.START,
            'NOT (REMOVE = "ALL") AND NOT ReplacedInUseFiles',
            6610,
        ),
        (
            "Keep",
            f"[INSTALLDIR]{product.PROGRAM}",
            product.KEEP,
            'NOT (REMOVE = "ALL") AND ReplacedInUseFiles',
            6620,
        ),
    )
    for name, program, option, condition, place in runs:
        prop = f"{name.upper()}_PROGRAM"
        run = _RUN_UNWATCHED if option == product.KEEP else _RUN_WHATEVER_IT_SAYS
        for action, kind, source, target, at in (
            (f"Name{name}", _SET_PROPERTY, prop, program, place),
            (f"Run{name}", run, prop, option, place + 1),
        ):
            yield (
                "INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`)"
                f" VALUES ('{action}', {kind}, '{source}', '{target}')"
            )
            yield (
                "INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`)"
                f" VALUES ('{action}', '{condition}', {at})"
            )


def build(bundle: Path, icon: Path, target: Path, work: Path, *, version: str, name: str) -> None:
    """Make `target`. Raises CalledProcessError with the tool's words on standard error, ValueError for a version."""
    product.checked_version(version)
    work.mkdir(parents=True, exist_ok=True)
    listed = "".join(sorted(f"{path.relative_to(bundle)}\n" for path in bundle.rglob("*") if path.is_file()))
    heat = ["wixl-heat", "-p", "", "--directory-ref", "INSTALLDIR", "--component-group", "Payload", "--win64"]
    payload = subprocess.run([*heat, "--var", "var.Bundle"], input=listed, check=True, capture_output=True, text=True)
    (work / "payload.wxs").write_text(payload.stdout, encoding="utf-8")
    ET.ElementTree(source(version, name)).write(work / "product.wxs", encoding="utf-8", xml_declaration=True)
    shutil.copyfile(icon, work / "program.ico")  # wixl finds it there only
    target.unlink(missing_ok=True)
    subprocess.run(
        [
            "wixl", "-a", "x64", "-D", "Win64=yes", "-D", f"Bundle={os.path.relpath(bundle, work)}", "-o", str(target),
            "product.wxs", "payload.wxs",
        ],
        check=True,
        cwd=work,
    )  # fmt: skip
    for statement in completions():
        subprocess.run(["msibuild", str(target), "-q", statement], check=True)
