"""The Windows installers, as an administrator and a user live with them, under Wine: built, installed, used, upgraded,
removed. `make test-windows` runs it. FLOWPILOT_WINDOWS_BUNDLE names a bundle that is frozen already,
FLOWPILOT_WINDOWS_DIST its installers.

What Wine cannot show: notifications of the system's own, what a time stamp is worth to SmartScreen.
"""

import filecmp
import os
import re
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import build as windows_build
import freeze_wine
import msi
import product
import pytest
import sign

from backend.web.install_lines import lines
from desktop.version import VERSION
from tests.conftest import Http, StartServer
from tests.packaging.documented import blocks
from tests.packaging.windows_computer import PROGRAM, WindowsComputer, windows_computer
from tests.support import code_signer
from tests.support.flow import API
from tests.support.people import Crew

TITLE = "FlowPilot Escalations"
pytestmark = [pytest.mark.windows, pytest.mark.timeout(3600), pytest.mark.xdist_group("packages")]

ROOT = Path(__file__).parents[2]
NEWER = VERSION.rpartition(".")[0] + ".999"
REFUSED, RESTART_DUE = 1603 % 256, 3010 % 256
RUN = rf"HKLM\{product.RUN_KEY}"
DEFAULTS = rf"HKLM\{product.MACHINE_KEY}"
FOLDER = Path("drive_c/Program Files/FlowPilot")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This tree's program for Windows."""
    if given := os.environ.get("FLOWPILOT_WINDOWS_BUNDLE"):
        return shutil.copytree(given, tmp_path_factory.mktemp("bundle") / "flowpilot-tray")
    return freeze_wine.freeze_under_wine(ROOT / "build" / "windows", ROOT / "build" / "freeze-windows")


