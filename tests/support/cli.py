"""The command line as a person uses it: a process with arguments, input, two outputs and an exit code."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support import prepared


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str


def command_line(*arguments: str) -> list[str]:
    """Return the argv of `flowpilot` in this environment."""
    return [sys.executable, "-m", "backend.cli", *arguments]


def flowpilot(
    *arguments: str,
    data_dir: Path,
    database_url: str | None = None,
    text_in: str = "",
    environment: Mapping[str, str] | None = None,
    timeout: float = 120.0,
    from_scratch: bool = False,
) -> Answer:
    """Run one command to its end. Settings of whoever runs the tests are kept away from it.

    It starts from a process that has imported the program already; `from_scratch` starts the command itself.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLOWPILOT_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # many starts of the same program: compile it once
    kept["FLOWPILOT_DATA_DIR"] = str(data_dir)
    if database_url is not None:
        kept["FLOWPILOT_DATABASE_URL"] = database_url
    kept |= environment or {}
    if not from_scratch:
        answer = prepared.run("backend.cli", arguments, kept, text_in=text_in, timeout=timeout)
        return Answer(answer.returncode, answer.stdout, answer.stderr)
    done = subprocess.run(
        command_line(*arguments),
        input=text_in,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        env=kept,
    )
    return Answer(done.returncode, done.stdout, done.stderr)
