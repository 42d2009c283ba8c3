"""Customers' words on their way into mail: nothing in them may end a header, become a link or turn text around."""

import re
import unicodedata
from typing import Final

# What some reader of mail takes for the end of a line, or for nothing at all: C0 and C1 controls (with CR, LF, NEL),
# LINE and PARAGRAPH SEPARATOR. Python's own header code splits at 0x0b, 0x0c, 0x1c to 0x1e, 0x85, U+2028 and U+2029.
_BREAKING: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Embeddings, overrides and isolates that are never closed would turn the words after them around.
_TURNING: Final = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_HALF: Final = re.compile(r"[\ud800-\udfff]")
_SPACE: Final = re.compile(r"[^\S\u00a0\u202f]+")  # spaces that keep a number and its unit together stay
_LINE: Final = re.compile(r"\r\n|[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")

_BREAK: Final = "\u200b"
# `://`, `@`, `www.`, and a dot before something that may be a top-level domain or file ending. Numbers keep their dots,
# so that an address such as 10.0.0.1 can still be copied whole.
_LINKING: Final = re.compile(r"(?<=:)(?=//)|(?<=@)|(?<=www)(?=\.)|(?<=[\w-])(?=\.[^\W\d_])", re.IGNORECASE)

ISOLATE: Final = "\u2068"
POP: Final = "\u2069"
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})


def _tame(text: str) -> str:
    return _TURNING.sub("", _HALF.sub("\ufffd", text))


def flat(text: str) -> str:
    """The text without anything that ends a line, otherwise as it is."""
    return _BREAKING.sub(" ", _HALF.sub("\ufffd", text))


def one_line(text: str, *, longest: int | None = None) -> str:
    """The text as one line without control characters, cut at a word where it is longer than `longest`."""
    line = _SPACE.sub(" ", _BREAKING.sub(" ", _tame(text))).strip()
    return line if longest is None else shorten(line, longest)


def lines(text: str) -> list[str]:
    """The text's lines, each as `one_line` leaves it; empty ones at the ends are dropped, others kept once."""
    found: list[str] = []
    for raw in _LINE.split(_tame(text)):
        line = one_line(raw)
        if line or (found and found[-1]):
            found.append(line)
    return found[:-1] if found and not found[-1] else found


def shorten(text: str, longest: int) -> str:
    """At most `longest` characters; a cut is made between words where that costs little, and shown by an ellipsis."""
    if len(text) <= longest:
        return text
    kept = text[: longest - 1]
    space = kept.rfind(" ")
    if space > longest * 2 // 3:
        kept = kept[:space]
    # A mark that belongs to the letter before it must not be parted from it, nor a joiner left without its second half.
    while kept and (unicodedata.combining(text[len(kept)]) or kept[-1] == "\u200d"):
        kept = kept[:-1]
    return kept.rstrip(" ,;:.\u2026") + "\u2026"


def unlinked(text: str) -> str:
    """The text with invisible breaks where a mail client would otherwise make a link of it.

    Whatever a customer wrote to the helpdesk ends up in this mail. Mail clients turn `evil.example/reset` and
    `help@evil.example` into links by themselves, in HTML as in plain text, and a link in a mail from one's own system
    is trusted. A zero-width space ends the word for the client's search and leaves it readable for people.
    """
    return _LINKING.sub(_BREAK, text)


def isolated(text: str) -> str:
    """The text, kept from turning its neighbours around when it is written from right to left."""
    turned = any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text)
    return f"{ISOLATE}{text}{POP}" if turned else text
