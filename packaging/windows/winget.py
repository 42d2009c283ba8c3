"""Writes the winget manifests of a release: version, installer and default locale, form 1.9.0.

    python packaging/windows/winget.py --url https://dl.example.com/flowpilot/ --out dist/winget FILE.msi FILE-setup.exe

Not run here by winget itself; `tests/packaging/test_winget.py` holds the files against the form's rules
(https://learn.microsoft.com/windows/package-manager/package/manifest).
"""

import argparse
import hashlib
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from desktop.version import VERSION  # noqa: E402

IDENTIFIER: Final = "FlowPilot.Escalations"
FORM: Final = "1.9.0"
UPGRADE_CODE: Final = "{5C0F2B7E-3F0B-4B57-9E5D-8B7C3B0D6A41}"
_SCHEMA: Final = "https://aka.ms/winget-manifest"


def manifests(base: str, files: list[Path]) -> dict[str, dict[str, Any]]:
    """File name to content. Raises ValueError for a file that is neither an .msi nor an .exe."""
    common = {"PackageIdentifier": IDENTIFIER, "PackageVersion": VERSION}
    installers = [_installer(base, file) for file in files]
    return {
        f"{IDENTIFIER}.yaml": common | {"DefaultLocale": "en-US", "ManifestType": "version", "ManifestVersion": FORM},
        f"{IDENTIFIER}.installer.yaml": common
        | {
            "Platform": ["Windows.Desktop"],
            "MinimumOSVersion": "10.0.17763.0",
            "Scope": "machine",
            "InstallModes": ["interactive", "silent", "silentWithProgress"],
            "UpgradeBehavior": "install",
            "Protocols": ["flowpilot"],
            "ExpectedReturnCodes": [
                {"InstallerReturnCode": 1618, "ReturnResponse": "installInProgress"},
                {"InstallerReturnCode": 3010, "ReturnResponse": "rebootRequiredToFinish"},
            ],
            "Installers": installers,
            "ManifestType": "installer",
            "ManifestVersion": FORM,
        },
        f"{IDENTIFIER}.locale.en-US.yaml": common
        | {
            "PackageLocale": "en-US",
            "Publisher": "FlowPilot",
            "PackageName": "FlowPilot Escalations",
            "License": "Proprietary",
            "ShortDescription": "Escalations of your FlowPilot server as notifications; one click claims.",
            "Moniker": "flowpilot",
            "ManifestType": "defaultLocale",
            "ManifestVersion": FORM,
        },
    }


def _installer(base: str, file: Path) -> dict[str, Any]:
    common = {
        "Architecture": "x64",
        "InstallerUrl": f"{base.rstrip('/')}/{file.name}",
        "InstallerSha256": hashlib.sha256(file.read_bytes()).hexdigest().upper(),
    }
    match file.suffix.lower():
        case ".msi":
            return common | {
                "InstallerType": "wix",
                "AppsAndFeaturesEntries": [{"DisplayName": "FlowPilot Escalations", "UpgradeCode": UPGRADE_CODE}],
            }
        case ".exe":
            return common | {"InstallerType": "nullsoft"}
    raise ValueError(f"{file.name} is neither an .msi nor an .exe")


def written(content: dict[str, Any], kind: str) -> str:
    """YAML of the few shapes that occur here: texts, lists of texts, lists of objects."""
    lines = [f"# yaml-language-server: $schema={_SCHEMA}.{kind}.{FORM}.schema.json", ""]
    for name, value in content.items():
        lines += _lines(name, value, "")
    return "\n".join(lines) + "\n"


def _lines(name: str, value: object, indent: str) -> list[str]:
    if not isinstance(value, list):
        return [f"{indent}{name}: {_text(value)}"]
    lines = [f"{indent}{name}:"]
    for one in value:
        if isinstance(one, dict):
            inner = [line for key, part in one.items() for line in _lines(key, part, f"{indent}  ")]
            lines += [f"{indent}- {inner[0].strip()}", *inner[1:]]
        else:
            lines.append(f"{indent}- {_text(one)}")
    return lines


def _text(value: object) -> str:
    return str(value) if isinstance(value, int) else f'"{value}"'


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True, help="where the installers will lie")
    parser.add_argument("--out", type=Path, default=ROOT / "dist" / "winget")
    parser.add_argument("files", type=Path, nargs="+")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        made = manifests(options.url, options.files)
    except (ValueError, OSError) as exc:
        print(exc, file=sys.stderr)
        return 1
    for name, content in made.items():
        (options.out / name).write_text(written(content, content["ManifestType"]), encoding="utf-8")
        print(options.out / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
