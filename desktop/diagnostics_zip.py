"""The diagnostics as one file to send: what *Copy diagnostics* says, the logs, what a crash left. All of it redacted.

Beside the rules of `diagnostics.redacted`, every text of a handoff that this app knows of now is blotted out word for
word, wherever it may have got into a log: titles, customers, reasons, names.
"""

import os
import re
import zipfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from desktop.diagnostics import redacted

LOGS: Final = ("tray.log", "tray.log.1", "tray.log.2", "tray.log.3", "crash.log")
_SHORTEST: Final = 4
_README: Final = """\
FlowPilot Escalations, diagnostics of the tray app.

diagnostics.txt  connection, settings with their origins, tests that were run
tray.log*        the log, newest first
crash.log        the stack of a crash, when there was one

Tokens, sign-in codes, customers, titles and conversation are blotted out.
"""


def save(folder: Path, told: str, logs: Path, private: Iterable[str], now: datetime) -> Path:
    """Write the zip into `folder` and answer its path; `told` is the diagnostics' text. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"flowpilot-diagnostics-{now:%Y%m%d-%H%M%S}.zip"
    blot = _blot(private)
    unfinished = path.with_suffix(".part")
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("README.txt", _README)
            archive.writestr("diagnostics.txt", _clean(told, blot))
            for name in LOGS:
                if (logs / name).is_file():
                    archive.writestr(name, _clean((logs / name).read_text("utf-8", errors="replace"), blot))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def _clean(text: str, blot: re.Pattern[str] | None) -> str:
    text = redacted(text)
    return blot.sub("…", text) if blot is not None else text


def _blot(private: Iterable[str]) -> re.Pattern[str] | None:
    """The longest first, so that no part of one stays; short ones would blot out words of ours."""
    lines = {line.strip() for text in private for line in (text, *text.splitlines())}
    found = sorted((line for line in lines if len(line) >= _SHORTEST), key=len, reverse=True)
    return re.compile("|".join(re.escape(each) for each in found)) if found else None
