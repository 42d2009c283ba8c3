"""A portable installation renews itself: two real bundles, one signed word, a user without rights, no hand on it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from desktop.version import VERSION
from tests.support.releases import FILE, Maker, releasing

ROOT = Path(__file__).parents[2]
NOBODY = 65534
NEWER = "9.0.0"
pytestmark = [pytest.mark.packages, pytest.mark.timeout(1800)]


def bundle(sources: Path, root: Path, version: str) -> Path:
    """The archive of this version, as a release makes it."""
    said = sources / "desktop" / "version.py"
    said.write_text(said.read_text().replace(VERSION, version))
    environment = os.environ | {"FLOWPILOT_UPDATE_ROOT": str(root), "SOURCE_DATE_EPOCH": "1764201600"}
    out = sources / "dist"
    subprocess.run(
        [sys.executable, "packaging/bundle/freeze.py", "--out", str(out)], check=True, cwd=sources, env=environment
    )
    assert (out / "flowpilot-tray" / "_internal" / "desktop" / "updates" / "root.json").is_file()
    archive = sources / FILE.format(version)
    fast = os.environ | {"XZ_OPT": "-0 -T2"}
    subprocess.run(["tar", "-cJf", str(archive), "-C", str(out), "flowpilot-tray"], check=True, env=fast)
    return archive


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Maker, Path]]:
    """A mirror that offers the newer one, and the archive of this one."""
    folder = tmp_path_factory.mktemp("portable")
    folder.chmod(0o755)
    sources = folder / "sources"
    sources.mkdir()
    tree = subprocess.run(["git", "archive", "HEAD"], check=True, cwd=ROOT, stdout=subprocess.PIPE).stdout
    subprocess.run(["tar", "-x", "-C", str(sources)], check=True, input=tree)
    with releasing(folder) as maker:
        root = maker.folder / "metadata" / "1.root.json"
        current = bundle(sources, root, VERSION)
        kept = Path(shutil.move(current, folder / current.name))
        maker.repository.publish("stable", 100, [bundle(sources, root, NEWER)])
        (maker.folder / "updates").symlink_to(".")
        yield maker, kept


@pytest.fixture
def home(made: tuple[Maker, Path]) -> Iterator[Path]:
    """The home of a user without rights, with this version unpacked in it."""
    folder = Path(tempfile.mkdtemp(prefix="fp-home-"))  # the tests' own folders are closed to other users
    folder.chmod(0o755)
    subprocess.run(["tar", "-xJf", str(made[1]), "-C", str(folder)], check=True)
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(folder)], check=True)
    yield folder
    shutil.rmtree(folder)


def within(seconds: float, condition: Callable[[], object]) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not come"
        time.sleep(0.5)


def says(program: Path) -> str:
    return subprocess.run([str(program), "--version"], capture_output=True, text=True, check=True).stdout.strip()


def test_it_becomes_the_newer_one_while_it_runs(made: tuple[Maker, Path], home: Path) -> None:
    program = home / "flowpilot-tray" / "flowpilot-tray"
    assert says(program) == f"flowpilot-tray {VERSION}"
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "QT_QPA_PLATFORM": "offscreen", "LC_ALL": "C.UTF-8"}
    app = subprocess.Popen(
        [str(program), "--server", made[0].url],
        env=environment,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd=home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        begun = Path(f"/proc/{app.pid}/exe").stat().st_ino
        within(420, lambda: Path(f"/proc/{app.pid}/exe").stat().st_ino != begun)
        assert says(program) == f"flowpilot-tray {NEWER}"
        assert app.poll() is None
        former = home / ".flowpilot-tray.former"
        assert former.is_dir(), "until it has proved itself"
        within(180, lambda: not former.exists())
        assert not (home / ".flowpilot-tray.new").exists()
    finally:
        app.send_signal(signal.SIGTERM)
        app.wait(30)
