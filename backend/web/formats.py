"""How times, names and lists read in front of people. Pure functions; the templates use them as filters."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markupsafe import Markup, escape

from backend.contract.sessions import TicketRef

_APOSTROPHE: Final = "\u2019"
_MINUS: Final = "\u2212"
_APART: Final = "\u2068"
_END: Final = "\u2069"
_LEFTWARDS: Final = frozenset({"R", "AL", "AN"})


_SECRET_LINK: Final = re.compile(
    r"https?://[^\s/<>\"]{1,200}(/secrets/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
)


def secret_links(text: str) -> Markup:
    """What somebody wrote, with links of one-view secrets to press. They lead to this server, whatever they name."""
    parts: list[Markup | str] = []
    at = 0
    for match in _SECRET_LINK.finditer(text):
        link = Markup('<a href="{}" data-testid="one-view-link">One-view secret</a>').format(match[1])
        parts += [escape(text[at : match.start()]), link]
        at = match.end()
    return Markup("").join([*parts, escape(text[at:])])


def zone(name: str) -> ZoneInfo:
    """The account's time zone; UTC when the system does not know the name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def now() -> datetime:
    """The server's time, which every page's clocks are corrected to."""
    return datetime.now(UTC)


def waited(span: timedelta) -> str:
    """`4:12` under one hour, `1 h 04 min` from there on; never negative."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02}"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"


def ago(span: timedelta) -> str | None:
    """`4 s ago` for the first 60 s, then None: the clock time says it better."""
    seconds = max(1, int(span.total_seconds()))
    return f"{seconds} s ago" if seconds < 60 else None


def day(when: date) -> str:
    """`18 Nov`."""
    return f"{when.day} {when:%b}"


def clock(when: datetime, tz: ZoneInfo, *, seconds: bool = False, at: datetime | None = None) -> str:
    """`10:42` (or `10:42:08`) in the account's zone; the date stands before it when it is not today."""
    local, today = when.astimezone(tz), (at or now()).astimezone(tz).date()
    text = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    if local.date() == today:
        return text
    year = f" {local.year}" if local.year != today.year else ""
    return f"{day(local.date())}{year} {text}"


@dataclass(frozen=True, slots=True)
class Clock:
    """Times as one account reads them at one moment."""

    tz: ZoneInfo
    now: datetime

    def time(self, when: datetime) -> str:
        """`10:42`, with the date before it when it is not today."""
        return clock(when, self.tz, at=self.now)

    def at(self, when: datetime) -> str:
        """Like `time` inside a sentence: `at 10:42`, `on 18 Nov at 10:42`."""
        date_part, _, time_part = self.time(when).rpartition(" ")
        return f"on {date_part} at {time_part}" if date_part else f"at {time_part}"


def capital(text: str) -> str:
    """The text with its first letter large and the rest as it is."""
    return f"{text[:1].upper()}{text[1:]}"


def apart(name: str) -> str:
    """The name, set apart where it is written from right to left, so that it does not turn the words around it about.

    What `<bdi>` does, for sentences that are put together here and for attributes. Twice is once.
    """
    if name.isascii() or _APART in name or not any(unicodedata.bidirectional(sign) in _LEFTWARDS for sign in name):
        return name
    return f"{_APART}{name}{_END}"


def first_name(name: str) -> str:
    """The first word of a name, set apart."""
    return apart(name.split(maxsplit=1)[0] if name.strip() else name)


def possessive(name: str) -> str:
    """The name with its apostrophe, and an `s` unless it ends in one."""
    return f"{name}{_APOSTROPHE}" if name.endswith("s") else f"{name}{_APOSTROPHE}s"


def initials(name: str) -> str:
    """At most two letters for the round badge beside a name."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


def listed(words: Iterable[str]) -> str:
    """`Dana`, `Dana and Lee`, `Dana, Lee and Sam`."""
    names = [apart(word) for word in words]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def listed_few(names: Sequence[str], *, most: int = 3, suffix: str = "") -> str:
    """Like `listed`, with at most `most` names: of more, the first two and how many there are besides.

    `suffix` ends it: `Dana, Lee and 41 more desktops`.
    """
    if len(names) <= most:
        return f"{listed(names)}{suffix}"
    shown = [apart(name) for name in names[: most - 1]]
    return f"{', '.join(shown)} and {len(names) - len(shown)} more{suffix}"


def first_names(names: Sequence[str]) -> list[str]:
    """First names; the full name where two people share the first one."""
    firsts = [first_name(name) for name in names]
    return [apart(name) if firsts.count(first) > 1 else first for name, first in zip(names, firsts, strict=True)]


def ticket_label(ticket: TicketRef, *, capital: bool = True) -> str:
    """`Ticket 20418`."""
    return f"{'T' if capital else 't'}icket {ticket.id}"


def confidence_words(confidence: float) -> str:
    """`Low` under 40 %, `Medium` to 74 %, `High` from 75 %."""
    percent = round(confidence * 100)
    return "Low" if percent < 40 else "Medium" if percent < 75 else "High"


def long_duration(minutes: float) -> str:
    """`16 h 46 min`, `4 min` with a minus sign before it where it is below zero; for totals."""
    whole = round(abs(minutes))
    text = f"{whole // 60} h {whole % 60:02} min" if whole >= 60 else f"{whole} min"
    return f"{_MINUS} {text}" if minutes < 0 and whole else text
