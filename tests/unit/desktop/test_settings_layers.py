"""Settings in layers: who speaks for a setting, what a broken file costs, and that nothing locked is changed."""

import json
import os
import plistlib
import sys
from collections.abc import Mapping
from datetime import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.__main__ import main
from desktop.core.alerting import Alerting
from desktop.core.quiet import QuietHours
from desktop.settings.alerting import alerting
from desktop.settings.files import Given, JsonFolder, UserFile
from desktop.settings.layers import Layer, Part, resolve
from desktop.settings.managed import DOMAIN, managed_preferences
from desktop.settings.registry import MACHINE_KEY, POLICY_KEY, RegistryKey
from desktop.settings.schema import BY_NAME, DAYS, TABLE, Setting, Value
from desktop.settings.sources import of_this_computer
from desktop.settings.store import LockedError, Store

LAYERS: tuple[Layer, ...] = ("command line", "policy", "user", "machine")


def values_of(setting: Setting) -> st.SearchStrategy[Value]:
    """What a setting may be."""
    match setting.kind:
        case "bool":
            return st.booleans()
        case "int":
            return st.integers(setting.low, setting.high)
        case "choice":
            return st.sampled_from(setting.choices)
        case "time":
            return st.times().map(lambda at: at.strftime("%H:%M"))
        case "days":
            return st.sets(st.sampled_from(DAYS)).map(lambda some: tuple(day for day in DAYS if day in some))
        case _:
            return st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=20)


ANY = st.sampled_from(TABLE).flatmap(
    lambda setting: st.tuples(
        st.just(setting), st.dictionaries(st.sampled_from(LAYERS), values_of(setting), min_size=1)
    )
)


@given(ANY)
@settings(max_examples=300, deadline=None)
def test_the_highest_layer_that_may_speak_speaks(case: tuple[Setting, Mapping[Layer, Value]]) -> None:
    setting, said = case
    found, trouble = resolve(Part(layer, f"place of {layer}", {setting.name: said[layer]}) for layer in said)
    order = list(LAYERS)
    if not setting.lockable:
        order = ["command line", "user", "policy", "machine"]
    heard = [layer for layer in order if layer in said and (layer != "user" or setting.personal)]
    assert len(trouble) == (1 if "user" in said and not setting.personal else 0)
    each = found[setting.name]
    if heard:
        assert (each.value, each.origin, each.where) == (said[heard[0]], heard[0], f"place of {heard[0]}")
    else:
        assert (each.value, each.origin) == (setting.default, "built-in")
    assert each.locked == (each.origin == "command line" or (each.origin == "policy" and setting.lockable))
    assert all(found[name].origin == "built-in" for name in BY_NAME if name != setting.name)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
@settings(max_examples=300, deadline=None)
def test_no_value_of_any_kind_breaks_the_start(junk: object) -> None:
    found, trouble = resolve([Part("policy", "p", dict.fromkeys(BY_NAME, junk))])
    taken = sum(each.origin == "policy" for each in found.values())
    assert taken + len(trouble) == len(TABLE)


@given(st.data())
def test_every_default_is_a_value_of_its_own_kind_and_survives_json(data: st.DataObject) -> None:
    setting = data.draw(st.sampled_from(TABLE))
    assert setting.accept(setting.default) == setting.default
    value = data.draw(values_of(setting))
    assert setting.accept(json.loads(json.dumps(value))) == value


def test_files_of_a_folder_are_read_by_name_and_a_broken_one_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "20-late.json").write_text('{"notify": {"scope": "mine"}}')
    (tmp_path / "10-early.json").write_text('{"notify.scope": "all", "organisation": "Northbeam IT"}')
    (tmp_path / "30-broken.json").write_text('{"notify.scope": ')
    (tmp_path / "40-list.json").write_text("[]")
    (tmp_path / "notes.txt").write_text("not read")
    parts, trouble = JsonFolder(tmp_path, "policy").read()
    found, refused = resolve(parts)
    assert (found["notify.scope"].value, found["notify.scope"].where) == ("mine", str(tmp_path / "20-late.json"))
    assert found["organisation"].value == "Northbeam IT"
    assert refused == []
    assert [line.split(": ")[0] for line in trouble] == [
        str(tmp_path / "30-broken.json"),
        str(tmp_path / "40-list.json"),
    ]


