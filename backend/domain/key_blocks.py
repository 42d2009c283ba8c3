"""Private keys in files' own forms, found in one pass: whatever a text holds, no part of it is read over and over."""

import re
from collections.abc import Iterator
from typing import Final

LONGEST: Final = 12_000
"""Characters after its first line that a key may have; one that was cut off is taken as far as that."""
_NAMED: Final = r"(?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_FORMS: Final = (
    ("-----BEGIN ", re.compile(rf"-----BEGIN {_NAMED}"), re.compile(rf"-----END {_NAMED}"), True),
    (
        "PuTTY-User-Key-File-",
        re.compile(r"PuTTY-User-Key-File-[23]:"),
        re.compile(r"Private-MAC: {0,4}[0-9a-f]+"),
        False,
    ),
)
"""First signs, head, foot, and whether a head without a foot is a key: of a file that was cut off."""


def key_blocks(text: str) -> Iterator[tuple[int, int]]:
    """Where the private keys stand, first and last line with them."""
    for first, head, foot, cut_off in _FORMS:
        at, no_foot_before = text.find(first), 0
        while at >= 0:
            begun, stop = head.match(text, at), at + len(first)
            if begun is not None:
                furthest = begun.end() + LONGEST
                ended = foot.search(text, max(begun.end(), no_foot_before), furthest)
                if ended or cut_off:
                    stop = ended.end() if ended else min(furthest, len(text))
                    yield at, stop
                else:
                    no_foot_before = max(begun.end(), furthest - 100)  # one may stand across the end of this look
            at = text.find(first, stop)
