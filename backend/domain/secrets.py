"""Finds secrets in what people type and paste, and takes them out: `[redacted: password]` stands where one stood.

Pure and the same wherever text comes in: before storage, snapshot, mail, log and model. Nothing finds all of them; what
is found and what is not is measured by the labelled corpus in `tests/unit/secrets_corpus`.
"""

import re
from dataclasses import dataclass
from typing import Final

from backend.domain.secret_rules import RULES, Kind

LABEL: Final[dict[Kind, str]] = {
    "password": "a password",
    "private key": "a private key",
    "access token": "an access token",
    "recovery key": "a recovery key",
    "MFA seed": "an MFA seed",
    "PIN": "a PIN",
    "one-time code": "a one-time code",
    "pre-shared key": "a pre-shared key",
}
"""Completes "This looks like …"."""
_MARK: Final = re.compile(r"\[redacted: [A-Za-z\- ]{2,20}\]")


@dataclass(frozen=True, slots=True)
class Finding:
    """Characters `start` to `end` look like a secret of this kind."""

    kind: Kind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Redacted:
    """The text without its secrets, and what they were."""

    text: str
    kinds: tuple[Kind, ...]


def marker(kind: Kind) -> str:
    """What stands in the secret's place."""
    return f"[redacted: {kind}]"


def find(text: str) -> list[Finding]:
    """The secrets in a text, in order, none within another; the longer one of two that overlap."""
    marks = [match.span() for match in _MARK.finditer(text)]
    found: list[Finding] = []
    for rule in RULES:
        for match in rule.pattern.finditer(text):
            start, end = rule.span(match)
            if start < end and not any(start < b and a < end for a, b in marks):
                found.append(Finding(rule.kind, start, end))
    found.sort(key=lambda one: (one.start, -one.end))
    apart: list[Finding] = []
    for one in found:
        if apart and one.start < apart[-1].end:
            if one.end - one.start > apart[-1].end - apart[-1].start:
                apart[-1] = one
            continue
        apart.append(one)
    return apart


def redact(text: str) -> Redacted:
    """The text with a marker for each secret. Redacting again changes nothing."""
    parts: list[str] = []
    kinds: list[Kind] = []
    at = 0
    for one in find(text):
        parts += [text[at : one.start], marker(one.kind)]
        kinds.append(one.kind)
        at = one.end
    return Redacted("".join([*parts, text[at:]]), tuple(kinds)) if kinds else Redacted(text, ())


def redact_value(label: str, value: str) -> str:
    """The value of something that has a name: `Winter2026` is a word, and a secret when it is called password."""
    alone = redact(value)
    if alone.kinds:
        return alone.text
    head = f"{label.strip().rstrip(':')}: "
    named = redact(head + value).text
    return named[len(head) :] if named.startswith(head) else value
