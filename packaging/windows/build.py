"""Builds what Windows computers install: an .msi and a set-up .exe, from one bundle.

    python packaging/windows/build.py --out dist                  the bundle is frozen under Wine: a test build
    python packaging/windows/build.py --out dist --bundle FOLDER  the bundle comes from a Windows computer: a release

The second takes the folder that `packaging/bundle/freeze.py` made there. Both are packed, and signed where the
environment names a certificate (packaging/windows/sign.py), here on Linux.
"""

import argparse
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "bundle"), str(ROOT)]

import freeze  # noqa: E402 - beside this file
import freeze_wine  # noqa: E402
import icons  # noqa: E402
import msi  # noqa: E402
import nsis  # noqa: E402
import product  # noqa: E402
import sign  # noqa: E402

from desktop.version import VERSION  # noqa: E402


def named(version: str, *, test: bool) -> tuple[str, str, str]:
    """Name of the product, of its package and of its set-up."""
    label = "-test" if test else ""
    title = f"{product.NAME} (test build)" if test else product.NAME
    return title, f"flowpilot-tray-{version}-x64{label}.msi", f"flowpilot-tray-{version}-x64-setup{label}.exe"


def pack(bundle: Path, out: Path, *, version: str, test: bool, signer: sign.Signer | None) -> Iterator[Path]:
    """Make both from a bundle. Raises what their builders raise, and `sign.SigningError`."""
    out.mkdir(parents=True, exist_ok=True)
    work = ROOT / "build" / "windows-work"
    icon = ROOT / "build" / "icons" / "flowpilot-tray.ico"
    if not icon.exists():
        icons.make(icon.parent)
    if signer is not None:
        signer.sign(bundle / product.PROGRAM)
    title, package, setup = named(version, test=test)
    finish = shlex.join([sys.executable, str(HERE / "sign.py")]) if signer is not None else ""
    msi.build(bundle, icon, out / package, work, version=version, name=title)
    nsis.build(bundle, icon, out / setup, work, version=version, name=title, finish=finish)
    for path in (out / package, out / setup):
        if signer is not None:
            signer.sign(path)
        yield path


def _signer(*, release: bool) -> sign.Signer | None:
    """As the environment names it. Raises `sign.SigningError`."""
    signer = sign.Signer.of_environment(os.environ)
    if release and signer is not None and not signer.time_stamp:
        raise sign.SigningError(
            "FLOWPILOT_SIGN_TIMESTAMP is not set: a release's signature must outlive its certificate"
        )
    return signer


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--bundle", type=Path, help="a bundle that was frozen on Windows")
    options = parser.parse_args()
    try:
        signer = _signer(release=options.bundle is not None)
        if options.bundle is None:
            bundle = freeze_wine.freeze_under_wine(ROOT / "build" / "windows", ROOT / "build" / "freeze-windows")
        else:
            bundle = ROOT / "build" / "windows" / freeze.NAME
            shutil.rmtree(bundle, ignore_errors=True)
            shutil.copytree(options.bundle, bundle)
            freeze_wine.finish(bundle)
        if (size := freeze.size_of(bundle)) > freeze.MOST_BYTES:
            print(f"the bundle holds {size / 1e6:.1f} MB, more than {freeze.MOST_BYTES / 1e6:.0f}", file=sys.stderr)
            return 1
        made = list(pack(bundle, options.out.resolve(), version=VERSION, test=options.bundle is None, signer=signer))
    except (subprocess.SubprocessError, RuntimeError, OSError, ValueError) as exc:
        said = exc.stdout or "" if isinstance(exc, subprocess.CalledProcessError) else ""
        print(f"{exc}\n{said}".rstrip(), file=sys.stderr)
        return 1
    for path in made:
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}  {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
