"""`flowpilot demo`: serve with a demo account, say how to sign in, show the tray app where there is a display."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from backend.commands.console import say, tell
from backend.commands.database import opened
from backend.commands.serve import Prepared, serve
from backend.contract.vocabulary import ROLE_LABEL
from backend.demo import DemoPeople, seed
from backend.identity.service import create_token

_TRAY_STOP_S = 5.0


class _Demo:
    """What one run of the demo makes: the people, the senior's token, the tray app."""

    def __init__(self, *, with_tray: bool) -> None:
        self._with_tray = with_tray
        self._people: DemoPeople | None = None
        self._token: str | None = None
        self._tray: subprocess.Popen[str] | None = None

    async def before(self, prepared: Prepared) -> None:
        """Fill the database; twice does no harm."""
        async with opened(prepared.database_url) as database:
            self._people = await seed(database)
            if self._with_tray:
                self._token = await create_token(
                    database, email=self._people.senior.email, label="Demo tray app", expires_days=30
                )

    def ready(self, prepared: Prepared) -> None:
        """Say where everything is; called when the server answers."""
        if self._people is None:  # pragma: no cover - `before` always ran
            return
        tell(f"FlowPilot is ready on {prepared.address}\n")
        tell(_table(prepared.address, self._people))
        if self._token is not None:
            self._tray = _start_tray(prepared.address, self._token)
            tell(f"The tray app is signed in as {self._people.senior.name}.")
        elif self._with_tray is False:
            tell("No tray app was started. On a desktop: flowpilot-tray --server " + prepared.address)
        if not prepared.settings.smtp_url:
            tell("Nobody is e-mailed, and the log below says so: set FLOWPILOT_SMTP_URL to see the e-mails.")
        tell("Ctrl-C ends the demo; its data stays for the next time.")

    def end(self) -> None:
        """Take the tray app down with the server."""
        if self._tray is None or self._tray.poll() is not None:
            return
        self._tray.terminate()
        try:
            self._tray.wait(_TRAY_STOP_S)
        except subprocess.TimeoutExpired:
            self._tray.kill()
            self._tray.wait()


def run(arguments: argparse.Namespace) -> int:
    """Serve the demo until a stop signal comes."""
    # One line per request would push the sign-ins off the screen.
    os.environ.setdefault("FLOWPILOT_LOG_LEVEL", "warning")
    demo = _Demo(with_tray=not arguments.no_tray and _has_display())
    try:
        return serve(arguments, before=demo.before, ready=demo.ready)
    finally:
        demo.end()


def _has_display() -> bool:
    return sys.platform in {"win32", "darwin"} or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _start_tray(address: str, token: str) -> "subprocess.Popen[str] | None":
    """Start the tray app beside the server; the token goes by standard input, where no process list shows it."""
    script = Path(sys.executable).with_name("flowpilot-tray")
    program = [str(script)] if script.exists() else [sys.executable, "-m", "desktop"]
    secrets = ("FLOWPILOT_DATABASE_URL", "FLOWPILOT_SECRET_KEY", "FLOWPILOT_DATA_DIR", "FLOWPILOT_SERVED_AT")
    try:
        tray = subprocess.Popen(  # noqa: S603 - our own program, no shell
            [*program, "--server", address, "--profile", "demo", "--token-stdin"],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={name: value for name, value in os.environ.items() if name not in secrets},
        )
    except OSError as error:
        say(f"the tray app could not be started: {error}")
        return None
    if tray.stdin is not None:
        with tray.stdin as pipe:
            pipe.write(token + "\n")
    return tray


def _table(address: str, people: DemoPeople) -> str:
    rows = [("who", "role", "e-mail", "password")]
    rows += [(person.name, ROLE_LABEL[person.role], person.email, person.password) for person in people.people]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    pages = [
        ("sign in", "/sign-in"),
        ("sessions", "/sessions"),
        ("waiting escalations", "/escalations"),
        ("analytics", "/analytics"),
    ]
    places = [f"{name:<20}  {address}{path}" for name, path in pages]
    return "\n".join([*places, "", *lines, ""])
