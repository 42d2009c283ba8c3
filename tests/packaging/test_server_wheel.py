"""The server from its wheel, in an environment that has nothing else: installed as an operator does, and used."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
READY = re.compile(r"is ready on (http://[0-9.]+:\d+)")
pytestmark = [pytest.mark.packages, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs."""
    folder = tmp_path_factory.mktemp("wheel")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FLOWPILOT_", "PYTHON"))}

    def uv(*words: str) -> None:
        subprocess.run([UV, *words], check=True, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)

    hatchling = ["--no-build-isolation", "--python", sys.executable]
    uv("build", "--quiet", "--wheel", *hatchling, "--out-dir", str(folder / "dist"), str(ROOT))
    (wheel,) = (folder / "dist").glob("flowpilot_escalations-*.whl")
    uv("venv", "--quiet", "--python", sys.executable, str(folder / "env"))
    python = str(folder / "env" / "bin" / "python")
    uv("pip", "install", "--quiet", "-p", python, "--require-hashes", "-r", "packaging/server/requirements.lock")
    uv("pip", "install", "--quiet", "-p", python, "--no-deps", str(wheel))
    return folder / "env" / "bin"


def test_it_serves_with_a_database_of_its_own_and_has_no_window(installed: Path, tmp_path: Path) -> None:
    environment = {
        "HOME": str(tmp_path),
        "PATH": f"{installed}:/usr/bin:/bin",
        "FLOWPILOT_DATA_DIR": str(tmp_path / "data"),
    }
    there = subprocess.run(
        [installed / "python", "-c", "import PySide6"], capture_output=True, check=False, cwd=tmp_path
    )
    assert b"ModuleNotFoundError" in there.stderr
    server = subprocess.Popen(
        [installed / "flowpilot", "serve", "--port", "0"],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said: list[str] = []
    try:
        assert server.stdout is not None
        timer = threading.Timer(120, server.kill)
        timer.start()
        found = None
        for line in server.stdout:
            said.append(line)
            if found := READY.search(line):
                break
        timer.cancel()
        assert found is not None, "".join(said)
        command = (
            "flowpilot account create --name Northwind --owner-name Olga --owner-email o@n.example --password-stdin"
        )
        made = subprocess.run(
            [installed / "flowpilot", *command.split()[1:]],
            input="correct horse battery staple 7\n",
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert set(json.loads(made.stdout)) == {"account_id", "user_id"}
        for path, words in (("/readyz", "ready"), ("/sign-in", "Sign in"), ("/static/css/base.css", ".btn")):
            answer = httpx.get(f"{found[1]}{path}", trust_env=False)
            assert (answer.status_code, words in answer.text) == (200, True), path
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
        if server.stdout is not None:
            server.stdout.close()
