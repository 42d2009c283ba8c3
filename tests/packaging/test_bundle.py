"""What the bundle leaves out, held against what the running program loads."""

import importlib.util
import os
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

BUNDLE = Path(__file__).parents[2] / "packaging" / "bundle"

_EVERYTHING = """
import importlib, pathlib, pkgutil, sys
import desktop
for module in pkgutil.walk_packages(desktop.__path__, "desktop."):
    if not module.name.endswith(("_test", ".registry", "__main__")):
        importlib.import_module(module.name)
files = {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}
print("\\n".join([*("module " + name for name in sys.modules), *("file " + name for name in files)]))
"""


def beside(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BUNDLE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def loaded() -> list[str]:
    """Modules and libraries of a process that has imported every part of the tray app."""
    done = subprocess.run([sys.executable, "-c", _EVERYTHING], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_nothing_that_the_app_imports_is_excluded(loaded: list[str]) -> None:
    """An excluded module is missing on every user's computer, and only there."""
    modules = {line.removeprefix("module ") for line in loaded if line.startswith("module ")}
    assert "desktop.ui.queue_window" in modules
    excluded = beside("slim").EXCLUDED_MODULES
    assert sorted(m for m in modules if any(m == e or m.startswith(f"{e}.") for e in excluded)) == []


def test_no_library_that_the_app_loads_is_dropped_unless_the_package_asks_the_system_for_it(loaded: list[str]) -> None:
    is_dropped = beside("slim").is_dropped
    files = {Path(line.removeprefix("file ")) for line in loaded if line.startswith("file ")}
    ours = {file for file in files if "site-packages" in file.parts}
    names = {"/".join(file.parts[file.parts.index("site-packages") + 1 :]) for file in ours}
    assert any("libQt6Widgets" in name for name in names)
    assert sorted(name for name in names if is_dropped(name)) == []


@pytest.mark.parametrize(
    ("name", "dropped"),
    [
        ("PySide6/Qt/lib/libQt6Widgets.so.6", False),
        ("PySide6/Qt/lib/libQt6Quick.so.6", True),
        ("libQt6OpenGL.so.6", True),
        ("PySide6/Qt/plugins/platforms/libqxcb.so", False),
        ("PySide6/Qt/plugins/platforms/libqwayland.so", False),
        ("PySide6\\Qt\\translations\\qt_de.qm", True),
        ("libssl.so.3", True),
        ("libssl-3.dll", False),
        ("PySide6\\opengl32sw.dll", True),
        ("PySide6\\Qt6Widgets.dll", False),
        ("Qt6Quick.dll", True),
        ("PySide6\\plugins\\platforms\\qwindows.dll", False),
        ("PySide6\\plugins\\platforms\\qdirect2d.dll", True),
        ("PySide6\\plugins\\imageformats\\qico.dll", False),
        ("PySide6\\plugins\\imageformats\\qwebp.dll", True),
        ("PySide6\\translations\\qt_de.qm", True),
        ("libxcb-cursor.so.0", False),
        ("python3.11/lib-dynload/_ssl.cpython-311-x86_64-linux-gnu.so", False),
    ],
)
def test_what_is_left_out(name: str, *, dropped: bool) -> None:
    assert beside("slim").is_dropped(name) is dropped


def test_every_bundled_package_brings_its_licence(tmp_path: Path) -> None:
    """Each licence asks for its text to go along; Qt's also for a way to its sources."""
    licences = beside("licences")
    licences.collect(tmp_path)
    without = {"pyside6-essentials", "shiboken6"}  # their wheels carry none: QT.txt and the LGPL stand for them
    for key in licences.bundled():
        assert key in without or any((tmp_path / key).iterdir()), key
    text = (tmp_path / "QT.txt").read_text()
    assert "download.qt.io/official_releases/QtForPython" in text
    assert "Version 3" in (tmp_path / "LGPL-3").read_text()


def test_qts_licences_go_along_from_a_system_that_keeps_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows and macOS: without them the release builder would end, or Qt be given out without its licence."""
    licences = beside("licences")
    debians = {name: licences.gnu_text(name).split() for name in ("LGPL-3", "GPL-3")}
    monkeypatch.setattr(licences, "_COMMON", tmp_path)
    for name, words in debians.items():
        found = licences.gnu_text(name).split()
        assert abs(len(found) - len(words)) < 20, "the whole of it"
        assert found[:8] == words[:8]


def test_the_same_times_are_given_where_links_are_followed_always(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where a release is frozen."""
    real = os.utime

    def windows(path: Path, times: tuple[int, int], *, follow_symlinks: bool = True) -> None:
        if not follow_symlinks:
            raise NotImplementedError("utime: follow_symlinks unavailable on this platform")
        real(path, times)

    monkeypatch.setattr(os, "utime", windows)
    monkeypatch.setattr(os, "supports_follow_symlinks", set())
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    (tmp_path / "a.dll").write_bytes(b"")
    beside("freeze")._same_times(tmp_path)
    assert (tmp_path / "a.dll").stat().st_mtime == 1_700_000_000


def test_the_icon_holds_every_size_that_windows_asks_for(tmp_path: Path, qapp: object) -> None:
    ico = beside("icons").make(tmp_path)[-1].read_bytes()
    _, kind, count = struct.unpack("<HHH", ico[:6])
    sizes = [ico[6 + 16 * place] or 256 for place in range(count)]
    assert (kind, sizes) == (1, [16, 24, 32, 48, 64, 128, 256])
    icns = (tmp_path / "flowpilot-tray.icns").read_bytes()
    assert (icns[:4], struct.unpack(">I", icns[4:8])[0]) == (b"icns", len(icns))
