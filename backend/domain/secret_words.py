"""What a value looks like: whether a word after `password` is a secret or says something about one."""

import re
from typing import Final

_STATES: Final = frozenset(
    [
        "about",
        "access",
        "accepted",
        "account",
        "active",
        "again",
        "age",
        "ages",
        "all",
        "and",
        "any",
        "are",
        "authentication",
        "bad",
        "been",
        "blank",
        "breach",
        "cached",
        "cannot",
        "caps",
        "change",
        "changed",
        "changes",
        "changing",
        "check",
        "cleared",
        "complexity",
        "confirmed",
        "copy",
        "correct",
        "correctly",
        "could",
        "dialog",
        "did",
        "different",
        "disabled",
        "does",
        "empty",
        "enabled",
        "enforced",
        "entered",
        "error",
        "expire",
        "expired",
        "expires",
        "expiring",
        "expiry",
        "failed",
        "fails",
        "failure",
        "false",
        "field",
        "fine",
        "following",
        "for",
        "forgot",
        "forgotten",
        "from",
        "had",
        "has",
        "hash",
        "have",
        "here",
        "hidden",
        "history",
        "incorrect",
        "invalid",
        "issue",
        "issues",
        "just",
        "known",
        "last",
        "later",
        "length",
        "less",
        "locked",
        "lost",
        "manager",
        "matched",
        "matches",
        "maximum",
        "may",
        "minimum",
        "mismatch",
        "missing",
        "must",
        "needed",
        "needs",
        "never",
        "new",
        "next",
        "none",
        "not",
        "nothing",
        "notification",
        "null",
        "off",
        "okay",
        "old",
        "only",
        "optional",
        "page",
        "pending",
        "policy",
        "portal",
        "problem",
        "prompt",
        "prompts",
        "protected",
        "protection",
        "provided",
        "redacted",
        "rejected",
        "remembered",
        "removed",
        "required",
        "requires",
        "reset",
        "resets",
        "resetting",
        "rotated",
        "rotation",
        "same",
        "saved",
        "screen",
        "see",
        "sent",
        "set",
        "shared",
        "should",
        "show",
        "shown",
        "spray",
        "spraying",
        "still",
        "stored",
        "strength",
        "sync",
        "synced",
        "synchronised",
        "synchronized",
        "that",
        "the",
        "them",
        "then",
        "this",
        "timeout",
        "too",
        "true",
        "try",
        "unchanged",
        "unknown",
        "unset",
        "update",
        "updated",
        "used",
        "user",
        "users",
        "using",
        "valid",
        "validated",
        "verified",
        "via",
        "wait",
        "was",
        "were",
        "when",
        "will",
        "with",
        "without",
        "works",
        "worked",
        "working",
        "writeback",
        "wrong",
        "yes",
        "yourself",
        "null",
        "undefined",
        "string",
        "securestring",
        "plaintext",
        "vault",
        "bitwarden",
        "keeper",
        "lastpass",
        "keepass",
        "1password",
        "hudu",
        "itglue",
        "documentation",
        "hidden",
        "masked",
        "withheld",
        "removed",
        "ungültig",
        "falsch",
        "abgelaufen",
        "geändert",
        "zurückgesetzt",
        "unbekannt",
        "vergessen",
        "incorrecta",
        "expiré",
        "oublié",
    ]
)
_PLACEHOLDER: Final = re.compile(
    r"""(?x) ^(?: [<\[{(].* | \$.* | %\w+%? | @\{?.* | \*+ | •+ | [xX]{3,} | \.{2,} | -+ | _+ | \?+ | n/?a | [#]+ )$"""
)
_NO_SECRET: Final = re.compile(
    r"""(?xi) ^(?:
        0x[0-9a-f]{2,16} | [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
      | (?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2} | \d{1,3}(?:\.\d{1,3}){3}(?:[:/]\d+)? | v?\d+(?:\.\d+)+ | \d+(?:[.,]\d+)?%?
      | \d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:T[\d:.]+Z?)? | \d{1,2}:\d{2}(?::\d{2})? | \d+(?:ms|s|m|h|d|gb|mb|kb|min|days?|bits?|chars?)
      | kb\d{6,8} | aadsts\d+ | [a-z]+://\S* | [\w.+-]+@[\w-]+\.[\w.-]+ | [a-z]:\\\S* | \\\\\S+ | /[\w./-]+ | hk(?:lm|cu|cr|u)[\\:]\S*
      | [a-z]+\(\)? | \w+\.(?:exe|dll|msi|ps1|txt|pdf|docx?|xlsx?|log|cfg|conf|ini|json|xml|htm|html|php|aspx)
    )$"""
)


def classes(value: str) -> int:
    """How many of small letters, capitals, figures and signs; a word with a capital first is letters alone."""
    inner = value[1:] if value[:1].isupper() and value[1:].isalpha() and value[1:].islower() else value
    return (
        any(sign.islower() for sign in inner)
        + any(sign.isupper() for sign in inner)
        + any(sign.isdigit() for sign in inner)
        + any(not sign.isalnum() for sign in inner)
    )


def no_secret(value: str) -> bool:
    """A state, a place holder, or something that has a form of its own: an error code, an address, a date."""
    return value.lower().strip("'\"“”.,!") in _STATES or bool(_PLACEHOLDER.match(value) or _NO_SECRET.match(value))


def strong(value: str) -> bool:
    """Looks like a password by itself: eight signs and more, of three kinds, letters among them."""
    return len(value) >= 8 and classes(value) >= 3 and not no_secret(value) and any(s.isalpha() for s in value)


def plausible(value: str, *, last: bool) -> bool:
    """Looks like one where a colon or an equals sign says so; `last` when nothing follows on the line."""
    if len(value) < 4 or no_secret(value):
        return False
    return classes(value) >= 2 or (last and len(value) >= 6)


def mixed(value: str) -> bool:
    """Looks like one in a sentence (`the password is …`): letters and figures, or letters and signs within."""
    if len(value) < 5 or no_secret(value) or classes(value) < 2:
        return False
    inner = value.rstrip("!?.")
    return any(s.isalpha() for s in value) and (
        any(s.isdigit() for s in value) or any(not s.isalnum() for s in inner[1:-1])
    )


def opaque(value: str) -> bool:
    """Looks like a token: twelve signs and more, letters and figures mixed."""
    return len(value) >= 12 and not no_secret(value) and classes(value) >= 2 and any(s.isdigit() for s in value)
