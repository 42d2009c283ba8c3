"""The licences of what the bundle carries, beside it, as each of them asks for.

Qt and PySide6 come under the LGPL 3: their libraries lie in the folder as files of their own and may be replaced by
others of the same interface; the note says where their sources are.
"""

import re
import shutil
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path
from typing import Final

ROOTS: Final = (
    "PySide6-Essentials", "qasync", "httpx", "websockets", "msgspec", "dbus-fast", "keyring", "platformdirs",
    "truststore", "socksio", "python-socks", "tuf",
)  # fmt: skip
"""What the tray app itself imports; the rest follows from their own requirements."""
_LICENCE: Final = re.compile(r"licen[cs]e|copying|notice", re.IGNORECASE)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_COMMON: Final = Path("/usr/share/common-licenses")
"""Debian's; elsewhere the texts are those that a package of the lock brings."""
_GNU: Final = {
    "LGPL-3": re.compile(r"\s*GNU LESSER GENERAL PUBLIC LICENSE\s+Version 3,"),
    "GPL-3": re.compile(r"\s*GNU GENERAL PUBLIC LICENSE\s+Version 3,"),
}
_QT_NOTE: Final = """\
FlowPilot Escalations uses Qt {qt} and Qt for Python {qt} (PySide6, Shiboken6), unchanged, under the GNU Lesser General
Public License, version 3 (LGPL-3 and GPL-3 beside this file).

Their libraries are the files PySide6/ and shiboken6/ in the program's folder. They are linked dynamically: you may
replace them by your own builds of the same interface, and the program then runs with those.

Sources of exactly this version:
  https://download.qt.io/official_releases/qt/{series}/{qt}/
  https://download.qt.io/official_releases/QtForPython/pyside6/
"""


def bundled() -> dict[str, Distribution]:
    """The distributions in the bundle by normal name: the roots and all that they need on this system."""
    found: dict[str, Distribution] = {}
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        try:
            found[key] = distribution(name)
        except PackageNotFoundError:  # asked for under a marker of another system
            continue
        for line in found[key].requires or []:
            match = _NAME.match(line)
            if match and "extra ==" not in line:
                waiting.append(match.group())
    return found


def gnu_text(name: str) -> str:
    """The whole text of one of Qt's licences, `LGPL-3` or `GPL-3`. Raises FileNotFoundError where nobody has it."""
    if (_COMMON / name).exists():
        return (_COMMON / name).read_text(encoding="utf-8")
    for one in distributions():
        for file in one.files or []:
            if _LICENCE.search(file.name) and file.suffix not in {".py", ".pyc"}:
                path = Path(str(one.locate_file(file)))
                text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
                if _GNU[name].match(text):
                    return text
    raise FileNotFoundError(f"the text of the {name} is neither in {_COMMON} nor in an installed package")


def collect(folder: Path) -> None:
    """Write each distribution's licence texts into `folder`, and an index that names versions and licences."""
    folder.mkdir(parents=True, exist_ok=True)
    index = []
    for key, one in sorted(bundled().items()):
        meta = one.metadata
        named = next((meta[name] for name in ("License-Expression", "License") if name in meta), "")
        index.append(f"{meta['Name']} {one.version}: {named.splitlines()[0] if named else 'see its folder'}")
        for file in one.files or []:
            if _LICENCE.search(file.name) and not file.name.endswith((".py", ".pyc")):
                target = folder / key / file.name
                target.parent.mkdir(exist_ok=True)
                shutil.copyfile(str(one.locate_file(file)), target)
    qt = distribution("PySide6-Essentials").version
    (folder / "QT.txt").write_text(_QT_NOTE.format(qt=qt, series=qt.rpartition(".")[0]), encoding="utf-8")
    for name in _GNU:
        (folder / name).write_text(gnu_text(name), encoding="utf-8")
    (folder / "INDEX.txt").write_text("\n".join(index) + "\n", encoding="utf-8")
