"""A diagnostics trace of milestones, for measurements and end-to-end tests.

With the environment variable `FLOWPILOT_TRAY_EVENTS=PATH` one JSON object for each milestone is appended to PATH, one
a line: `event` (its name), `mono` (monotonic seconds), `wall` (UTC, RFC 3339), and what belongs to it:

| event | with |
|---|---|
| `icon_visible` | `system`: whether the desktop has a tray |
| `signed_in`, `live`, `signed_out` | |
| `frame` | `handoff`, `kind`, `seq` of an event frame, before it is handled |
| `toast_called`, `toast_shown`, `toast_withdrawn` | `toast` (the handoff's id, `digest`, `test`), `variant`, `how` |
| `toast_covered` | `toast`, `variant`, `reason`: put up while nobody could see it |
| `claim` | `handoff`, `origin`, `outcome`: claimed, already_yours, lost, own, offline, unknown, gone, failed, … |
| `opened` | `path` of the address given to the browser, `opened`; never the ticket |

Without the variable nothing is written. No customer text, no names, no token.
"""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO


class FileTrace:
    """`desktop.core.ports.Trace` into a file; with no path it does nothing."""

    def __init__(self, path: Path | None) -> None:
        self._file: TextIO | None = path.open("a", encoding="utf-8") if path is not None else None

    def mark(self, name: str, **fields: object) -> None:
        """Append one line."""
        if self._file is None:
            return
        line = {"event": name, "mono": time.monotonic(), "wall": datetime.now(UTC).isoformat(), **fields}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def close(self) -> None:
        """No more lines."""
        if self._file is not None:
            self._file.close()
            self._file = None
