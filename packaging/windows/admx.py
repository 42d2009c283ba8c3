r"""Group-policy templates from the table of settings: FlowPilot.admx and en-US/FlowPilot.adml.

    python packaging/windows/admx.py --out dist/policies

Each lockable setting is one policy under Computer Configuration, Administrative Templates, FlowPilot Escalations, and
writes one value of `HKLM\Software\Policies\FlowPilot`. The forms are Microsoft's
(https://learn.microsoft.com/previous-versions/windows/desktop/Policy/admx-schema).
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from desktop.settings.registry import POLICY_KEY  # noqa: E402
from desktop.settings.schema import LONGEST_TEXT, TABLE, Setting  # noqa: E402

NAMESPACE: Final = "http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions"
_CATEGORY: Final = "FlowPilot"
_SUPPORTED: Final = "SUPPORTED_FlowPilot"


def policies() -> list[Setting]:
    """The settings that a policy can lock, in the table's order."""
    return [setting for setting in TABLE if setting.lockable and setting.name != "set_up"]


def ident(setting: Setting) -> str:
    """A name as the schema allows it: `notify.urgent.toast` is `notify_urgent_toast`."""
    return re.sub(r"\W", "_", setting.name)


def admx() -> ET.Element:
    """The definitions."""
    root = ET.Element("policyDefinitions", {"xmlns": NAMESPACE, "revision": "1.0", "schemaVersion": "1.0"})
    spaces = ET.SubElement(root, "policyNamespaces")
    ET.SubElement(spaces, "target", {"prefix": "flowpilot", "namespace": "FlowPilot.Policies.Escalations"})
    ET.SubElement(root, "resources", {"minRequiredRevision": "1.0"})
    supported = ET.SubElement(ET.SubElement(root, "supportedOn"), "definitions")
    ET.SubElement(supported, "definition", {"name": _SUPPORTED, "displayName": f"$(string.{_SUPPORTED})"})
    categories = ET.SubElement(root, "categories")
    ET.SubElement(categories, "category", {"name": _CATEGORY, "displayName": f"$(string.{_CATEGORY})"})
    every = ET.SubElement(root, "policies")
    for setting in policies():
        _policy(every, setting)
    return root


def _policy(parent: ET.Element, setting: Setting) -> None:
    name = ident(setting)
    attributes = {
        "name": name,
        "class": "Machine",
        "displayName": f"$(string.{name})",
        "explainText": f"$(string.{name}_help)",
        "key": POLICY_KEY,
    }
    if setting.kind == "bool":
        attributes["valueName"] = setting.name
    else:
        attributes["presentation"] = f"$(presentation.{name})"
    policy = ET.SubElement(parent, "policy", attributes)
    ET.SubElement(policy, "parentCategory", {"ref": _CATEGORY})
    ET.SubElement(policy, "supportedOn", {"ref": _SUPPORTED})
    if setting.kind == "bool":
        for tag, value in (("enabledValue", "1"), ("disabledValue", "0")):
            ET.SubElement(ET.SubElement(policy, tag), "decimal", {"value": value})
        return
    elements = ET.SubElement(policy, "elements")
    common = {"id": name, "valueName": setting.name}
    if setting.kind == "int":
        bounds = {"minValue": str(setting.low), "maxValue": str(setting.high), "required": "true"}
        ET.SubElement(elements, "decimal", common | bounds)
    elif setting.kind == "choice":
        choice = ET.SubElement(elements, "enum", common | {"required": "true"})
        for word in setting.choices:
            item = ET.SubElement(choice, "item", {"displayName": f"$(string.{name}_{word})"})
            ET.SubElement(ET.SubElement(item, "value"), "string").text = word
    else:
        ET.SubElement(elements, "text", common | {"required": "true", "maxLength": str(min(LONGEST_TEXT, 1023))})


def adml() -> ET.Element:
    """The English texts."""
    root = ET.Element("policyDefinitionResources", {"xmlns": NAMESPACE, "revision": "1.0", "schemaVersion": "1.0"})
    ET.SubElement(root, "displayName").text = "FlowPilot Escalations"
    ET.SubElement(root, "description").text = "Settings of the FlowPilot tray app"
    resources = ET.SubElement(root, "resources")
    table = ET.SubElement(resources, "stringTable")
    forms = ET.SubElement(resources, "presentationTable")

    def say(name: str, words: str) -> None:
        ET.SubElement(table, "string", {"id": name}).text = words

    say(_CATEGORY, "FlowPilot Escalations")
    say(_SUPPORTED, "FlowPilot Escalations 0.1 or later")
    for setting in policies():
        name = ident(setting)
        say(name, f"{setting.description} ({setting.name})")
        say(f"{name}_help", _help(setting))
        for word in setting.choices:
            say(f"{name}_{word}", word.replace("_", " "))
        if setting.kind != "bool":
            _form(ET.SubElement(forms, "presentation", {"id": name}), setting)
    return root


def _help(setting: Setting) -> str:
    default = setting.default
    words = " ".join(default) if isinstance(default, tuple) else str(default).lower() or "empty"
    tail = {"days": " Days are written as mon tue wed thu fri sat sun.", "time": " A time is written as 18:00."}
    return (
        f"{setting.description}. Enabled or disabled here, users cannot change it; not configured, they can,"
        f" beginning from {words}.{tail.get(setting.kind, '')}"
    )


def _form(presentation: ET.Element, setting: Setting) -> None:
    name = ident(setting)
    if setting.kind == "int":
        entry = ET.SubElement(presentation, "decimalTextBox", {"refId": name, "defaultValue": str(setting.default)})
        entry.text = f"{setting.low} to {setting.high}:"
    elif setting.kind == "choice":
        at = str(setting.choices.index(str(setting.default)))
        ET.SubElement(
            presentation, "dropdownList", {"refId": name, "noSort": "true", "defaultItem": at}
        ).text = "Value:"
    else:
        entry = ET.SubElement(presentation, "textBox", {"refId": name})
        ET.SubElement(entry, "label").text = "Value:"
        default = " ".join(setting.default) if isinstance(setting.default, tuple) else str(setting.default)
        if default:
            ET.SubElement(entry, "defaultValue").text = default


def write(folder: Path) -> list[Path]:
    """Write both files as Windows wants them; answers their paths."""
    made = []
    for path, root in ((folder / "FlowPilot.admx", admx()), (folder / "en-US" / "FlowPilot.adml", adml())):
        path.parent.mkdir(parents=True, exist_ok=True)
        ET.indent(root)
        path.write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")
        made.append(path)
    return made


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist" / "policies")
    for path in write(parser.parse_args().out):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
