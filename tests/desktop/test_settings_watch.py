"""An administrator's push reaches a running app: files that come, change in place, are replaced, and go."""

import os
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.platform.settings_watch import SettingsWatch
from desktop.settings.files import Given, JsonFolder, UserFile
from desktop.settings.store import Store


def test_a_policy_arrives_changes_and_goes_without_a_restart(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> None:
    policies = tmp_path / "etc" / "flowpilot" / "policy.d"
    user = UserFile(tmp_path / "home" / "settings.json")
    store = Store([Given([]), JsonFolder(policies, "policy"), user], user)
    assert isinstance(qapp, QCoreApplication)
    watch = SettingsWatch(store, qapp)
    policies.mkdir(parents=True)
    qtbot.waitUntil(lambda: str(policies) in watch._watcher.directories(), timeout=20_000)
    (policies / "it.json").write_text('{"notify.scope": "mine"}')
    qtbot.waitUntil(lambda: store.words("notify.scope") == "mine", timeout=20_000)
    (policies / "it.json").write_text('{"notify.scope": "mine_and_unassigned"}')
    qtbot.waitUntil(lambda: store.words("notify.scope") == "mine_and_unassigned", timeout=20_000)
    (policies / "new").write_text('{"notify.scope": "mine"}')
    os.replace(policies / "new", policies / "it.json")  # noqa: PTH105 - what configuration tools do
    qtbot.waitUntil(lambda: store.words("notify.scope") == "mine", timeout=20_000)
    (policies / "it.json").write_text("{")
    qtbot.waitUntil(lambda: store.get("notify.scope").origin == "built-in", timeout=20_000)
    (policies / "it.json").unlink()
    qtbot.waitUntil(lambda: watch._watcher.files() == [], timeout=20_000)
    watch.deleteLater()