def test_a_policy_that_somebody_else_could_have_written_is_passed_over_and_said(tmp_path: Path) -> None:
    """Otherwise any user of a shared computer sets the server that everybody on it sends their sign-in to."""
    policy = tmp_path / "10-shop.json"
    policy.write_text('{"server": "https://flowpilot.example"}')
    policy.chmod(0o644)
    mine, group = os.getuid(), os.getgid()
    assert [part.values for part in JsonFolder(tmp_path, "policy", mine).read()[0]] == [
        {"server": "https://flowpilot.example"}
    ]
    parts, trouble = JsonFolder(tmp_path, "policy", mine + 1).read()
    assert [part.values for part in parts] == [{}]
    assert trouble == [f"{policy}: belongs to user {mine}, not to root, passed over"]
    for mode, wrong in ((0o646, True), (0o664, group != 0)):
        policy.chmod(mode)
        parts, trouble = JsonFolder(tmp_path, "policy", mine).read()
        assert [part.values == {} for part in parts] == [wrong]
        assert trouble == ([f"{policy}: can be written by others, passed over"] if wrong else [])
    if mine == 0:
        os.chown(policy, 0, 12_345)
        assert JsonFolder(tmp_path, "policy", mine).read()[0][0].values == {}
    if sys.platform == "linux":
        of_linux = [source for source in of_this_computer() if isinstance(source, JsonFolder)]
        assert [source.owner for source in of_linux] == [0, 0]


def make(tmp_path: Path, policy: Mapping[str, object] | None = None) -> Store:
    (tmp_path / "policy.d").mkdir(exist_ok=True)
    (tmp_path / "policy.d" / "it.json").write_text(json.dumps(policy or {}))
    user = UserFile(tmp_path / "home" / "settings.json")
    return Store([Given([]), JsonFolder(tmp_path / "policy.d", "policy"), user], user)


def test_the_users_choice_is_kept_for_the_next_start_and_told_to_the_windows(tmp_path: Path) -> None:
    store = make(tmp_path)
    told: list[frozenset[str]] = []
    stop = store.listen(told.append)
    store.set("quiet.from", "21:30")
    store.set("quiet.from", "21:30")
    assert told == [frozenset({"quiet.from"})]
    assert make(tmp_path).words("quiet.from") == "21:30"
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["settings.json"], "nothing half written stays"
    stop()
    store.set("quiet.from", "22:00")
    assert len(told) == 1


def test_what_a_policy_sets_cannot_be_changed_and_comes_back_when_the_policy_goes(tmp_path: Path) -> None:
    store = make(tmp_path)
    store.set("notify.urgent.toast", value=False)
    told: list[frozenset[str]] = []
    store.listen(told.append)
    (tmp_path / "policy.d" / "it.json").write_text('{"notify.urgent.toast": true, "theme": "dark"}')
    store.reload()
    assert told == [frozenset({"notify.urgent.toast", "theme"})]
    assert store.flag("notify.urgent.toast")
    with pytest.raises(LockedError):
        store.set("notify.urgent.toast", value=False)
    store.set("theme", "light")
    assert store.words("theme") == "light", "colours are the user's own, whatever a policy says"
    (tmp_path / "policy.d" / "it.json").unlink()
    store.reload()
    assert not store.flag("notify.urgent.toast"), "the user's own choice was kept all the time"


def test_a_broken_file_of_the_user_is_kept_aside_and_does_not_stop_a_change(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "settings.json").write_text('{"theme": "dark",}')
    store = make(tmp_path)
    [line] = store.trouble()
    assert "no JSON" in line
    store.reload()
    assert store.trouble() == [], "the same trouble is said once"
    store.set("theme", "light")
    assert json.loads((tmp_path / "home" / "settings.json").read_text()) == {"theme": "light"}
    assert (tmp_path / "home" / "settings.json.broken").read_text() == '{"theme": "dark",}'


def test_a_folder_that_cannot_be_written_leaves_the_former_settings(tmp_path: Path) -> None:
    store = make(tmp_path)
    (tmp_path / "home").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="home"):
        store.set("theme", "dark")
    assert store.words("theme") == "system"


class FakeRegistry:
    """Keys in memory."""

    def __init__(self, keys: dict[tuple[str, str], dict[str, object]]) -> None:
        self.keys = keys

    def values(self, hive: str, key: str) -> Mapping[str, object]:
        if key == "denied":
            raise PermissionError(13, "Access is denied")
        return self.keys.get((hive, key), {})

    def write(self, hive: str, key: str, name: str, value: str) -> None:
        self.keys.setdefault((hive, key), {})[name] = value

    def delete(self, hive: str, key: str, name: str) -> None:
        self.keys.get((hive, key), {}).pop(name, None)


