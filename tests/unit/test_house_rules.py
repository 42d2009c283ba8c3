"""Rules of the house that no linter knows: what everyone who opens the repository relies on."""

import re
import statistics
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST = 450

# Put together here, so that this file does not hold what it forbids.
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("proxy", "golang", "org"),
        ("static", "crates", "io"),
    )
)
INDEX_OPTIONS = re.compile(r"--(?:extra-)?index-" + r"url|\"resolved\": \"http|source = \{ registry")
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:root|work|workspace|builds?)/[\w.-]+")
BLANKET = re.compile(r"# (?:type: ignore)(?!\[)|# (?:noqa)(?!: [A-Z]+\d+)|except Exception:\s*(?:\n\s*)?pass\b")


def tracked(*patterns: str) -> list[Path]:
    """Files that git knows or would take, existing ones only."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [ROOT / name for name in sorted(set(listed.split("\0"))) if name and (ROOT / name).is_file()]


def texts(*patterns: str) -> list[tuple[str, str]]:
    """(path, content) of the tracked files that are text."""
    found = []
    for path in tracked(*patterns):
        content = path.read_bytes()
        if b"\0" not in content[:8192]:
            found.append((str(path.relative_to(ROOT)), content.decode("utf-8", errors="replace")))
    return found


def hits(rule: re.Pattern[str], *patterns: str) -> list[str]:
    """`path:line: text` of every place where the rule matches."""
    return [
        f"{path}:{content.count(chr(10), 0, match.start()) + 1}: {match.group()}"
        for path, content in texts(*patterns)
        for match in rule.finditer(content)
    ]


def test_no_module_is_too_long_to_be_read_in_one_sitting() -> None:
    lengths = {path: content.count("\n") for path, content in texts("*.py")}
    assert lengths
    assert not {path: lines for path, lines in lengths.items() if lines > LONGEST}


def test_the_usual_module_is_short() -> None:
    lengths = [content.count("\n") for path, content in texts("backend/*.py", "desktop/*.py") if content]
    assert statistics.median(lengths) <= 120


def test_a_connection_setting_never_outlives_its_transaction() -> None:
    # Connections are shared between tenants: a plain SET would hand one tenant's setting to the next.
    rule = re.compile(r"""(?:execute\(|text\(|["';]\s*)\s*["']*\bset\s+(?:session\s+|role\b|"?app\.)""", re.IGNORECASE)
    assert not hits(rule, "backend/*.py", "backend/*.sql")
    loose = re.compile(r"set_config\((?:[^()]|\([^()]*\))*,\s*false\s*\)", re.IGNORECASE)
    assert not hits(loose, "backend/*.py", "backend/*.sql")


def test_nothing_names_a_package_registry_or_a_machine() -> None:
    found = [f"{path}: {host}" for path, content in texts() for host in REGISTRY_HOSTS if host in content]
    assert not found
    assert not hits(INDEX_OPTIONS)
    assert not hits(MACHINE_PATH)
    assert not hits(re.compile(re.escape(str(ROOT)) + r"(?![\w-])"))


def test_what_people_read_does_not_shout() -> None:
    markup = re.compile(
        r"<!doctype|<!--.*?-->|\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<script.*?</script>", re.IGNORECASE | re.DOTALL
    )
    shouting = [
        path for path, content in texts("*.html", "*.jinja", "*.jinja2", "*.j2") if "!" in markup.sub("", content)
    ]
    assert not shouting


def test_no_error_and_no_rule_is_silenced_wholesale() -> None:
    assert not hits(BLANKET, "*.py")


def test_the_build_server_runs_what_people_run() -> None:
    assert "exec make test" in (ROOT / ".ci/run").read_text()


def test_every_dependency_has_its_reason() -> None:
    declared = re.findall(
        r'^    "([A-Za-z0-9_.-]+)', (ROOT / "pyproject.toml").read_text().split("[tool.", 1)[0], re.MULTILINE
    )
    explained = (ROOT / "docs/dependencies.md").read_text().lower()
    assert len(declared) > 20
    assert not [name for name in declared if not re.search(rf"`{re.escape(name.lower())}[`\[]", explained)]


def test_each_proof_that_the_security_page_names_is_there() -> None:
    """A requirement that is said to be met names a test; one that was renamed or removed proves nothing."""
    page = (ROOT / "docs/security.md").read_text()
    named = re.findall(r"`(test_\w+\.py)(?:::(test_\w+))?`", page)
    files: dict[str, str] = {}  # of one name there may be several
    for path in tracked("tests/**/test_*.py", "tests/test_*.py"):
        files[path.name] = files.get(path.name, "") + path.read_text()
    assert len(named) > 40
    gone = [
        f"{name}::{test}" for name, test in named if name not in files or (f"def {test}(" not in files[name] and test)
    ]
    assert not gone, f"docs/security.md names what is not there: {gone}"
    rows = [line for line in page.splitlines() if re.match(r"\| \d", line)]
    assert rows
    assert not [line for line in rows if not re.search(r"`test_\w+\.py", line)], "each row of the table names a test"
