"""What comes into the program is pinned, asked about and free of credentials; and the checks themselves can fail."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts import secret_scan

ROOT = Path(__file__).parents[2]
BAD = {"dependencies": [{"name": "jinja2", "version": "2.4.1", "vulns": [{"id": "PYSEC-2014-8"}]}]}
GOOD = {"dependencies": [{"name": "jinja2", "version": "9.9", "vulns": []}]}


def audit(tmp_path: Path, planted: object, lock: object) -> tuple[int, str]:
    """Run `make audit`'s program with a tool that answers as told."""
    tool = tmp_path / "pip-audit"
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps({"planted": planted, "lock": lock}))
    tool.write_text(
        f"#!{sys.executable}\nimport json, sys\nanswers = json.load(open({str(answers)!r}))\n"
        "print(json.dumps(answers['lock' if 'requirements.lock' in sys.argv else 'planted']))\n"
    )
    tool.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "scripts/audit.py"],
        cwd=ROOT,
        env={"PIP_AUDIT": str(tool), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("planted", "lock", "code", "words"),
    [
        (BAD, GOOD, 0, "no known hole"),
        (BAD, BAD, 1, "PYSEC-2014-8"),
        (GOOD, GOOD, 3, "could not check"),  # a tool that sees nothing in what is known to be bad has seen nothing
        ({}, GOOD, 3, "could not check"),
        (BAD, {}, 3, "could not check"),
    ],
)
def test_an_audit_that_could_not_look_never_says_that_all_is_well(
    tmp_path: Path, planted: object, lock: object, code: int, words: str
) -> None:
    found, said = audit(tmp_path, planted, lock)
    assert (found, words in said) == (code, True), said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("known", "code", "words"),
    [
        ({"jinja2": {"2.4.1"}}, 0, "no known hole"),
        ({"jinja2": {"2.4.1"}, "httpx": None}, 1, "httpx"),  # None: every version has the hole
    ],
)
def test_the_tool_itself_finds_the_planted_package(known: dict[str, set[str] | None], code: int, words: str) -> None:
    """The real pip-audit, asking a server that answers as osv.dev does."""
    with osv(known) as url:
        done = subprocess.run(
            [sys.executable, "scripts/audit.py"],
            cwd=ROOT,
            env={**os.environ, "AUDIT_OSV_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, words in done.stdout) == (code, True), done.stdout + done.stderr


@contextmanager
def osv(known: dict[str, set[str] | None]) -> Iterator[str]:
    """A server that speaks osv.dev's `/v1/query` and knows of these holes; yields its address."""

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name, bad = asked["package"]["name"], known.get(asked["package"]["name"], set())
            hole = {
                "id": f"PYSEC-2014-8-{name}",
                "published": "2014-05-19T14:55:00Z",
                "summary": "A hole",
                "affected": [{"package": {"name": name, "ecosystem": "PyPI"}}],
            }
            text = json.dumps({"vulns": [hole]} if bad is None or asked["version"] in bad else {}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing of requests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
        finally:
            server.shutdown()


def test_every_pin_of_the_lock_has_its_hashes_and_names_no_host() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    pins = [line for line in lock.splitlines() if re.match(r"[a-z0-9]", line)]
    assert len(pins) > 50
    assert [line for line in pins if "==" not in line or not line.endswith("\\")] == []
    assert "://" not in lock


def test_the_scan_for_credentials_finds_planted_ones() -> None:
    planted = {
        "an AWS key": "key = AKIA" + "Q" * 16,
        "a GitHub token": "gh" + "p_" + "a" * 36,
        "a Slack token": "xox" + "b-1234567890-" + "a" * 20,
        "an access token of this program": "fp" + "at_" + "a" * 43,
        "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----\n" + ("A" * 64 + "\n") * 3,
    }
    for what, text in planted.items():
        assert secret_scan.found_in(f"first line\n{text}\n") == [(2, what)]
    assert secret_scan.found_in("password = 'correct horse battery staple'") == []
    assert all((ROOT / name).is_file() for name in secret_scan.ALLOWED)