def test_registry_policies_are_read_without_regard_to_case_and_numbers_are_flags() -> None:
    registry = FakeRegistry(
        {
            ("HKLM", POLICY_KEY): {"ServerUrl": "https://flow.example", "Notify.Urgent.Toast": 1, "Sound.Repeat_S": 90},
            ("HKLM", MACHINE_KEY): {"theme": "dark", "quiet.days": "mon tue"},
        }
    )
    parts = (
        RegistryKey(registry, POLICY_KEY, "policy").read()[0] + RegistryKey(registry, MACHINE_KEY, "machine").read()[0]
    )
    found, trouble = resolve(parts)
    assert trouble == []
    assert (found["server"].value, found["server"].where) == ("https://flow.example", f"HKLM\\{POLICY_KEY}")
    assert found["notify.urgent.toast"].value is True
    assert found["sound.repeat_s"].value == 90
    assert (found["theme"].value, found["quiet.days"].value) == ("dark", ("mon", "tue"))
    assert RegistryKey(registry, "denied", "policy").read() == ([], ["HKLM\\denied: Access is denied, passed over"])


def test_managed_preferences_of_the_user_speak_after_the_computers(tmp_path: Path) -> None:
    managed, machine = tmp_path / "managed", tmp_path / "machine"
    (managed / "dana").mkdir(parents=True)
    machine.mkdir()
    name = f"{DOMAIN}.plist"
    (managed / name).write_bytes(plistlib.dumps({"notify.scope": "all", "keep_in_tray": True, "PayloadUUID": "x"}))
    (managed / "dana" / name).write_bytes(plistlib.dumps({"notify": {"scope": "mine"}}, fmt=plistlib.FMT_BINARY))
    (machine / name).write_bytes(b"<plist>broken")
    read = [source.read() for source in managed_preferences("dana", managed, machine)]
    found, refused = resolve(part for parts, _ in read for part in parts)
    assert refused == []
    assert found["notify.scope"].value == "mine"
    assert found["keep_in_tray"].locked
    assert [len(wrong) for _, wrong in read] == [0, 0, 1]


def test_print_settings_names_value_and_origin_of_each_and_no_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWPILOT_CA_FILE", "/srv/ca.pem")
    mine = tmp_path / "tray" / "default" / "settings.json"
    mine.parent.mkdir(parents=True)
    mine.write_text('{"proxy.url": "http://dana:geheim@proxy:3128", "colour": "red"}')
    options = [
        "--data-dir",
        str(tmp_path),
        "--print-settings",
        "--set",
        "quiet.days=sat,sun",
        "--server",
        "https://f.x",
    ]
    assert main(options) == 0
    told = capsys.readouterr()
    lines = {
        name.strip(): value.strip() for name, _, value in (each.partition(" = ") for each in told.out.splitlines())
    }
    assert set(lines) == set(BY_NAME)
    assert lines["quiet.days"] == "sat sun  (command line: --set)"
    assert lines["server"] == "https://f.x  (command line: --server)"
    assert lines["ca_file"] == "/srv/ca.pem  (command line: FLOWPILOT_CA_FILE)"
    assert lines["proxy.url"] == f"http://…@proxy:3128  (user: {mine})"
    assert lines["theme"] == "system  (built-in)"
    assert "geheim" not in told.out
    assert told.err == f"flowpilot-tray: {mine}: colour is not known\n"
    assert list(tmp_path.rglob("tray.log")) == [], "looking changes nothing"


@pytest.mark.parametrize("text", ["theme", "colour=red", "theme=red", "sound.repeat_s=5"])
def test_a_setting_that_cannot_be_is_bad_usage(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--data-dir", str(tmp_path), "--set", text])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_built_in_settings_are_how_the_rules_alert_by_themselves(tmp_path: Path) -> None:
    store = make(tmp_path)
    assert alerting(store) == Alerting()
    store.set("quiet.enabled", value=True)
    store.set("quiet.days", ["sat", "sun"])
    store.set("quiet.to", "09:30")
    store.set("sound.name", "none")
    store.set("notify.scope", "mine")
    made = alerting(store)
    assert made.quiet == QuietHours(enabled=True, days=frozenset({5, 6}), start=time(18), end=time(9, 30))
    assert (made.sound, made.scope) == (frozenset(), "mine")


def test_the_manual_for_administrators_names_every_setting_with_its_default() -> None:
    manual = (Path(__file__).parents[3] / "docs" / "desktop-settings.md").read_text()
    rows = {line.split("`")[1]: line for line in manual.splitlines() if line.startswith("| `")}
    assert set(rows) == set(BY_NAME)
    for name, line in rows.items():
        assert line.endswith(f"| {BY_NAME[name].description} |")
        assert ("| no |" in line) == (not BY_NAME[name].lockable)
