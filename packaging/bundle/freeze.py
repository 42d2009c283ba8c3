"""Builds the bundle: one folder with the program, byte for byte the same for the same sources and packages.

python packaging/bundle/freeze.py --out dist            makes dist/flowpilot-tray/
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
NAME: Final = "flowpilot-tray"
MOST_BYTES: Final = 125_000_000
"""What the folder may hold; an administrator rolls it out over slow lines."""

sys.path[:0] = [str(HERE), str(ROOT)]


def epoch() -> str:
    """The time that stands in everything built: SOURCE_DATE_EPOCH, else that of the last commit, else a fixed one."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return given
    done = subprocess.run(
        ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "1764201600"


def freeze(out: Path, work: Path) -> Path:
    """Make `out`/flowpilot-tray. Raises CalledProcessError with PyInstaller's own words on standard error."""
    import icons  # noqa: PLC0415 - beside this file
    import licences  # noqa: PLC0415

    icons.make(ROOT / "build" / "icons")
    environment = os.environ | {"PYTHONHASHSEED": "1", "SOURCE_DATE_EPOCH": epoch(), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(
        [
            sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level=WARN",
            "--distpath", str(out), "--workpath", str(work), str(ROOT / "build.spec"),
        ],
        check=True,
        env=environment,
        cwd=ROOT,
    )  # fmt: skip
    bundle = out / NAME
    app = out / "FlowPilot Escalations.app" / "Contents" / "Resources"
    licences.collect((app if sys.platform == "darwin" else bundle) / "licences")
    _plain_modes(bundle)
    _same_times(bundle)
    return bundle


def size_of(folder: Path) -> int:
    """Bytes in all its files."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _plain_modes(bundle: Path) -> None:
    """Nothing but the program itself is started; libraries that may be, are what package checkers rightly ask about."""
    for path in bundle.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path == bundle / NAME else 0o644)


def _same_times(folder: Path) -> None:
    moment = int(epoch())
    follow = (
        os.utime not in os.supports_follow_symlinks
    )  # Windows knows no other way, and the bundle has no links there
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (moment, moment), follow_symlinks=follow)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    options = parser.parse_args()
    bundle = freeze(options.out, ROOT / "build" / "freeze")
    size = size_of(bundle)
    print(f"{bundle}: {size / 1e6:.1f} MB")
    if size > MOST_BYTES:
        shutil.rmtree(bundle)
        print(f"more than {MOST_BYTES / 1e6:.0f} MB: see packaging/bundle/slim.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
