"""The Linux packages, as an administrator lives with them: built twice, installed, used, upgraded, removed."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from desktop.version import VERSION
from tests.desktop.computer import computer
from tests.desktop.rig import serving
from tests.packaging.clean_root import CleanRoot, clean_root

pytestmark = [pytest.mark.packages, pytest.mark.timeout(3600), pytest.mark.xdist_group("packages")]

ROOT = Path(__file__).parents[2]
DEB = f"flowpilot-tray_{VERSION}_amd64.deb"
NEWER = VERSION.rpartition(".")[0] + ".999"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of this tree."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "packaging/linux/build.py", "--out", str(out)], cwd=ROOT, check=True)
    return out


@pytest.fixture(scope="module")
def root(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CleanRoot]:
    """A clean Debian in which the package has been installed by apt."""
    with clean_root(tmp_path_factory.mktemp("root") / "debian") as one:
        shutil.copy(built / DEB, one.path("/var/tray.deb"))
        one.run("apt-get", "install", "-y", "-q", "--no-install-recommends", "/var/tray.deb")
        yield one


def test_two_builds_are_equal_to_the_byte(built: Path, tmp_path: Path) -> None:
    """Whoever doubts a package can build it again and compare."""
    freeze = [sys.executable, "packaging/bundle/freeze.py", "--out", str(tmp_path)]
    subprocess.run(freeze, cwd=ROOT, check=True)
    assert _sums(tmp_path / "flowpilot-tray") == _sums(ROOT / "build" / "linux" / "flowpilot-tray")


async def test_a_frozen_start_costs_no_more_than_a_fifth_more(
    built: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """To the icon, in turns with the program from its sources; the best of each, for the machine may be busy."""
    bundle = ROOT / "build" / "linux" / "flowpilot-tray" / "flowpilot-tray"
    programs = {"frozen": (str(bundle),), "sources": (sys.executable, "-m", "desktop")}
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for turn in range(7):
        for name, program in programs.items():
            folder = tmp_path / f"{name}{turn}"
            folder.mkdir()
            async with computer(folder) as desk:
                desk.program = program
                await desk.start_desktop()
                begun = time.monotonic()
                app = await desk.start_app("http://127.0.0.1:9", None)
                seen = await desk.milestone("icon_visible")
                spent[name].append((_cpu_s(app.pid), float(seen["mono"]) - begun))
    best = {name: tuple(min(column) for column in zip(*turns, strict=True)) for name, turns in spent.items()}
    record_property("starts", best)
    assert best["frozen"][0] <= 1.2 * best["sources"][0], best


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _sums(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 100
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_an_rpm_and_an_archive_hold_the_same_program(built: Path) -> None:
    assert (built / f"flowpilot-tray-{VERSION}-1.x86_64.rpm").stat().st_size > 20_000_000
    archive = built / f"flowpilot-tray-{VERSION}-linux-x86_64.tar.xz"
    listed = subprocess.run(["tar", "-tJf", str(archive)], capture_output=True, text=True, check=True).stdout
    assert "flowpilot-tray/flowpilot-tray\n" in listed


async def test_installed_it_shows_and_an_upgrade_under_it_starts_the_new_one(root: CleanRoot, tmp_path: Path) -> None:
    """With the clean computer's own libraries: icon, notification, receipt; then apt installs a newer one under it."""
    assert root.run("flowpilot-tray", "--version").stdout == f"flowpilot-tray {VERSION}\n"
    async with serving() as server, computer(tmp_path) as desk:
        desk.program = ("chroot", str(root.folder), "/usr/bin/flowpilot-tray")
        await desk.start_desktop()
        await desk.start_app(server.url, "dana")
        await desk.desktop_event("tray-registered")
        await desk.milestone("live")
        handoff_id = server.escalate(priority="high")
        await desk.desktop_event("notify", summary="High: VPN to Leeds clinic drops every hour")
        await server.until(lambda: (handoff_id, "shown") in server.receipts())
        _make_newer(root)
        root.run("apt-get", "install", "-y", "-q", "--no-install-recommends", "/var/newer.deb")
        await desk.wait_for("the running one to notice", lambda: _marks(desk.milestones(), "upgraded"), within_s=90)
        await desk.wait_for("the new one's icon", lambda: _marks(desk.milestones(), "icon_visible") == 2, within_s=30)


def _marks(milestones: list[dict[str, object]], name: str) -> int:
    return sum(1 for mark in milestones if mark["event"] == name)


def _make_newer(root: CleanRoot) -> None:
    """The same package under a higher version, as dpkg sees it: every file replaced."""
    work = root.path("/var/newer")
    subprocess.run(["dpkg-deb", "-R", str(root.path("/var/tray.deb")), str(work)], check=True)
    control = work / "DEBIAN" / "control"
    control.write_text(control.read_text().replace(f"Version: {VERSION}", f"Version: {NEWER}"))
    program = work / "usr/lib/flowpilot-tray/flowpilot-tray"
    os.utime(program, None)
    subprocess.run(
        ["dpkg-deb", "-Znone", "--root-owner-group", "--build", str(work), str(root.path("/var/newer.deb"))],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def test_removed_nothing_runs_and_purged_nothing_is_left(root: CleanRoot) -> None:
    kept = root.path("/etc/flowpilot/policy.d/10-shop.json")
    kept.write_text('{"organisation": "Northbeam IT"}')
    assert root.path("/etc/xdg/autostart/flowpilot-tray.desktop").exists()
    root.run("apt-get", "remove", "-y", "-q", "flowpilot-tray")
    assert not root.path("/usr/lib/flowpilot-tray").exists()
    assert not root.path("/usr/bin/flowpilot-tray").is_symlink()
    root.run("apt-get", "purge", "-y", "-q", "flowpilot-tray")
    assert not root.path("/etc/xdg/autostart/flowpilot-tray.desktop").exists()
    assert kept.exists()  # what the administrator wrote is the administrator's


def test_lintian_finds_nothing_but_what_a_bundle_cannot_help(built: Path) -> None:
    done = subprocess.run(
        ["lintian", "--fail-on", "error", "--tag-display-limit", "0", str(built / DEB)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-3000:]
