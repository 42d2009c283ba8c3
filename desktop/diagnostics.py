"""What the diagnostics say: rows for the window, and a text to send. No token, no customer's name, nothing of a talk.

The text is made of what this module asks for by name, so nothing of a handoff gets in; `redacted` goes over it all the
same, because a reason that some library wrote may hold an address with a ticket or a password.
"""

import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backend.contract.people import Me
from backend.contract.vocabulary import ROLE_LABEL
from desktop.core import words
from desktop.core.controller import Controller
from desktop.core.views import ProbeStep
from desktop.settings.store import Store
from desktop.version import version

_RULES: Final = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), r"\1 …"),
    (re.compile(r"\bfp[a-z]{1,4}_[\w.-]+"), "…"),
    (re.compile(r"#t=[^\s\"']+"), "#t=…"),
    (re.compile(r"//[^/@\s]+@"), "//…@"),
    (re.compile(r"(?i)\b(token|code|secret|password|state)=[^\s&\"']+"), r"\1=…"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What else there is to say."""

    server: str
    kept: str
    toasts: str
    sound: str
    tray: str
    proxy: str
    qt: str
    log: str
    profile: str
    test_shown: datetime | None = None


def rows(controller: Controller | None, around: Around) -> list[tuple[str, str]]:
    """Name and value of each row, in the order of the window."""
    me = controller.me if controller else None
    said = controller.vitals.me if controller and me else None
    shown = f". Last test shown {words.clock(around.test_shown)}" if around.test_shown else ""
    return [
        ("Connection", controller.vitals.connection if controller else "None"),
        ("Server", _server(around.server, said)),
        ("Signed in as", f"{me.name}, {ROLE_LABEL[me.role]}" if me else "Nobody"),
        ("This device", _device(said)),
        ("Notifications", f"{around.toasts}{shown}"),
        ("Delivery check", controller.vitals.delivery if controller else "Nothing yet"),
        ("Credentials", around.kept),
        ("Proxy", around.proxy),
        ("Sound", around.sound),
        ("Tray", around.tray),
        ("System", f"{platform.system()} {platform.release()}, {around.qt}, Python {platform.python_version()}"),
        ("Profile", around.profile),
        ("Logs", f"{around.log}, 4 MB at most, no customer text"),
    ]


def _server(address: str, said: Me | None) -> str:
    version = f", {said.server_version}" if said is not None and said.server_version else ""
    return f"{address.removeprefix('https://')}{version}" if address else "None yet"


def _device(said: Me | None) -> str:
    name = platform.node() or "Unnamed computer"
    if said is None or (said.device is None and said.server_version is None):
        return name  # a server of before does not say
    if said.device is None:
        return f"{name}, not registered: signed in with a personal access token"
    since = said.device.connected_at.astimezone()
    return f"{name}, registered {since.day} {since:%b %Y}"


def text(
    shown: Sequence[tuple[str, str]], steps: Sequence[ProbeStep], store: Store, controller: Controller | None
) -> str:
    """All of it, for a mail."""
    parts = [f"FlowPilot Escalations {version()}", *(f"{name}: {value}" for name, value in shown)]
    if steps:
        parts += [
            "",
            "Connection test",
            *(f"{step.name}: {step.state.replace('_', ' ')}. {step.words}" for step in steps),
        ]
    if controller is not None and controller.trial.steps:
        parts += ["", "Test notification"]
        parts += [f"{each.name}: {each.state.replace('_', ' ')}. {each.words}" for each in controller.trial.steps]
    if controller is not None:
        parts += ["", "Connection so far", *controller.vitals.history]
    parts += ["", "Settings", *store.lines()]
    return redacted("\n".join(parts)) + "\n"


def redacted(given: str) -> str:
    """Without what looks like a token, a ticket, a code or a password."""
    for rule, instead in _RULES:
        given = rule.sub(instead, given)
    return given
