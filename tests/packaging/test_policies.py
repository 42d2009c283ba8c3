"""The settings table, the group-policy templates and the documentation say the same."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

from desktop.settings.registry import POLICY_KEY
from desktop.settings.schema import TABLE

ROOT = Path(__file__).parents[2]
NS = "{http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions}"


@pytest.fixture(scope="module")
def admx() -> ModuleType:
    spec = importlib.util.spec_from_file_location("admx", ROOT / "packaging" / "windows" / "admx.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def files(admx: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[ET.Element, ET.Element]:
    """Both files, read back as Windows would read them."""
    definitions, texts = admx.write(tmp_path_factory.mktemp("policies"))
    return ET.parse(definitions).getroot(), ET.parse(texts).getroot()  # noqa: S314 - made a line above


def test_each_lockable_setting_is_one_policy_and_nothing_else_is(files: tuple[ET.Element, ET.Element]) -> None:
    """A setting without a policy cannot be rolled out; a policy without a setting does nothing and says nothing."""
    found = {}
    for policy in files[0].iter(f"{NS}policy"):
        assert policy.get("key") == POLICY_KEY
        elements = policy.find(f"{NS}elements")
        value = policy.get("valueName") if elements is None else elements[0].get("valueName")
        found[value] = policy
    assert list(found) == [setting.name for setting in TABLE if setting.lockable and setting.name != "set_up"]


def test_what_windows_writes_is_what_the_app_accepts(files: tuple[ET.Element, ET.Element]) -> None:
    by_name = {setting.name: setting for setting in TABLE}
    for policy in files[0].iter(f"{NS}policy"):
        if (name := policy.get("valueName")) is not None:
            for tag, meant in (("enabledValue", True), ("disabledValue", False)):
                number = policy.find(f"{NS}{tag}/{NS}decimal")
                assert number is not None
                assert by_name[name].accept(int(str(number.get("value")))) is meant
        for element in policy.iterfind(f"{NS}elements/*"):
            setting = by_name[str(element.get("valueName"))]
            if element.tag == f"{NS}decimal":
                assert setting.accept(int(str(element.get("minValue")))) == setting.low
                assert setting.accept(int(str(element.get("maxValue")))) == setting.high
            words = [word.text for word in element.iter(f"{NS}string")]
            assert tuple(str(setting.accept(word)) for word in words) == setting.choices


def test_every_text_and_form_that_is_named_is_there(files: tuple[ET.Element, ET.Element]) -> None:
    """One that is missing makes the whole template fail to load in the editor."""
    definitions, texts = files
    strings = {one.get("id") for one in texts.iter(f"{NS}string")}
    forms = {one.get("id"): one for one in texts.iter(f"{NS}presentation")}
    source = ET.tostring(definitions, encoding="unicode")
    assert set(re.findall(r"\$\(string\.(\w+)\)", source)) == strings
    assert set(re.findall(r"\$\(presentation\.(\w+)\)", source)) == set(forms)
    elements = {e.get("id"): e for p in definitions.iter(f"{NS}policy") for e in p.iterfind(f"{NS}elements/*")}
    assert {control.get("refId") for form in forms.values() for control in form} == set(elements)


def test_the_documentation_lists_every_setting() -> None:
    table = (ROOT / "docs" / "desktop-settings.md").read_text()
    listed = re.findall(r"^\| `([a-z_.]+)` \|", table, re.MULTILINE)
    assert listed == [setting.name for setting in TABLE]
