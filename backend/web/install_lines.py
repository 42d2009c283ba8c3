"""The commands that install the desktop app without a question, filled in with this server and a set-up code.

Each is for an administrator's shell in the folder of the file. Set-up code and address are no secrets, so they may
stand in a script; nothing that lets anybody in ever does.
"""

import json
import shlex
from dataclasses import dataclass
from typing import Final

DOMAIN: Final = "com.flowpilot.escalations"


@dataclass(frozen=True, slots=True)
class Line:
    """One command and where it is run."""

    where: str
    command: str


def lines(name: str, server: str, code: str) -> list[Line]:
    """The commands for one file, by its kind; `code` may be empty."""
    for suffix, made in _MADE.items():
        if name.lower().endswith(suffix):
            return made(name, server, code)
    return []


def defaults(server: str, code: str) -> dict[str, str]:
    """What the machine is told, as settings of the app."""
    return {"server": server} | ({"account": code} if code else {})


def _msi(name: str, server: str, code: str) -> list[Line]:
    account = f" ACCOUNT={code}" if code else ""
    ends = f'SERVERURL="{server}"{account}'
    return [
        Line("Command Prompt as administrator, Intune, RMM as SYSTEM", f'msiexec /i "{name}" /qn /norestart {ends}'),
        Line("Remove it", f'msiexec /x "{name}" /qn /norestart'),
    ]


def _exe(name: str, server: str, code: str) -> list[Line]:
    account = f" /ACCOUNT={code}" if code else ""
    return [Line("Command Prompt as administrator, RMM as SYSTEM", f'"{name}" /S /SERVERURL={server}{account}')]


def _root(install: str, server: str, code: str) -> str:
    told = json.dumps(defaults(server, code))
    where = "/etc/flowpilot/defaults.d"
    return (
        f"sudo mkdir -p {where} && echo {shlex.quote(told)} | sudo tee {where}/10-setup.json >/dev/null"
        f" && sudo {install}"
    )


def _deb(name: str, server: str, code: str) -> list[Line]:
    return [Line("Terminal", _root(f"apt-get install -y {shlex.quote(f'./{name}')}", server, code))]


def _rpm(name: str, server: str, code: str) -> list[Line]:
    return [Line("Terminal", _root(f"dnf install -y {shlex.quote(f'./{name}')}", server, code))]


def _tar(name: str, server: str, code: str) -> list[Line]:
    account = f" --set account={code}" if code else ""
    home = '"$HOME/.local/lib"'
    run = f'"$HOME/.local/lib/flowpilot-tray/flowpilot-tray" --server {shlex.quote(server)}{account}'
    return [
        Line(
            "Terminal, for one person; it keeps itself up to date",
            f"mkdir -p {home} && tar -xJf {shlex.quote(name)} -C {home} && {run}",
        )
    ]


def _pkg(name: str, server: str, code: str) -> list[Line]:
    plist = f"/Library/Preferences/{DOMAIN}"
    writes = [
        f"sudo defaults write {plist} {key} -string {shlex.quote(value)}"
        for key, value in defaults(server, code).items()
    ]
    return [Line("Terminal", " && ".join([*writes, f"sudo installer -pkg {shlex.quote(name)} -target /"]))]


_MADE: Final = {".msi": _msi, ".exe": _exe, ".deb": _deb, ".rpm": _rpm, ".tar.xz": _tar, ".pkg": _pkg}
