"""The bundle for Windows: by the same `build.spec` as everywhere, on Windows itself or by its Python under Wine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "bundle"), str(ROOT)]

import fetch  # noqa: E402
import freeze  # noqa: E402
import icons  # noqa: E402
import licences  # noqa: E402
import wine  # noqa: E402

_BUILD_S: Final = 1500


def freeze_under_wine(out: Path, work: Path) -> Path:
    """Make `out`/flowpilot-tray with flowpilot-tray.exe in it. Raises RuntimeError with PyInstaller's own words."""
    home = fetch.interpreter()
    prefix = wine.Wine(fetch.cache() / "wine-build" / "prefix")
    prefix.boot()
    icons.make(ROOT / "build" / "icons")
    bundle = out / freeze.NAME
    shutil.rmtree(bundle, ignore_errors=True)
    command = [
        wine.windows_path(home / "python.exe"), "-m", "PyInstaller", "--noconfirm", "--log-level=WARN",
        "--distpath", wine.windows_path(out), "--workpath", wine.windows_path(work),
        wine.windows_path(ROOT / "build.spec"),
    ]  # fmt: skip
    environment = {
        "PYTHONHASHSEED": "1",
        "SOURCE_DATE_EPOCH": freeze.epoch(),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
    }
    if root := os.environ.get("FLOWPILOT_UPDATE_ROOT"):
        environment["FLOWPILOT_UPDATE_ROOT"] = wine.windows_path(Path(root))
    done = prefix.run(command, within_s=_BUILD_S, extra=environment, cwd=ROOT)
    if done.returncode or not (bundle / f"{freeze.NAME}.exe").exists():
        raise RuntimeError(f"PyInstaller under Wine: {done.returncode}\n{done.stdout[-6000:]}")
    finish(bundle)
    return bundle


def finish(bundle: Path) -> None:
    """Licences beside the program, the same times in each build."""
    if not (bundle / "licences").exists():  # what was frozen on Windows has its own, of exactly what is in it
        licences.collect(bundle / "licences")
    moment = int(freeze.epoch())
    for path in (bundle, *bundle.rglob("*")):
        os.utime(path, (moment, moment))


if __name__ == "__main__":
    try:
        made = freeze_under_wine(ROOT / "build" / "windows", ROOT / "build" / "freeze-windows")
    except (subprocess.CalledProcessError, RuntimeError) as exc:
        sys.exit(str(exc))
    print(f"{made}: {freeze.size_of(made) / 1e6:.1f} MB")