@pytest.fixture(scope="module")
def built(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its installers, signed by a certificate made here; and a newer package."""
    if given := os.environ.get("FLOWPILOT_WINDOWS_DIST"):
        return Path(given)
    out = tmp_path_factory.mktemp("dist")
    authority = code_signer.make(tmp_path_factory.mktemp("authority"))
    names = {"CERTIFICATE": authority.certificate, "KEY": authority.key, "ROOTS": authority.root}
    with pytest.MonkeyPatch.context() as patch:
        for name, path in names.items():
            patch.setenv(f"FLOWPILOT_SIGN_{name}", str(path))
        signer = sign.Signer.of_environment(os.environ)
        assert signer is not None
        for path in windows_build.pack(bundle, out, version=VERSION, test=True, signer=signer):
            signer.verify(path)
    icon = ROOT / "build" / "icons" / "flowpilot-tray.ico"
    title, package, _setup = windows_build.named(NEWER, test=True)
    msi.build(bundle, icon, out / package, ROOT / "build" / "windows-work", version=NEWER, name=title)
    return out


def _files(built: Path, version: str = VERSION) -> tuple[Path, Path]:
    _title, package, setup = windows_build.named(version, test=True)
    return built / package, built / setup


def _same_files(one: WindowsComputer, bundle: Path) -> int:
    """How many files the installed folder shares with the bundle, to the byte."""
    names = [str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()]
    same, _different, _missing = filecmp.cmpfiles(bundle, one.wine.folder / FOLDER, names, shallow=False)
    assert sorted(same) == sorted(names)
    return len(same)


def _shortcuts(one: WindowsComputer) -> list[Path]:
    """In a Start menu; Wine takes the user's where Windows Installer takes everybody's."""
    return list(one.wine.drive.rglob("Start Menu/Programs/FlowPilot Escalations.lnk"))


async def test_the_package_from_roll_out_to_removal(
    built: Path,
    bundle: Path,
    http: Http,
    people: Callable[..., Awaitable[Crew]],
    start_server: StartServer,
    tmp_path: Path,
) -> None:
    """Silent, set up beforehand, used by one engineer, upgraded under them, removed to the last key."""
    package, newer = _files(built)[0], _files(built, NEWER)[0]
    crew, server = await people(), await start_server(FLOWPILOT_WORKER="on")
    async with windows_computer(tmp_path / "computer") as pc:
        assert await pc.msiexec("/i", package, "PROXY=http://user:secret@proxy:3128") == REFUSED
        assert await pc.msiexec("/i", package, "SERVERURL=ftp://x") == REFUSED
        assert not (pc.wine.folder / FOLDER).exists()
        await pc.watch_every_start()

        told = (f"SERVERURL={server.url}", "ACCOUNT=NORTHWIND-7", "UPDATECHANNEL=early", r"CAFILE=C:\no file.pem")
        assert await pc.msiexec("/i", package, *told, "PROXY=http://proxy.example:3128", "AUTOSTART=0") == 0
        assert await pc.values(DEFAULTS) == {
            "ServerUrl": server.url,
            "Account": "NORTHWIND-7",
            "UpdateChannel": "early",
            "CaFile": r"C:\no file.pem",
            "proxy.url": "http://proxy.example:3128",
            "proxy.mode": "manual",
            "start_at_login": "0",
        }
        assert await pc.registry(r"HKLM\Software\Policies\FlowPilot") == {}
        assert await pc.values(RUN) == {}
        said = (await pc.run(PROGRAM, "--print-settings")).stdout
        for line in ("early", "NORTHWIND-7", server.url, r"C:\no file.pem", "manual"):
            assert line in said
        assert await pc.msiexec("/x", package) == 0

        assert await pc.msiexec("/i", package, f"SERVERURL={server.url}", "ACCOUNT=NORTHWIND-7") == 0
        assert _same_files(pc, bundle) > 50
        assert (await pc.values(RUN))["FlowPilot"] == f'"{PROGRAM}" --autostart'
        scheme = await pc.registry(rf"HKLM\{product.CLASS_KEY}")
        assert "URL Protocol" in scheme[rf"HKLM\{product.CLASS_KEY}"]
        assert scheme[rf"HKLM\{product.CLASS_KEY}\shell\open\command"]["(Default)"] == f'"{PROGRAM}" "%1"'
        uninstall = r"HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall"
        entry = (await pc.registry(uninstall))[rf"{uninstall}\{{{product.product_code(VERSION)}}}"]
        assert (entry["DisplayName"], entry["DisplayVersion"]) == ("FlowPilot Escalations (test build)", VERSION)
        assert _shortcuts(pc)
        # Installed as SYSTEM would be: it runs for whoever is signed in, without a login in between.
        await pc.until("the app in the user's session", lambda: pc.events("icon_visible"))
        await pc.until("its icon in the tray", pc.tray_icons)

        await _use(pc, http, crew, server.url, tmp_path)

        before = pc.running()
        assert await pc.msiexec("/i", newer) == 0
        await pc.until("the new one, signed in as before", lambda: len(pc.events("live")) == 2)
        assert not before & pc.running()
        assert (await pc.values(DEFAULTS))["ServerUrl"] == server.url
        assert (await pc.values(rf"HKLM\{product.PROGRAM_KEY}"))["Version"] == NEWER
        assert await pc.msiexec("/i", package) == REFUSED  # no way back by mistake

        assert await pc.msiexec("/x", newer) == 0
        assert not pc.running()
        assert not (pc.wine.folder / FOLDER).exists()
        for key in (DEFAULTS, rf"HKLM\{product.CLASS_KEY}", rf"HKLM\{product.APP_ID_KEY}"):
            assert await pc.registry(key) == {}, key
        assert await pc.values(RUN) == {}
        assert not _shortcuts(pc)


async def _use(pc: WindowsComputer, http: Http, crew: Crew, url: str, folder: Path) -> None:
    """One engineer signs in, sees an escalation come, opens it by its link, and is known again afterwards."""
    await pc.end_apps()
    await pc.start_app("--token-stdin", token=crew.engineer.token)
    await pc.until("the live queue", lambda: len(pc.events("live")) == 1)
    junior = http(crew.technician)
    new = {"title": "VPN to Leeds clinic drops every hour", "problem": "Hourly.", "customer": "Harlow Dental"}
    session = (await junior.post(f"{url}{API}/ai-sessions", json=new)).json()["id"]
    body = {"reason": "I have no access to the firewall.", "priority": "high"}
    handoff = (await junior.post(f"{url}{API}/ai-sessions/{session}/handoff", json=body)).json()["id"]
    await pc.until("the notification", lambda: pc.events("toast_shown"))
    before = pc.window_names().count(TITLE)  # the toast is a window of our own there, with a title of its own
    assert (await pc.run(PROGRAM, f"flowpilot://open/{handoff}")).returncode == 0
    await pc.until("the queue's window beside it", lambda: pc.window_names().count(TITLE) > before)
    if pictures := os.environ.get("FLOWPILOT_PICTURES"):
        pc.picture(Path(pictures) / "windows-queue.png")


async def test_the_set_up_program_from_roll_out_to_removal(built: Path, bundle: Path, tmp_path: Path) -> None:
    package, setup = (str(path) for path in _files(built))
    setup_here = "Z:" + setup.replace("/", "\\")
    async with windows_computer(tmp_path / "computer") as pc:
        await pc.watch_every_start()
        assert (await pc.run(setup_here, "/S", "/AUTOSTART=perhaps")).returncode == REFUSED
        assert (await pc.run(setup_here, "/S", "/PROXY=http://user:secret@proxy:3128")).returncode == REFUSED
        assert not (pc.wine.folder / FOLDER).exists()

        told = ("/SERVERURL=http://127.0.0.1:9/flow", "/ACCOUNT=NORTHWIND-7", r"/CAFILE=C:\no file.pem")
        assert (await pc.run(setup_here, "/S", *told)).returncode == 0
        assert _same_files(pc, bundle) > 50
        set_up = {
            "ServerUrl": "http://127.0.0.1:9/flow",
            "Account": "NORTHWIND-7",
            "CaFile": r"C:\no file.pem",
        }
        assert await pc.values(DEFAULTS) == set_up
        assert (await pc.values(RUN))["FlowPilot"] == f'"{PROGRAM}" --autostart'
        assert "URL Protocol" in await pc.values(rf"HKLM\{product.CLASS_KEY}")
        entry = await pc.values(rf"HKLM\{product.UNINSTALL_KEY}")
        assert (entry["DisplayName"], entry["DisplayVersion"]) == ("FlowPilot Escalations (test build)", VERSION)
        assert _shortcuts(pc)
        assert await pc.msiexec("/i", Path(package)) == REFUSED  # one kind of installer at a time
        await pc.until("the app in the user's session", lambda: pc.events("icon_visible"))

        before = pc.running()
        assert (await pc.run(setup_here, "/S", "/AUTOSTART=0")).returncode == 0
        assert await pc.values(DEFAULTS) == set_up | {"start_at_login": "0"}
        assert await pc.values(RUN) == {}
        # It ran, so it runs again, whatever is wanted of logins to come.
        await pc.until("the new one", lambda: len(pc.events("icon_visible")) == 2)
        assert not before & pc.running()

        assert (await pc.run(r"C:\Program Files\FlowPilot\uninstall.exe", "/S")).returncode == 0
        await pc.until_no_key(rf"HKLM\{product.UNINSTALL_KEY}")
        assert not (pc.wine.folder / FOLDER).exists()
        assert not pc.running()
        for key in (DEFAULTS, rf"HKLM\{product.CLASS_KEY}", rf"HKLM\{product.PROGRAM_KEY}"):
            assert await pc.registry(key) == {}, key
        assert await pc.values(RUN) == {}


async def test_the_documented_commands_and_the_admin_pages_do_what_they_say(built: Path, tmp_path: Path) -> None:
    """Typed as they stand there, in the folder of the file; and what detection rules ask for is then there."""
    folder = tmp_path / "share"
    folder.mkdir()
    names = [windows_build.named(VERSION, test=False)[place] for place in (1, 2)]
    for path, name in zip(_files(built), names, strict=True):
        shutil.copy(path, folder / name)
    page, told = blocks("windows.md")[0].splitlines(), ("https://flowpilot.example.com", "KQ7F-2MXR-9TWC")
    install, remove = (line.command for line in lines(names[0], *told))
    (setup,) = (line.command for line in lines(names[1], *told))
    async with windows_computer(tmp_path / "computer") as pc:
        for installs, uninstalls in (
            (page[0], page[2]),
            (install, remove),
            (page[1], page[3]),
            (setup, ""),
        ):
            assert await pc.script(folder, installs) == 0, installs
            defaults = await pc.values(DEFAULTS)
            assert (defaults["ServerUrl"], defaults["Account"]) == told, installs
            assert (await pc.values(rf"HKLM\{product.PROGRAM_KEY}"))["Version"] == VERSION
            program = (pc.wine.folder / FOLDER / product.PROGRAM).read_bytes()
            stated = "ProductVersion".encode("utf-16-le") + rb"\0{2,6}" + re.escape(VERSION.encode("utf-16-le"))
            assert re.search(stated, program, re.DOTALL)
            if uninstalls:
                assert await pc.script(folder, uninstalls) == 0, uninstalls
                await pc.until_no_key(rf"HKLM\{product.UNINSTALL_KEY}")
                assert not (pc.wine.folder / FOLDER).exists()


@pytest.mark.parametrize("kind", ["package", "setup"])
async def test_a_file_that_is_held_open_waits_for_the_restart(
    built: Path, bundle: Path, tmp_path: Path, kind: str
) -> None:
    """The computer is told 3010; nothing runs with files of two versions; after the restart all is there and runs."""
    newer = _files(built, NEWER)[0]
    package, setup = _files(built)
    held = Path("_internal/certifi/cacert.pem")
    async with windows_computer(tmp_path / "computer") as pc:
        await pc.watch_every_start()
        told = "SERVERURL=http://127.0.0.1:9/flow"
        setup_here = "Z:" + str(setup).replace("/", "\\")
        if kind == "package":
            assert await pc.msiexec("/i", package, told) == 0
        else:
            assert (await pc.run(setup_here, "/S", f"/{told}")).returncode == 0
        await pc.until("the app in the user's session", lambda: pc.events("icon_visible"))
        there = pc.wine.folder / FOLDER / held
        there.write_text("of the version before")
        async with pc.held_open(there):
            if kind == "package":
                assert await pc.msiexec("/i", newer) == RESTART_DUE
            else:
                assert (await pc.run(setup_here, "/S")).returncode == RESTART_DUE
                assert not pc.running()
            assert there.read_text() == "of the version before"
        await pc.restart()
        await pc.until("the app after the login", lambda: len(pc.events("icon_visible")) >= 2)
        assert _same_files(pc, bundle) > 50
        if kind == "setup":
            assert not list(there.parent.glob("*.new"))

        # Removed while one is held open, and installed again before the restart: that takes no file of the new one.
        async with pc.held_open(there):
            if kind == "package":
                assert await pc.msiexec("/x", newer) in {0, RESTART_DUE}
            else:
                assert (await pc.run(r"C:\Program Files\FlowPilot\uninstall.exe", "/S")).returncode == 0
                await pc.until_no_key(rf"HKLM\{product.UNINSTALL_KEY}")  # it goes on by itself
            assert there.exists()
            assert not (pc.wine.folder / FOLDER / product.PROGRAM).exists()
        if kind == "package":
            assert await pc.msiexec("/i", package, told) == 0
        else:
            assert (await pc.run(setup_here, "/S", f"/{told}")).returncode == 0
        await pc.until("the app in the user's session", lambda: len(pc.events("icon_visible")) >= 3)
        await pc.restart()
        await pc.until("the app after the second login", lambda: len(pc.events("icon_visible")) >= 4)
        assert _same_files(pc, bundle) > 50
