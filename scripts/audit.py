"""`make audit`: whether anything that the lock pins has a known hole. Proves first that it would see one.

pip-audit says "no known vulnerabilities" as well where the advisories cannot be reached. So a package that is known to
be bad is asked about first; unless that one is found, nothing was checked, and that is what is said. Ends with 0
(checked, nothing known), 1 (holes found) or 3 (could not check).
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

KNOWN_BAD: Final = "jinja2==2.4.1"
"""CVE-2014-1402, CVE-2016-10745 and more; nobody will take these back."""
COULD_NOT: Final = 3
_TOOL: Final = os.environ.get("PIP_AUDIT", str(Path(sys.executable).with_name("pip-audit")))
_OSV: Final = os.environ.get("AUDIT_OSV_URL")
"""A server of one's own that answers like osv.dev, where the public advisories are out of reach."""


def asked(*arguments: str) -> tuple[list[dict[str, Any]] | None, str]:
    """The packages with their holes, or None where it could not be asked, and what the tool said."""
    command = [_TOOL, "--strict", "--disable-pip", "--progress-spinner=off", "-f", "json", *arguments]
    if _OSV:
        command += ["-s", "osv", "--osv-url", _OSV]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = (done.stderr.strip().splitlines() or [""])[-1]
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (json.JSONDecodeError, KeyError, TypeError):
        return None, said
    return packages, said


def holes(packages: list[dict[str, Any]]) -> list[str]:
    """One line for each hole."""
    return [f"{one['name']} {one['version']}: {hole['id']}" for one in packages for hole in one.get("vulns", [])]


def main() -> int:
    """Ask about the planted one, then about the lock."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as planted:
        planted.write(f"{KNOWN_BAD}\n")
        planted.flush()
        found, said = asked("--no-deps", "-r", planted.name)
    if not found or not holes(found):
        print(f"could not check: the advisories are out of reach ({said or 'no answer'}). Nothing is known either way.")
        return COULD_NOT
    packages, said = asked("--require-hashes", "-r", "requirements.lock")
    if packages is None:
        print(f"could not check the lock: {said}")
        return COULD_NOT
    bad = holes(packages)
    print("\n".join(bad) if bad else f"{len(packages)} packages, no known hole")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
