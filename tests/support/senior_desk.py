"""A senior's desktop: a screen of its own, a session bus, a real notification daemon, a tray, and the tray app.

Everything is a process of its own under one folder; `stop` ends them all. `press` does what a person does with the
mouse on dunst: it asks the daemon for the notification's menu and picks the button by its label.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

_STEP_S = 0.02
WAIT_S = 60.0
_NOTIFICATIONS = "org.freedesktop.Notifications"


def wait_until(what: str, ready: Callable[[], Any], timeout_s: float = WAIT_S) -> Any:
    """Ask until the answer is truthy; an AssertionError that says what was waited for otherwise."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = ready()
        if found:
            return found
        time.sleep(_STEP_S)  # a process of its own is watched from outside; there is no event to await
    raise AssertionError(f"waited {timeout_s} s for {what}")


class SeniorDesk:
    """One senior's machine. `name` names its folder; `token` signs the tray app in."""

    def __init__(self, folder: Path, server: str, token: str, *, daemon: bool = True) -> None:
        """Without `daemon` nothing shows notifications on this desktop, so the app shows its own."""
        self.folder = folder
        self._daemon = daemon
        self.server = server
        self._token = token
        self._processes: list[subprocess.Popen[bytes]] = []
        self.environment: dict[str, str] = {}
        self.tray: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Bring everything up; returns when the tray app is signed in and live."""
        self.start_desktop()
        self.start_tray()
        return self

    def start_desktop(self) -> None:
        """Screen, bus, window manager, notification daemon, tray; not yet the tray app."""
        self.folder.mkdir(parents=True, exist_ok=True)
        home = self.folder / "home"
        runtime = self.folder / "run"
        for path in (home, runtime):
            path.mkdir(mode=0o700, exist_ok=True)
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("FLOWPILOT_", "QT_", "DBUS_", "XDG_"))},
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(runtime),
            "DISPLAY": self._screen(),
            "DBUS_SESSION_BUS_ADDRESS": self._bus(),
            "BROWSER": str(self._browser()),
            "FLOWPILOT_TRAY_EVENTS": str(self.folder / "events.jsonl"),
            "QT_QPA_PLATFORM": "xcb",
        }
        self._spawn("openbox")
        if self._daemon:
            self._spawn("dbus-monitor", "--session", f"interface='{_NOTIFICATIONS}',member='ActionInvoked'")
            self._spawn("dunst", "-conf", str(self._dunst_settings()))
        self._spawn("trayer", "--edge", "top", "--align", "right", "--widthtype", "request", "--height", "32")
        if self._daemon:
            wait_until("the notification daemon", lambda: self._dunstctl("count", "displayed") is not None)

    def start_tray(self) -> None:
        """Start the tray app and wait until it follows the queue."""
        before = len(self.events("live"))
        with (self.folder / "tray.log").open("ab") as log:
            self.tray = subprocess.Popen(
                [sys.executable, "-m", "desktop", "--server", self.server, "--profile", "e2e", "--token-stdin"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                start_new_session=True,
            )
        assert self.tray.stdin is not None
        self.tray.stdin.write(self._token.encode() + b"\n")
        self.tray.stdin.close()
        wait_until("the tray app to be live", lambda: self._alive() and len(self.events("live")) > before)

    def _alive(self) -> bool:
        assert self.tray is not None
        assert self.tray.poll() is None, f"the tray app ended:\n{(self.folder / 'tray.log').read_text()}"
        return True

    def stop(self) -> None:
        """End everything that was started here, the newest first."""
        started = [*self._processes, *([self.tray] if self.tray else [])]
        for process in reversed(started):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def events(self, name: str) -> list[dict[str, Any]]:
        """The milestones of this name that the tray app has traced so far."""
        path = self.folder / "events.jsonl"
        if not path.exists():
            return []
        lines = [line for line in path.read_text().splitlines() if line.endswith("}")]
        return [event for event in map(json.loads, lines) if event["event"] == name]

    def displayed(self) -> int:
        """How many notifications the daemon shows now."""
        return int(self._dunstctl("count", "displayed") or 0)

    def notifications(self) -> list[str]:
        """The summaries that the daemon has put away, newest first."""
        found = json.loads(self._dunstctl("history") or "{}").get("data", [[]])[0]
        return [entry["summary"]["data"] for entry in found]

    def press(self, label: str) -> None:
        """Press the button with this label on the notification that is shown; returns once the daemon has said so.

        The daemon opens its menu beside its work: without waiting, the press may come after the toast is gone.
        """
        before = self._presses()
        (self.folder / "label").write_text(label)
        self._dunstctl("context")
        wait_until(f"the press on {label}", lambda: self._presses() > before)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """The tray app stands still meanwhile, as a machine under load does; the desktop around it does not."""
        assert self.tray is not None
        self.tray.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.tray.send_signal(signal.SIGCONT)

    def opened_urls(self) -> list[str]:
        """What the default browser was asked to open."""
        path = self.folder / "opened"
        return path.read_text().split() if path.exists() else []

    def screenshot(self, path: Path) -> None:
        """The whole screen as a PNG."""
        subprocess.run(["import", "-window", "root", str(path)], env=self.environment, check=True, timeout=20)

    def xdotool(self, *arguments: str) -> str:
        """Mouse and keyboard."""
        done = subprocess.run(
            ["xdotool", *arguments], env=self.environment, check=True, timeout=20, capture_output=True, text=True
        )
        return done.stdout

    def _presses(self) -> int:
        """How many buttons the daemon has told the session of."""
        return (self.folder / "dbus-monitor.log").read_text().count("member=ActionInvoked")

    def _spawn(self, *command: str) -> "subprocess.Popen[bytes]":
        program = shutil.which(command[0])
        assert program, f"{command[0]} is not installed: run `make setup`"
        with (self.folder / f"{command[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [program, *command[1:]], env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._processes.append(process)
        return process

    def _screen(self) -> str:
        reading, writing = os.pipe()
        self._processes.append(
            subprocess.Popen(
                ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"],
                pass_fds=[writing],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        os.close(writing)
        with os.fdopen(reading) as numbers:
            return f":{numbers.readline().strip()}"

    def _bus(self) -> str:
        reading, writing = os.pipe()
        self._processes.append(
            subprocess.Popen(
                ["dbus-daemon", "--session", "--nofork", f"--print-address={writing}"],
                pass_fds=[writing],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        os.close(writing)
        with os.fdopen(reading) as addresses:
            return addresses.readline().strip()

    def _browser(self) -> Path:
        """Stand-in for the default browser's launcher: keeps the address; the test opens it in a real Chromium."""
        path = self.folder / "browser"
        path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" >> "{self.folder}/opened"\n')
        path.chmod(0o755)
        return path

    def _dunst_settings(self) -> Path:
        pick = self.folder / "pick"
        pick.write_text(f'#!/bin/sh\ngrep -m1 -F "#$(cat "{self.folder}/label")"\n')
        pick.chmod(0o755)
        path = self.folder / "dunstrc"
        path.write_text(f"[global]\ndmenu = {pick}\nwidth = 372\nfont = Inter 10\nshow_indicators = true\n")
        return path

    def _dunstctl(self, *arguments: str) -> str | None:
        done = subprocess.run(
            ["dunstctl", *arguments], env=self.environment, capture_output=True, text=True, timeout=20, check=False
        )
        return done.stdout if done.returncode == 0 else None
