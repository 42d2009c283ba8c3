"""A Windows computer for installers: a Wine prefix of its own, a screen with a tray, one signed-in user."""

import asyncio
import contextlib
import json
import os
import re
import subprocess
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import fetch
import wine

from tests.desktop.computer import screen

PROGRAM = r"C:\Program Files\FlowPilot\flowpilot-tray.exe"
MACHINE_ENVIRONMENT = r"HKLM\System\CurrentControlSet\Control\Session Manager\Environment"
_VALUE = re.compile(r"^    (?P<name>.*?)    REG_\w+    (?P<value>.*)$")


class WindowsComputer:
    """Use `windows_computer()`. Exit codes are those of Windows modulo 256, as Wine hands them on."""

    def __init__(self, folder: Path, display: str) -> None:
        self.folder = folder
        self.events_path = folder / "events.jsonl"
        self._display = display
        self.wine = wine.Wine(folder / "prefix", {"DISPLAY": display})
        self._apps: list[Process] = []

    async def run(self, *command: str, within_s: float = 600) -> "subprocess.CompletedProcess[str]":
        """One program to its end."""
        return await asyncio.to_thread(self.wine.run, command, within_s=within_s)

    async def msiexec(self, verb: str, package: Path, *properties: str) -> int:
        """Silent, as a management tool calls it."""
        words = (verb, wine.windows_path(package), "/qn", "/norestart", *properties)
        return (await self.run("msiexec", *words)).returncode

    async def script(self, folder: Path, command: str) -> int:
        """One line as an administrator types it in a folder."""
        (folder / "typed.bat").write_text(f"@echo off\r\n{command}\r\nexit /b %errorlevel%\r\n")
        return (await asyncio.to_thread(self.wine.run, ["cmd", "/c", "typed.bat"], within_s=600, cwd=folder)).returncode

    async def registry(self, key: str) -> dict[str, dict[str, str]]:
        """Each key from this one on, with its values; empty when there is none."""
        found: dict[str, dict[str, str]] = {}
        values: dict[str, str] = {}
        for line in (await self.run("reg", "query", key, "/s")).stdout.splitlines():
            if line.startswith("HKEY_"):
                values = found.setdefault(line.strip().replace("HKEY_LOCAL_MACHINE", "HKLM"), {})
            elif (match := _VALUE.match(line)) is not None:
                values[match["name"]] = match["value"]
        return found

    async def values(self, key: str) -> dict[str, str]:
        """The values of one key; empty when there is none."""
        return (await self.registry(key)).get(key, {})

    async def until_no_key(self, key: str, within_s: float = 240) -> None:
        """Until nothing of this key is left."""
        try:
            async with asyncio.timeout(within_s):
                while await self.registry(key):  # noqa: ASYNC110 - another process does it
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise AssertionError(f"waited {within_s:.0f} s for {key} to go") from None

    async def watch_every_start(self) -> None:
        """Whoever starts the app on this machine, its milestones come here."""
        path = wine.windows_path(self.events_path)
        await self.run("reg", "add", MACHINE_ENVIRONMENT, "/v", "FLOWPILOT_TRAY_EVENTS", "/d", path, "/f")

    async def start_app(self, *options: str, token: str | None = None) -> Process:
        """The installed app, as its user starts it."""
        environment = self.wine.environment() | {"FLOWPILOT_TRAY_EVENTS": wine.windows_path(self.events_path)}
        app = await asyncio.create_subprocess_exec(
            "wine", PROGRAM, *options, env=environment, stdin=PIPE if token else DEVNULL, stdout=DEVNULL, stderr=DEVNULL
        )
        self._apps.append(app)
        if token is not None and app.stdin is not None:
            app.stdin.write(f"{token}\n".encode())
            await app.stdin.drain()
            app.stdin.close()
        return app

    @contextlib.asynccontextmanager
    async def held_open(self, path: Path) -> AsyncIterator[None]:
        """Another program reads this file meanwhile, as a virus scanner does: it cannot be removed or replaced."""
        python = wine.windows_path(await asyncio.to_thread(fetch.interpreter) / "python.exe")
        hold = "import sys; held = open(sys.argv[1], 'rb'); print('held', flush=True); sys.stdin.read()"
        holder = await asyncio.create_subprocess_exec(
            "wine", python, "-c", hold, wine.windows_path(path),
            env=self.wine.environment(), stdin=PIPE, stdout=PIPE, stderr=DEVNULL,
        )  # fmt: skip
        try:
            async with asyncio.timeout(240):
                assert holder.stdout is not None
                assert b"held" in await holder.stdout.readline()
            yield
        finally:
            assert holder.stdin is not None
            holder.stdin.close()
            await holder.wait()

    async def restart(self) -> None:
        """The computer ends, and starts again up to the login of its user."""
        await asyncio.to_thread(self.wine.end, kill=True)
        await self.run("wineboot")

    async def end_apps(self) -> None:
        """As the Task Manager does it."""
        await self.run("taskkill", "/F", "/IM", PROGRAM.rpartition("\\")[2])
        await self.until("the apps to end", lambda: not self.running())

    def running(self) -> set[int]:
        """Processes of the installed program, as this system numbers them; not its errand for an installer."""
        found = set()
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                with contextlib.suppress(OSError):
                    command = (folder / "cmdline").read_bytes()
                    ours = f"WINEPREFIX={self.wine.folder}".encode() in (folder / "environ").read_bytes().split(b"\0")
                    if ours and command.lower().startswith(PROGRAM.lower().encode()) and b"--keep-files" not in command:
                        found.add(int(folder.name))
        return found

    def events(self, name: str) -> list[dict[str, Any]]:
        """The app's milestones of a name so far, of every start."""
        text = self.events_path.read_text() if self.events_path.exists() else ""
        marks = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
        return [mark for mark in marks if mark["event"] == name]

    async def until(self, what: str, ready: Callable[[], Any], within_s: float = 240) -> None:
        """Other processes are watched from outside, so this asks again and again."""
        try:
            async with asyncio.timeout(within_s):
                while not ready():  # noqa: ASYNC110 - another process does it
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"waited {within_s:.0f} s for {what}") from None

    def window_names(self) -> str:
        """Of the visible windows."""
        command = ["xdotool", "search", "--onlyvisible", "--name", ".", "getwindowname", "%@"]
        return subprocess.run(command, env=self._screen(), capture_output=True, text=True, check=False).stdout

    def picture(self, path: Path) -> None:
        """The screen as it is."""
        subprocess.run(["import", "-window", "root", str(path)], env=self._screen(), check=True)

    def tray_icons(self) -> int:
        """Windows of Wine's notification area that the tray has taken in."""
        command = ["xwininfo", "-name", "panel", "-tree"]
        tree = subprocess.run(command, env=self._screen(), capture_output=True, text=True, check=False).stdout
        return tree.count('"explorer.exe"')

    def _screen(self) -> dict[str, str]:
        return os.environ | {"DISPLAY": self._display}


@contextlib.asynccontextmanager
async def windows_computer(folder: Path) -> AsyncIterator[WindowsComputer]:
    """With nothing of ours on it. At the end all that runs on it is ended."""
    with screen() as display:
        environment = os.environ | {"DISPLAY": display}
        panel = ["trayer", "--edge", "bottom", "--align", "right", "--height", "24", "--widthtype", "pixel"]
        helpers = [
            await asyncio.create_subprocess_exec(*command, env=environment, stdout=DEVNULL, stderr=DEVNULL)
            for command in (["openbox"], [*panel, "--width", "160"])
        ]
        one = WindowsComputer(folder, display)
        try:
            await asyncio.to_thread(one.wine.boot)
            yield one
        finally:
            await asyncio.to_thread(one.wine.end, kill=True)
            for app in one._apps:
                await app.wait()
            for helper in helpers:
                helper.terminate()
                await helper.wait()
