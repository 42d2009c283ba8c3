"""Builds all of a release that can be built on this machine, into `dist`.

    make release                 refuses where the changelog has no entry for the version, or the tree is not committed
    make release TRIAL=1         without those two: for trying it

What is made: the server's wheel and its lock, the Linux packages, group-policy templates, an SBOM each of server and
tray app, the Windows installers where Wine and their builders are there (a test build, named so), winget's manifests
where RELEASE_URL says where the installers will lie, the signed word on updates where FLOWPILOT_UPDATE_KEYS names the
keys; SHA256SUMS last.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Container, Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "packaging" / "bundle")]

import licences  # noqa: E402 - beside the bundle's other parts

from desktop.version import VERSION  # noqa: E402

BIN: Final = Path(sys.executable).parent
WINDOWS_NEEDS: Final = ("makensis", "wixl", "msibuild", "wine", "osslsigncode", "x86_64-w64-mingw32-gcc")
SUMS: Final = "SHA256SUMS"
_BLOCK: Final = 1 << 20


class RefusedError(Exception):
    """One plain line: why there is no release."""


def changelog_entry(text: str, version: str) -> str:
    """The day of the version's entry, `## 1.2.0 (2026-11-28)`. Raises `RefusedError` without one, or an empty one."""
    found = re.search(
        rf"^## {re.escape(version)} \((\d{{4}}-\d\d-\d\d)\)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL
    )
    if found is None:
        raise RefusedError(
            f"CHANGELOG.md has no entry `## {version} (YYYY-MM-DD)`: move what is under Unreleased there"
        )
    if not re.search(r"^- ", found[2], re.MULTILINE):
        raise RefusedError(f"the entry of {version} in CHANGELOG.md says nothing")
    return found[1]


def committed(status: str) -> None:
    """Raises `RefusedError` where `git status --porcelain` says anything: nobody could build that again."""
    if status.strip():
        raise RefusedError(f"commit everything first: {status.split(maxsplit=1)[1].splitlines()[0]} is not")


def rooted(environment: Mapping[str, str]) -> None:
    """Raises `RefusedError` where updates are published and built without the root: who takes one never asks again."""
    if environment.get("FLOWPILOT_UPDATE_KEYS") and not environment.get("FLOWPILOT_UPDATE_ROOT"):
        raise RefusedError("FLOWPILOT_UPDATE_ROOT is not set: whoever updates to this would look for no updates again")


def sums(folder: Path) -> str:
    """`SHA256SUMS` of what people download, as `sha256sum --check` reads it; `updates` has signatures of its own."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    offered = [
        path
        for path in files
        if path.relative_to(folder).parts[0] not in {"updates", "flowpilot-tray"} and not path.name.startswith(".")
    ]
    return "".join(f"{_digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in offered)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def locked(lock: str, names: Container[str]) -> str:
    """The entries of a lock that are among `names`, with their hashes."""
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", lock)
    return "".join(entry for entry in entries if entry.partition("==")[0].strip() in names)


def _sbom(what: str, lock: Path, out: Path) -> list[str]:
    return [
        str(BIN / "cyclonedx-py"), "requirements", "--pyproject", "pyproject.toml", "--output-reproducible",
        "--output-format", "JSON", "--output-file", str(out / f"flowpilot-{VERSION}-{what}.cdx.json"), str(lock),
    ]  # fmt: skip


def steps(out: Path) -> Iterable[tuple[str, list[str]]]:
    """What is built, in order, with its command."""
    python = str(BIN / "python")
    wheel = [str(BIN / "uv"), "build", "--quiet", "--wheel", "--no-build-isolation", "--python", python]
    yield "the server's wheel", [*wheel, "--out-dir", str(out), str(ROOT)]
    yield "Linux packages", [python, "packaging/linux/build.py", "--out", str(out)]
    yield "group-policy templates", [python, "packaging/windows/admx.py", "--out", str(out / "policies")]
    yield "SBOM of the server", _sbom("server", ROOT / "packaging" / "server" / "requirements.lock", out)
    tray = ROOT / "build" / "tray-requirements.lock"
    tray.parent.mkdir(exist_ok=True)
    whole = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    tray.write_text(locked(whole, licences.bundled().keys() | {"pywin32-ctypes"}), encoding="utf-8")  # Windows' keyring
    yield "SBOM of the tray app", _sbom("tray", tray, out)
    missing = [name for name in WINDOWS_NEEDS if shutil.which(name) is None]
    if missing or os.environ.get("RELEASE_WINDOWS") == "no":
        print(f"not built here: Windows ({'RELEASE_WINDOWS=no' if not missing else 'missing ' + ', '.join(missing)})")
    else:
        yield "Windows installers, a test build", [python, "packaging/windows/build.py", "--out", str(out)]


def signed_steps(out: Path) -> Iterable[tuple[str, list[str]]]:
    """What needs the files, and what the environment names."""
    python = str(BIN / "python")
    this = f"flowpilot-tray-{VERSION}-"  # the folder may hold what was released before
    made = sorted(out.glob(f"{this}*.msi")) + sorted(out.glob(f"{this}*.exe"))
    windows = [str(path) for path in made if "-test." not in path.name]  # a test build is offered to nobody
    if windows and (url := os.environ.get("RELEASE_URL")):
        winget = [python, "packaging/windows/winget.py", "--url", url, "--out", str(out / "winget")]
        yield "winget's manifests", [*winget, *windows]
    if keys := os.environ.get("FLOWPILOT_UPDATE_KEYS"):
        publish = [python, "packaging/updates/repository.py", "publish", "--keys", keys, "--repo", str(out / "updates")]
        yield "the signed word on updates", [*publish, *(str(path) for path in out.glob(f"{this}linux-x86_64.tar.xz"))]
    else:
        print("not signed here: updates (FLOWPILOT_UPDATE_KEYS names no keys)")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--trial", action="store_true", help="without an entry in the changelog, from any tree")
    options = parser.parse_args()
    out: Path = options.out.resolve()
    try:
        if not options.trial:
            changelog_entry((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), VERSION)
            status = ["git", "-C", str(ROOT), "status", "--porcelain"]
            committed(subprocess.run(status, check=True, capture_output=True, text=True).stdout)
        rooted(os.environ)
        out.mkdir(parents=True, exist_ok=True)
        for what, command in chain(steps(out), signed_steps(out)):  # the second looks at what the first has made
            print(f"== {what}", flush=True)
            subprocess.run(command, check=True, cwd=ROOT)
        shutil.copyfile(ROOT / "packaging" / "server" / "requirements.lock", out / "server-requirements.lock")
    except RefusedError as exc:
        print(f"no release: {exc}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as exc:
        print(f"no release: {Path(exc.cmd[0]).name} ended with {exc.returncode}", file=sys.stderr)
        return 1
    (out / SUMS).write_text(sums(out), encoding="utf-8")
    print((out / SUMS).read_text(encoding="utf-8"), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
