"""Looks for credentials among the tracked files: keys and tokens whose form says what they are.

Prose and test passwords are not looked for: Ruff's S105 to S107 hold those in code. A file that must hold something of
this form is named in ALLOWED with its reason.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

FORMS: Final[dict[str, re.Pattern[str]]] = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s*(?:[A-Za-z0-9+/=]{40,}\s+){2}"),
    "an AWS key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{60,})\b"),
    "a GitLab token": re.compile(r"\bglpat-[\w-]{20}\b"),
    "a Slack token": re.compile(r"\bxox[abprs]-[0-9]{8,}-[\w-]{16,}"),
    "a Google key": re.compile(r"\bAIza[\w-]{35}\b"),
    "a Stripe key": re.compile(r"\b[sr]k_live_[A-Za-z0-9]{20,}\b"),
    "an access token of this program": re.compile(r"\bfp(?:at|rt|ot)_[\w-]{43}\b"),
}
ALLOWED: Final[dict[str, str]] = {
    "tests/unit/secrets_corpus.py": "the labelled corpus of made-up secrets that the redaction is measured by",
}


def found_in(text: str) -> list[tuple[int, str]]:
    """(line, what) of everything of such a form."""
    return [
        (text.count("\n", 0, match.start()) + 1, what) for what, form in FORMS.items() for match in form.finditer(text)
    ]


def main() -> int:
    """Print each finding by place, never the thing itself; 1 when there is any."""
    names = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True).stdout.split("\0")
    findings = []
    for name in filter(None, names):
        if name in ALLOWED or not Path(name).is_file():
            continue
        text = Path(name).read_bytes().decode("utf-8", errors="ignore")
        findings += [f"{name}:{line}: {what}" for line, what in found_in(text)]
    print("\n".join(findings), end="\n" if findings else "")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
