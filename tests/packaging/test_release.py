"""What a release refuses, what it promises about its files, and that hosted builders can read their orders."""

import hashlib
import importlib.util
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
SIGN = ROOT / "packaging" / "windows" / "sign.py"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@cache
def release() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release", ROOT / "scripts" / "release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("## Unreleased\n\n- Something\n", "has no entry"),
        ("## 1.2.0\n\n- Something\n", "has no entry"),
        ("## 1.2.0 (2026-11-28)\n\n## 1.1.0 (2026-10-01)\n\n- Old\n", "says nothing"),
        ("## 1.2.00 (2026-11-28)\n\n- Something\n", "has no entry"),
    ],
)
def test_a_version_that_the_changelog_does_not_tell_of_is_not_released(text: str, why: str) -> None:
    with pytest.raises(release().RefusedError, match=why):
        release().changelog_entry(text, "1.2.0")


def test_an_entry_with_its_day_is_taken() -> None:
    text = "# Changelog\n\n## Unreleased\n\n## 1.2.0 (2026-11-28)\n\n### Added\n\n- A thing\n\n## 1.1.0 (2026-10-01)\n"
    assert release().changelog_entry(text, "1.2.0") == "2026-11-28"
    with pytest.raises(release().RefusedError, match=r"desktop/app\.py"):
        release().committed(" M desktop/app.py\n?? x\n")
    release().committed("")


def test_the_sums_are_what_sha256sum_and_the_admin_page_read(tmp_path: Path) -> None:
    (tmp_path / "policies" / "en-US").mkdir(parents=True)
    (tmp_path / "updates" / "metadata").mkdir(parents=True)
    (tmp_path / "updates" / "metadata" / "1.root.json").write_text("{}")
    (tmp_path / "policies" / "en-US" / "FlowPilot.adml").write_text("<x/>")
    (tmp_path / "a.deb").write_bytes(b"deb")
    said = release().sums(tmp_path)
    assert said.splitlines()[0] == f"{hashlib.sha256(b'deb').hexdigest()}  a.deb"
    assert "updates" not in said
    (tmp_path / "SHA256SUMS").write_text(said)
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path, check=True)


def test_what_is_signed_is_what_was_built_a_moment_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked for too early there is nothing, and the release goes out without its word on updates."""
    ran: list[list[str]] = []
    version = release().VERSION
    archive = tmp_path / f"flowpilot-tray-{version}-linux-x86_64.tar.xz"

    def run(command: list[str], **_: object) -> None:
        ran.append(command)
        archive.write_bytes(b"xz")

    monkeypatch.setattr(release().subprocess, "run", run)
    monkeypatch.setattr(sys, "argv", ["release.py", "--trial", "--out", str(tmp_path)])
    monkeypatch.setenv("FLOWPILOT_UPDATE_KEYS", "/keys")
    monkeypatch.delenv("FLOWPILOT_UPDATE_ROOT", raising=False)
    assert (release().main(), ran) == (2, []), "an app that is built without the root never updates again"
    monkeypatch.setenv("FLOWPILOT_UPDATE_ROOT", "/root.json")
    monkeypatch.setenv("RELEASE_URL", "https://dl.example.com/")
    for name in (f"{version}-x64-test.msi", f"{version}-x64.msi", "0.0.9-x64.msi", "0.0.9-linux-x86_64.tar.xz"):
        (tmp_path / f"flowpilot-tray-{name}").write_bytes(b"of this release or the one before")
    monkeypatch.setenv("RELEASE_WINDOWS", "no")
    assert release().main() == 0
    assert ran[-1][-1] == str(archive)
    assert ran[-2][-1] == str(tmp_path / f"flowpilot-tray-{version}-x64.msi")
    assert not any("-test." in word for word in ran[-2]), "winget must not give out a test build"
    assert not any("0.0.9" in word for command in ran for word in command), "nor what was released before"
    assert "server-requirements.lock" in (tmp_path / "SHA256SUMS").read_text()


def test_tidying_up_keeps_what_was_signed(tmp_path: Path) -> None:
    """A repository begun anew has lower versions: every app would take it for an attack, for ever."""
    for name in ("Makefile", "build/x", "dist/a.deb", "dist/policies/x.admx", "dist/updates/metadata/timestamp.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / "Makefile").read_text())
    subprocess.run(["make", "clean"], cwd=tmp_path, check=True)
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"Makefile", "dist/updates/metadata/timestamp.json"}


def test_what_the_tray_app_carries_is_told_without_the_tests_tools() -> None:
    """A customer's scanner reads it: what is missing is a hole unseen, what is too much a false alarm."""
    lock = release().locked((ROOT / "requirements.lock").read_text(), release().licences.bundled())
    pins = re.findall(r"(?m)^([a-z0-9._-]+)==.*\\$\n +--hash=sha256:", lock)
    assert set(pins) == set(release().licences.bundled())
    assert {"pyside6-essentials", "httpx", "tuf", "cryptography"} <= set(pins)
    assert not {"fastapi", "pytest", "pyinstaller"} & set(pins)


@pytest.mark.parametrize("schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"])
def test_hosted_builders_can_read_their_orders(schema: str) -> None:
    """They are run elsewhere; here their form is checked against the published schema."""
    tool = Path(sys.executable).with_name("check-jsonschema")
    command = [str(tool), "--builtin-schema", schema, *map(str, WORKFLOWS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_hosted_builder_that_is_taken_over_writes_nothing() -> None:
    for workflow in WORKFLOWS:
        text = workflow.read_text()
        assert "permissions:\n  contents: read" in text
        assert "pull_request_target" not in text
        assert "Not run here" in text
        signing = set(re.findall(r"FLOWPILOT_SIGN_\w+", text))
        assert signing <= set(re.findall(r"FLOWPILOT_SIGN_\w+", SIGN.read_text())), (
            "as packaging/windows/sign.py reads them"
        )
        named = set(re.findall(r"(?:secrets|vars)\.(\w+)", text))
        told = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", (ROOT / "docs" / "packaging.md").read_text()))
        assert named <= told, "whoever sets the builder up must know what it takes"


def test_a_bundle_that_does_not_start_ends_its_builder() -> None:
    """PowerShell neither waits for a program with windows nor looks at any command but the last."""
    job = YAML(typ="safe", pure=True).load(WORKFLOWS[-1].read_text())["jobs"]["bundle"]
    assert job["defaults"]["run"]["shell"] == "bash"
    (started,) = (step for step in job["steps"] if "--self-check" in step.get("run", ""))
    assert started["shell"] == "pwsh"
    assert re.fullmatch(r"\$it = Start-Process .* -Wait -PassThru\nexit \$it\.ExitCode\n", started["run"])


def test_there_is_a_builder_for_each_system_that_is_not_built_here() -> None:
    assert {path.stem for path in WORKFLOWS} >= {"windows", "macos"}
