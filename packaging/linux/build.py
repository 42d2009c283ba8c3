"""Builds what Linux computers install: a .deb, an .rpm and a .tar.xz, from one bundle.

    python packaging/linux/build.py --out dist

The same sources and packages give the same files, byte for byte.
"""

import argparse
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
sys.path[:0] = [str(HERE.parent / "bundle"), str(ROOT)]

import freeze  # noqa: E402 - beside the bundle's other parts
import icons  # noqa: E402

from desktop.version import VERSION  # noqa: E402

ICON: Final = "flowpilot-tray.png"


def stage(folder: Path, bundle: Path) -> None:
    """What lies beside the bundle: icons, documentation, the manual page."""
    shutil.rmtree(folder, ignore_errors=True)
    for size in icons.SIZES:
        target = folder / "icons" / f"{size}x{size}" / "apps"
        target.mkdir(parents=True)
        shutil.copyfile(ROOT / "build" / "icons" / f"{size}.png", target / ICON)
    doc = folder / "doc"
    (doc / "examples").mkdir(parents=True)
    _gzip(ROOT / "CHANGELOG.md", doc / "changelog.gz")
    shutil.copyfile(HERE / "policy-example.json", doc / "examples" / "policy.json")
    index = (bundle / "licences" / "INDEX.txt").read_text(encoding="utf-8")
    (doc / "copyright").write_text(
        f"FlowPilot Escalations {VERSION}\nCopyright 2026 FlowPilot\n\nThe LGPL 3 stands in"
        f" /usr/share/common-licenses/LGPL-3 as well.\n\nThe bundle carries these, under the licences in"
        f" /usr/lib/flowpilot-tray/licences:\n\n{index}",
        encoding="utf-8",
    )
    _gzip(HERE / "flowpilot-tray.1", folder / "flowpilot-tray.1.gz")


def packages(out: Path, folder: Path, bundle: Path) -> Iterator[Path]:
    """Make the .deb and the .rpm."""
    moment = datetime.fromtimestamp(int(freeze.epoch()), UTC)
    environment = os.environ | {
        "VERSION": VERSION,
        "MTIME": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "SOURCE_DATE_EPOCH": freeze.epoch(),
    }
    config = folder / "nfpm.yaml"
    text = (HERE / "nfpm.yaml").read_text(encoding="utf-8")
    for name, value in (("BUNDLE", bundle), ("STAGE", folder), ("MTIME", environment["MTIME"])):
        text = text.replace(f"${{{name}}}", str(value))
    config.write_text(text, encoding="utf-8")
    for kind, name in (
        ("deb", f"flowpilot-tray_{VERSION}_amd64.deb"),
        ("rpm", f"flowpilot-tray-{VERSION}-1.x86_64.rpm"),
    ):
        program = Path(sys.executable).with_name("nfpm")
        command = [str(program), "package", "--config", str(config), "--packager", kind, "--target", str(out / name)]
        subprocess.run(command, check=True, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        yield out / name


def archive(out: Path, bundle: Path) -> Path:
    """Make the .tar.xz: the bundle alone, for a computer without either packager."""
    path = out / f"flowpilot-tray-{VERSION}-linux-x86_64.tar.xz"
    command = [
        "tar", "--create", "--xz", "--file", str(path), "--sort=name", "--owner=0", "--group=0", "--numeric-owner",
        f"--mtime=@{freeze.epoch()}", "--mode=u+w,go-w", "--directory", str(bundle.parent), bundle.name,
    ]  # fmt: skip
    subprocess.run(command, check=True, env=os.environ | {"XZ_OPT": "-6 -T1"})
    return path


def _gzip(source: Path, target: Path) -> None:
    target.write_bytes(gzip.compress(source.read_bytes(), compresslevel=9, mtime=0))


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    out = parser.parse_args().out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    bundle = freeze.freeze(ROOT / "build" / "linux", ROOT / "build" / "freeze")
    size = freeze.size_of(bundle)
    if size > freeze.MOST_BYTES:
        print(f"the bundle holds {size / 1e6:.1f} MB, more than {freeze.MOST_BYTES / 1e6:.0f} MB", file=sys.stderr)
        return 1
    folder = ROOT / "build" / "stage"
    stage(folder, bundle)
    for path in (*packages(out, folder, bundle), archive(out, bundle)):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}  {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
