"""A store of settings for tests and pictures, in a folder of its own."""

import json
from collections.abc import Mapping
from pathlib import Path

from desktop.core.views import ProbeStep
from desktop.settings.files import Given, JsonFolder, UserFile
from desktop.settings.schema import TABLE
from desktop.settings.store import Store
from desktop.ui.settings_page import Facts

POLICY: Mapping[str, object] = {
    "organisation": "Northbeam IT",
    "notify": {"urgent": {"toast": True, "quiet": True}},
    "lock_screen.text": "brief",
}
LOCKED: Mapping[str, object] = {
    **{setting.name: setting.default for setting in TABLE if setting.lockable and setting.personal},
    "organisation": "Northbeam IT",
    "quiet.enabled": True,
    "proxy.mode": "manual",
    "proxy.url": "http://proxy.northbeam.example:3128",
}
STEPS = (
    ProbeStep("DNS", "good", "192.0.2.7, 3 ms"),
    ProbeStep("TLS", "good", "TLSv1.3. Issued by Northbeam CA, valid until 3 Nov 2027, 21 ms"),
    ProbeStep("Sign-in", "bad", "The server does not know this sign-in."),
    ProbeStep("Live link", "left_out", "Not reached"),
    ProbeStep("Push echo", "running"),
)
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
