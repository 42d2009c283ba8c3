"""The program's mark as files: PNG in the sizes that desktops ask for, one ICO for Windows, one ICNS for macOS."""

import os
import struct
import sys
from pathlib import Path
from typing import Final

SIZES: Final = (16, 22, 24, 32, 48, 64, 128, 256)
ICNS_KINDS: Final = {b"ic11": 32, b"ic12": 64, b"ic07": 128, b"ic08": 256}
ICO_SIZES: Final = (16, 24, 32, 48, 64, 128, 256)


def make(folder: Path) -> list[Path]:
    """Draw `SIZE.png` for each size, `flowpilot-tray.icns` and `.ico` into `folder`; answers what was made."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtGui import QColor, QGuiApplication  # noqa: PLC0415 - the build environment only

    from desktop.ui.icons import icon_pixmap  # noqa: PLC0415
    from desktop.ui.tokens import LIGHT  # noqa: PLC0415

    app = QGuiApplication.instance() or QGuiApplication(sys.argv[:1])
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for size in SIZES:
        path = folder / f"{size}.png"
        if not icon_pixmap("arrow", size, QColor(LIGHT.accent)).save(str(path)):
            raise OSError(f"{path} could not be written")
        made.append(path)
    ico = folder / "flowpilot-tray.ico"
    ico.write_bytes(_ico([(size, (folder / f"{size}.png").read_bytes()) for size in ICO_SIZES]))
    icns = folder / "flowpilot-tray.icns"
    icns.write_bytes(_icns({kind: (folder / f"{size}.png").read_bytes() for kind, size in ICNS_KINDS.items()}))
    del app
    return [*made, icns, ico]


def _icns(pictures: dict[bytes, bytes]) -> bytes:
    """PNG pictures in an ICNS: each with its kind and its length, which counts its own head."""
    entries = b"".join(kind + struct.pack(">I", 8 + len(data)) + data for kind, data in pictures.items())
    return b"icns" + struct.pack(">I", 8 + len(entries)) + entries


def _ico(pictures: list[tuple[int, bytes]]) -> bytes:
    """PNG pictures in an ICO (https://learn.microsoft.com/windows/win32/menurc/icons): a size of 0 says 256."""
    head = struct.pack("<HHH", 0, 1, len(pictures))
    offset = len(head) + 16 * len(pictures)
    entries = b""
    for size, data in pictures:
        entries += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(data), offset)
        offset += len(data)
    return head + entries + b"".join(data for _, data in pictures)
