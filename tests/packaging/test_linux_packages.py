"""The Linux packages, as an administrator lives with them: built twice, installed, used, upgraded, removed."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import indent

import pytest
from ruamel.yaml import YAML

from backend.web.install_lines import lines
from desktop.version import VERSION
from tests.desktop.computer import computer
from tests.desktop.rig import serving
from tests.packaging.clean_root import CleanRoot, clean_root
from tests.packaging.documented import blocks
from tests.support.senior_desk import SeniorDesk, wait_until

pytestmark = [pytest.mark.packages, pytest.mark.timeout(3600), pytest.mark.xdist_group("packages")]

ROOT = Path(__file__).parents[2]
DEB = f"flowpilot-tray_{VERSION}_amd64.deb"
RPM = f"flowpilot-tray-{VERSION}-1.x86_64.rpm"
ARCHIVE = f"flowpilot-tray-{VERSION}-linux-x86_64.tar.xz"
NEWER = VERSION.rpartition(".")[0] + ".999"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of this tree, or those of FLOWPILOT_LINUX_DIST."""
    if given := os.environ.get("FLOWPILOT_LINUX_DIST"):
        return Path(given)
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
    for measure, name in enumerate(("processor", "clock")):
        assert best["frozen"][measure] <= 1.2 * best["sources"][measure], (name, best)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _sums(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 100
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_an_rpm_and_an_archive_hold_the_same_program(built: Path) -> None:
    assert (built / RPM).stat().st_size > 20_000_000
    archive = built / ARCHIVE
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


def test_removed_nothing_runs_and_purged_nothing_is_left(root: CleanRoot, tmp_path: Path) -> None:
    """It runs, docked in a tray of the old kind, when apt removes it."""
    kept = root.path("/etc/flowpilot/policy.d/10-shop.json")
    kept.write_text('{"organisation": "Northbeam IT"}')
    assert root.path("/etc/xdg/autostart/flowpilot-tray.desktop").exists()
    said = root.run("flowpilot-tray", "--print-settings").stdout
    assert "Northbeam IT" in said
    with _docked(root, tmp_path) as app:
        root.run("apt-get", "remove", "-y", "-q", "flowpilot-tray")
        app.wait(60)
    assert not root.path("/usr/lib/flowpilot-tray").exists()
    assert not root.path("/usr/bin/flowpilot-tray").is_symlink()
    root.run("apt-get", "purge", "-y", "-q", "flowpilot-tray")
    assert not root.path("/etc/xdg/autostart/flowpilot-tray.desktop").exists()
    assert kept.exists()  # what the administrator wrote is the administrator's


@contextlib.contextmanager
def _docked(root: CleanRoot, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The installed app on a screen of its own, its icon in a real tray."""
    desk = SeniorDesk(folder / "desk", "", "")
    started: list[subprocess.Popen[bytes]] = []

    def panel() -> str:
        command = ["xwininfo", "-name", "panel", "-tree"]
        return subprocess.run(command, env=desk.environment, capture_output=True, text=True, check=False).stdout

    try:
        desk.start_desktop()
        command = ["chroot", str(root.folder), "/usr/bin/flowpilot-tray", "--server", "http://127.0.0.1:9"]
        started.append(subprocess.Popen(command, env=desk.environment, stdin=subprocess.DEVNULL))
        wait_until("its icon in the tray", lambda: '"flowpilot-tray"' in panel(), 60)
        yield started[0]
    finally:
        for app in started:
            if app.poll() is None:
                app.kill()
            app.wait(10)
        desk.stop()


@pytest.fixture
def shop(built: Path, root: CleanRoot) -> Path:
    """The folder with the installers in which an administrator types; root already, so `sudo` does nothing."""
    folder = root.path("/var/shop")
    if not folder.exists():
        folder.mkdir()
        for name in (DEB, RPM, ARCHIVE):
            shutil.copy(built / name, folder)
        sudo = root.path("/usr/bin/sudo")
        sudo.write_text('#!/bin/sh\nexec "$@"\n')
        sudo.chmod(0o755)
    return folder


def _typed(root: CleanRoot, command: str) -> str:
    return root.run("sh", "-ec", f"cd /var/shop; {command}").stdout


def test_the_documented_commands_and_the_admin_pages_roll_it_out(root: CleanRoot, shop: Path) -> None:
    """Copied into a script they must do all: the next start knows the server and the set-up code."""
    page, told = blocks("linux.md"), ("https://flowpilot.example.com", "KQ7F-2MXR-9TWC")
    assert shop.is_dir()
    _typed(root, page[0])
    assert all(words in root.run("flowpilot-tray", "--print-settings").stdout for words in told)
    assert _typed(root, "dpkg-query -W -f '${Version}' flowpilot-tray") == VERSION
    root.run("apt-get", "purge", "-y", "-q", "flowpilot-tray")
    (line,) = lines(DEB, "https://other.example.com/it's", "AAAA-BBBB-CCCC")
    _typed(root, line.command)
    said = root.run("flowpilot-tray", "--print-settings").stdout
    assert "https://other.example.com/it's" in said
    assert "AAAA-BBBB-CCCC" in said
    root.run("apt-get", "purge", "-y", "-q", "flowpilot-tray")
    root.path("/etc/flowpilot/defaults.d/10-setup.json").unlink()
    root.run("apt-get", "install", "-y", "-q", "xz-utils")  # desktops have it
    (line,) = lines(ARCHIVE, *told)
    for command in (page[-1].strip(), line.command):
        said = _typed(root, f"export HOME=/var/shop/home; {command} --print-settings")
        assert all(words in said for words in told)


def test_the_ansible_tasks_of_the_page_do_the_same(root: CleanRoot, shop: Path) -> None:
    """Twice, as a fleet's runs come again and again: the second changes nothing."""
    (tasks,) = blocks("linux.md", "yaml")
    (shop / "play.yml").write_text(f"- hosts: localhost\n  gather_facts: false\n  tasks:\n{indent(tasks, '    ')}")
    root.run("apt-get", "install", "-y", "-q", "--no-install-recommends", "ansible-core", "python3-apt")
    root.path("/dev/shm").mkdir(mode=0o1777, exist_ok=True)  # noqa: S108 - its semaphores lie there
    for changed in (r"changed=[1-4] ", "changed=0 "):
        said = _typed(root, "export HOME=/root; ansible-playbook -i localhost, -c local play.yml")
        assert re.search(changed, said), said
    assert "KQ7F-2MXR-9TWC" in root.run("flowpilot-tray", "--print-settings").stdout
    root.run("apt-get", "purge", "-y", "-q", "flowpilot-tray")
    root.path("/etc/flowpilot/defaults.d/10-setup.json").unlink()


def _stand_in(folder: Path) -> Path:
    """A package of nothing that says it brings what ours asks for: Debian's desktop, in the words of an rpm."""
    config = YAML(typ="safe", pure=True).load((ROOT / "packaging" / "linux" / "nfpm.yaml").read_text())
    asked = config["overrides"]["rpm"]
    told = {
        "name": "a-desktop", "arch": "amd64", "platform": "linux", "version": "1.0.0", "description": "A desktop",
        "maintainer": "FlowPilot maintainers <maintainers@flowpilot.example>",
        "provides": [*asked["depends"], *asked["recommends"], "/bin/sh"],
    }  # fmt: skip
    (folder / "a-desktop.yaml").write_text(json.dumps(told))
    made = folder / "a-desktop.rpm"
    program = Path(sys.executable).with_name("nfpm")
    command = [str(program), "package", "--config", str(folder / "a-desktop.yaml"), "--packager", "rpm", "--target"]
    subprocess.run([*command, str(made)], check=True, stdout=subprocess.DEVNULL)
    return made


def test_the_rpm_is_rolled_out_and_removed_by_dnf(root: CleanRoot, shop: Path) -> None:
    """By the admin page's command and the documented ones; a stand-in brings what a desktop of that world has."""
    root.run("apt-get", "install", "-y", "-q", "--no-install-recommends", "dnf", "rpm")
    _typed(root, f"dnf install -y ./{_stand_in(shop).name}")
    (line,) = lines(RPM, "https://other.example.com/it's", "AAAA-BBBB-CCCC")
    _typed(root, line.command)
    assert _typed(root, "rpm -q --qf '%{VERSION}' flowpilot-tray") == VERSION
    assert "https://other.example.com/it's" in root.run("flowpilot-tray", "--print-settings").stdout
    assert root.path("/etc/xdg/autostart/flowpilot-tray.desktop").exists()
    _typed(root, f"dnf reinstall -y ./{RPM}")
    assert root.run("flowpilot-tray", "--version").stdout == f"flowpilot-tray {VERSION}\n"
    _typed(root, "dnf remove -y flowpilot-tray")
    for path in ("/usr/lib/flowpilot-tray", "/usr/bin/flowpilot-tray", "/etc/xdg/autostart/flowpilot-tray.desktop"):
        assert not os.path.lexists(root.path(path)), path


def test_lintian_finds_nothing_but_what_a_bundle_cannot_help(built: Path) -> None:
    done = subprocess.run(
        ["lintian", "--fail-on", "error", "--tag-display-limit", "0", str(built / DEB)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-3000:]
