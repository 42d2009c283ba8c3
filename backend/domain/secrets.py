"""Finds secrets in what people type and paste, and takes them out: `[redacted: password]` stands where one stood.

Pure and the same wherever text comes in: before storage, snapshot, mail, log and model. Nothing finds all of them; what
is found and what is not is measured by the labelled corpus in `tests/unit/secrets_corpus`.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

from backend.domain.key_blocks import key_blocks
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
    found = [Finding("private key", start, end) for start, end in key_blocks(text)]
    words = text.casefold()
    for rule in RULES:
        if not rule.may_match(words):
            continue
        for match in rule.pattern.finditer(text):
            start, end = rule.span(match)
            if start < end:
                found.append(Finding(rule.kind, start, end))
    ends = [end for _, end in marks]
    found = [one for one in found if not _reaches_into(marks, bisect_right(ends, one.start), one.end)]
    found.sort(key=lambda one: (one.start, -one.end))
    apart: list[Finding] = []
    for one in found:
        if apart and one.start < apart[-1].end:
            if one.end - one.start > apart[-1].end - apart[-1].start:
                apart[-1] = one
            continue
        apart.append(one)
    return apart


def _reaches_into(marks: list[tuple[int, int]], first: int, end: int) -> bool:
    """Whether the first mark that ends behind a finding's start begins before its end."""
    return first < len(marks) and marks[first][0] < end


def redact(text: str) -> Redacted:
    """The text with a marker for each secret. Redacting again changes nothing."""
    return take_out(text, find(text))


def take_out(text: str, found: list[Finding]) -> Redacted:
    """The text with a marker for each of what `find` found in it."""
    parts: list[str] = []
    kinds: list[Kind] = []
    at = 0
    for one in found:
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
