"""A store of settings for tests and pictures, in a folder of its own."""

import json
from collections.abc import Mapping
from pathlib import Path

from desktop.settings.files import Given, JsonFolder, UserFile
from desktop.settings.store import Store
from desktop.ui.settings_page import Facts

POLICY: Mapping[str, object] = {
    "organisation": "Northbeam IT",
    "notify": {"urgent": {"toast": True, "quiet": True}},
    "lock_screen.text": "brief",
}
FACTS = Facts(
    name="Dana Reyes",
    role="Senior engineer",
    server="flowpilot.northbeam.example",
    device="DANA-LT-04",
    kept="In the system keychain",
    zone="Europe/London, 10:46 now",
    certificate="Run the connection test to read it.",
    proxy="From the system: none",
    signed_in=True,
    autostart=True,
    browsers=(("Firefox", "firefox"),),
)


def store(folder: Path, policy: Mapping[str, object] | None = None) -> Store:
    """With this policy in force and nothing chosen by the user."""
    policies = folder / "policy.d"
    policies.mkdir(parents=True, exist_ok=True)
    (policies / "it.json").write_text(json.dumps(dict(policy or {})), encoding="utf-8")
    user = UserFile(folder / "home" / "settings.json")
    return Store([Given([]), JsonFolder(policies, "policy"), user], user)
