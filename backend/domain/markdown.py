"""The steps of a runbook: the items of its lists, without the marks of Markdown."""

import re
from typing import Final

_ITEM: Final = re.compile(r"^(?P<indent>[ \t]*)(?:[-*+]|\d{1,3}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?(?P<text>\S.*)$")
_FENCE: Final = re.compile(r"^[ \t]*(?:```|~~~)")
_LINK: Final = re.compile(r"!?\[([^\]\n]{0,300})\]\([^)\n]{0,500}\)")
_MARKS: Final = re.compile(r"\*\*|__|`|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)")
MOST: Final = 60


def steps(body: str) -> list[str]:
    """One line per list item, in order; code blocks are no steps, and what is indented below an item belongs to it."""
    found: list[str] = []
    fenced = False
    for line in body.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
            continue
        match = None if fenced else _ITEM.match(line)
        if match is None or len(match["indent"].expandtabs(4)) >= 2:
            continue
        found.append(plain(match["text"])[:600])
    return found[:MOST]


def plain(line: str) -> str:
    """A line without emphasis, code marks and link addresses."""
    return _MARKS.sub("", _LINK.sub(r"\1", line)).strip()
