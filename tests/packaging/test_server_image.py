"""The server's image, as an operator runs it: built on a Debian of its own, read-only, by a user without rights.

The base that the Containerfile names lies in a registry that tests do not reach; Debian's Python stands for it. Needs
root, debootstrap and buildah: `make test-server`.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.packaging.clean_root import bootstrap

ROOT = Path(__file__).parents[2]
READY = re.compile(r"is ready on (http://[0-9.]+:\d+)")
OWNER = "10001:10001"
SEEN_FROM_OUTSIDE = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf", "/etc/xdg/pip")
"""How this machine reaches its package index; of the build alone, not of the image."""
pytestmark = [pytest.mark.packages, pytest.mark.timeout(1800)]

# What `--read-only --tmpfs /tmp -v …:/var/lib/flowpilot` means, where no container runtime may make its namespaces.
_INSIDE = """
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount --bind "$2" "$1/var/lib/flowpilot"
mount -t tmpfs tmpfs "$1/tmp"
mount -t proc proc "$1/proc"
mount -t tmpfs -o mode=755 dev "$1/dev"
for name in null zero random urandom; do touch "$1/dev/$name"; mount --bind "/dev/$name" "$1/dev/$name"; done
mkdir -m 1777 "$1/dev/shm"
mount -t tmpfs shm "$1/dev/shm"
mount -o remount,bind,ro "$1"
root=$1; user=$3; shift 3
exec chroot --userspec="$user" --groups= "$root" env -i "$@"
"""


class Image:
    """Its files, and what is said of how to run it."""

    def __init__(self, files: Path, settings: dict[str, str]) -> None:
        self.files = files
        self.settings = settings

    def start(self, volume: Path, *command: str) -> "subprocess.Popen[str]":
        """One process in it, in a process namespace of its own."""
        told = [f"{name}={value}" for name, value in self.settings.items()]
        return subprocess.Popen(
            [
                "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _INSIDE, "sh",
                str(self.files), str(volume), OWNER, *told, *command,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    folder = tmp_path_factory.mktemp("image")
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "vfs"\nrunroot = "{folder}/run"\ngraphroot = "{folder}/graph"\n'
    )
    environment = os.environ | {"CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"), "BUILDAH_ISOLATION": "chroot"}

    def buildah(*words: str) -> str:
        done = subprocess.run(
            ["buildah", *words], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout.strip()

    bootstrap(folder / "base", "python3", "python3-venv", "python-is-python3", "ca-certificates")
    (folder / "Base").write_text("FROM scratch\nCOPY base /\n")
    buildah("build", "--quiet", "--tag", "localhost/base", "--file", str(folder / "Base"), str(folder))
    shutil.rmtree(folder / "base")
    shared = [f"--volume={path}:{path}:ro" for path in SEEN_FROM_OUTSIDE if Path(path).exists()]
    words = ["--quiet", "--format", "docker", "--build-arg", "BASE=localhost/base", "--tag", "flowpilot"]
    buildah("build", *words, *shared, "--file", "packaging/server/Containerfile", ".")
    told = json.loads(buildah("inspect", "--type", "image", "flowpilot"))["Docker"]["config"]
    assert told["User"] == OWNER
    assert "/readyz" in told["Healthcheck"]["Test"][-1]
    settings = dict(line.split("=", 1) for line in told["Env"])
    container = buildah("from", "flowpilot")
    try:
        yield Image(Path(buildah("mount", container)), settings)
    finally:
        buildah("rm", container)
        shutil.rmtree(folder)


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    folder = tmp_path / "volume"
    folder.mkdir(mode=0o700)
    shutil.chown(folder, *map(int, OWNER.split(":")))
    return folder


def test_it_serves_without_rights_and_ends_when_it_is_told(image: Image, volume: Path) -> None:
    """The command of the Containerfile's head: database in the volume, first page, a clean end by SIGTERM."""
    server = image.start(volume, "flowpilot", "serve", "--host", "127.0.0.1", "--port", "0")
    timer = threading.Timer(120, server.kill)
    timer.start()
    said: list[str] = []
    try:
        assert server.stdout is not None
        found = None
        for line in server.stdout:
            said.append(line)
            if found := READY.search(line):
                break
        assert found is not None, "".join(said)
        for path, words in (("/readyz", "ready"), ("/sign-in", "Sign in")):
            answer = httpx.get(f"{found[1]}{path}", trust_env=False)
            assert (answer.status_code, words in answer.text) == (200, True), path
    finally:
        timer.cancel()
        (inside,) = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()  # `unshare` stays
        os.kill(int(inside), signal.SIGTERM)
        said.append(server.communicate(timeout=60)[0])
    assert "Application shutdown complete" in "".join(said)


@pytest.mark.parametrize(("path", "may"), [("/x", False), ("/opt/flowpilot/x", False), ("/var/lib/flowpilot/x", True)])
def test_it_writes_into_its_volume_alone(image: Image, volume: Path, path: str, *, may: bool) -> None:
    done = image.start(volume, "touch", path)
    said = done.communicate(timeout=60)[0]
    assert (done.returncode == 0) is may, said
    assert may or "Read-only" in said
